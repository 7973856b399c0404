"""Drawing: the demo doodle, strokes, the tools, what is sent and what is not."""
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference

WHITE = [255] * 192
GREEN = [0x3c, 0xa0, 0x46] * 64

MAX_BYTES = 400 * 1024  # of all that is sent, and of the content of the page's own files
# {part: [bytes sent, bytes of the content]} of what the page has loaded.
RECEIVED = """
const parts = { files: [0, 0], settings: [0, 0], words: null };
const entries = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
for (const { name, encodedBodySize, decodedBodySize } of entries) {
  if (name.startsWith('blob:') || name.startsWith('data:')) continue;
  const part = ['settings', 'words'].find((part) => name.includes(`/api/${part}`)) ?? 'files';
  parts[part] ??= [0, 0];
  parts[part][0] += encodedBodySize;
  parts[part][1] += decodedBodySize;
}
return parts;
"""


class Draw(PageTest):
    def test_opens_without_console_problems_and_draws_by_itself(self):
        page = self.open(motion=True)
        opened = page.run("return performance.now()")
        page.wait(lambda: difference(page.thumbnail("drawing"), WHITE) > 5,
                  "first stroke of the doodle", 5)
        self.assertLess(opened, 10000)
        page.wait(lambda: page.shown > 0, "first image", 15)
        page.started()
        image = page.settle()
        self.assertGreater(max(image) - min(image), 30, "the image is not flat")
        page.screenshot("desktop-light")
        self.assertEqual(page.console_problems(), [])

    def test_nothing_is_loaded_from_elsewhere_and_no_policy_is_violated(self):
        page = self.open()
        page.started()
        names = page.run("return performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertGreater(len(names), 10)
        own = (self.server.address, "blob:", "data:")
        self.assertEqual([n for n in names if not n.startswith(own)], [])
        inline = page.run("return document.querySelectorAll('script:not([src])').length")
        self.assertEqual(inline, 0)
        self.assertEqual(page.console_problems(), [])

    def test_the_page_crosses_the_wire_compressed(self):
        page = self.open()
        page.started()
        page.wait(lambda: page.run(RECEIVED)["words"], "the model's words")
        received = page.run(RECEIVED)
        print("\nThe page, in KiB: " + ", ".join(
            f"{name} {sent / 1024:.0f} of {whole / 1024:.0f}"
            for name, (sent, whole) in received.items() if whole), flush=True)
        for name, (sent, whole) in received.items():
            self.assertLess(sent, whole / 1.5, name)
        self.assertLess(sum(sent for sent, _ in received.values()), MAX_BYTES)
        self.assertLess(received["files"][1], MAX_BYTES)

    def test_a_stroke_changes_the_image_and_undo_restores_it(self):
        page = self.open()
        page.started()
        page.click("#start-over")
        page.wait(lambda: difference(page.thumbnail("drawing"), WHITE) == 0, "empty drawing")
        before = page.settle()
        page.click(".swatch[data-color='#3264d7']")
        page.set_slider("size", 60)
        page.stroke((0.2, 0.3), (0.8, 0.35), (0.2, 0.5), (0.8, 0.6), (0.3, 0.75))
        drawn = page.thumbnail("drawing")
        self.assert_differ(drawn, WHITE)
        after = page.settle()
        self.assert_differ(before, after, 4)
        page.screenshot("stroke")
        page.press("z")
        self.assertEqual(difference(page.thumbnail("drawing"), WHITE), 0)
        self.assertLess(difference(page.settle(), before), difference(after, before))
        shifted = ActionChains(page.driver).key_down(Keys.SHIFT).send_keys("Z")
        shifted.key_up(Keys.SHIFT).perform()
        self.assertEqual(page.thumbnail("drawing"), drawn)

    def test_fill_eraser_and_clear(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.click("[data-tool='fill']")
        page.click(".swatch[data-color='#3ca046']")
        page.stroke((0.5, 0.5))
        self.assertEqual(page.thumbnail("drawing"), GREEN)
        page.click("[data-tool='eraser']")
        page.stroke((0.1, 0.5), (0.9, 0.5))
        self.assert_differ(page.thumbnail("drawing"), GREEN, 1)
        page.click("#clear")
        self.assertEqual(page.thumbnail("drawing"), WHITE)

    def test_shapes_and_the_color_picker(self):
        page = self.open()
        page.started()
        page.set_slider("size", 10)
        page.click(".swatch[data-color='#3264d7']")
        pixel = """const [x, y] = arguments, canvas = document.getElementById('drawing');
            const at = [x * canvas.width, y * canvas.height].map(Math.floor);
            return Array.from(canvas.getContext('2d').getImageData(...at, 1, 1).data).slice(0, 3)"""
        blue, white = [0x32, 0x64, 0xd7], [255, 255, 255]
        for tool, on, off in (("line", (0.5, 0.5), (0.3, 0.7)),
                              ("rectangle", (0.2, 0.5), (0.5, 0.5)),
                              ("ellipse", (0.5, 0.2), (0.22, 0.22))):
            with self.subTest(tool):
                page.click("#clear")
                page.click(f"[data-tool='{tool}']")
                page.stroke((0.2, 0.2), (0.4, 0.6), (0.8, 0.8))
                self.assertEqual(page.run(pixel, *on), blue)
                self.assertEqual(page.run(pixel, *off), white, "only the last shape stays")
                page.press("z")
                self.assertEqual(page.thumbnail("drawing"), WHITE)
        page.click("[data-tool='fill']")
        page.stroke((0.5, 0.5))
        page.click(".swatch[data-color='#d62828']")
        page.press("i")
        page.stroke((0.5, 0.5))
        chosen = page.find(".swatch[data-color='#3264d7']").get_attribute("aria-pressed")
        self.assertEqual(chosen, "true")
        self.assertEqual(page.find("[data-tool='pen']").get_attribute("aria-pressed"), "true")

    def test_a_reload_in_the_middle_of_a_stroke_keeps_it(self):
        page = self.open()
        page.started()
        page.press("x")
        ActionChains(page.driver, duration=30).move_to_element(page.find("#drawing")).click_and_hold() \
            .move_by_offset(60, 40).perform()
        drawn = page.thumbnail("drawing")
        self.assertNotEqual(drawn, WHITE)
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "image")
        page.wait(lambda: difference(page.thumbnail("drawing"), drawn) < 1, "the stroke")

    def test_draw_over_makes_the_image_the_drawing(self):
        page = self.open()
        page.started()
        image = page.settle()
        before = difference(page.thumbnail("drawing"), image)
        self.assertGreater(before, 6)
        page.click("#draw-over")
        page.wait(lambda: difference(page.thumbnail("drawing"), image) < before / 2,
                  "image as the drawing", 5)
        page.press("z")
        self.assertEqual(difference(page.thumbnail("drawing"), image), before)

    def test_an_unchanged_drawing_is_not_sent_but_a_new_prompt_takes_effect(self):
        page = self.open()
        page.started()
        before = page.settle(1.5)
        count = page.shown
        page.wait(lambda: page.state == "Ready", "state at rest")
        page.display_frames(90)
        self.assertEqual(page.shown, count, "nothing changed, nothing came")
        page.set_slider("strength", 0.9)
        page.prompt("green frog face, flat cartoon")
        page.wait(lambda: page.shown > count, "image of the new prompt")
        self.assert_differ(before, page.settle(), 1.5)

    def test_pause_keeps_the_image_and_resume_catches_up(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.press(" ")
        page.wait(lambda: page.state == "Paused", "pause")
        page.click("[data-tool='fill']")
        page.stroke((0.05, 0.95))
        page.display_frames(60)
        self.assertEqual(page.thumbnail(), before)
        page.press(" ")
        page.wait(lambda: difference(page.thumbnail(), before) > 2, "image after the pause")

    def test_a_drawing_survives_a_reload(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.stroke((0.2, 0.2), (0.8, 0.8))
        drawn = page.thumbnail("drawing")
        page.driver.refresh()  # at once
        page.wait(lambda: difference(page.thumbnail("drawing"), drawn) < 0.5, "restored drawing")
