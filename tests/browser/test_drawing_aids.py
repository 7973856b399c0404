"""Opacity, symmetry and an image to trace."""
import pathlib
import tempfile

from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference
from test_files import write_png

WHITE = [255] * 192
PIXEL = """const canvas = document.getElementById('drawing');
    const [x, y] = Array.from(arguments, (v) => Math.floor(v * canvas.width));
    return Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3))"""
SIZE = "const { width, height } = document.getElementById('drawing'); return [width, height]"
BLUE = [0x32, 0x64, 0xd7]


# Pointer events on the drawing: [type, pointer, kind of pointer, x, y] in fractions of its size.
POINTERS = """
const canvas = document.getElementById('drawing'), box = canvas.getBoundingClientRect();
canvas.setPointerCapture = () => {};  // none of these pointers exists
for (const [type, pointerId, pointerType, x, y] of arguments[0]) {
  canvas.dispatchEvent(new PointerEvent('pointer' + type, {
    pointerId, pointerType, button: type === 'move' ? -1 : 0, buttons: 1, pressure: 0.5,
    clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true,
  }));
}
"""
PEN_BEGINS = [("down", 7, "pen", 0.1, 0.1), ("move", 7, "pen", 0.5, 0.1)]
PEN_ENDS = [("move", 7, "pen", 0.9, 0.1), ("up", 7, "pen", 0.9, 0.1)]


class DrawingAids(PageTest):
    def blank(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.click(".swatch[data-color='#3264d7']")
        return page

    def test_a_stroke_of_half_opacity_covers_evenly_where_it_crosses_itself(self):
        page = self.blank()
        page.set_slider("opacity", 0.5)
        page.stroke((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.8))
        half = [(255 + value) / 2 for value in BLUE]
        for at in ((0.3, 0.3), (0.5, 0.5)):
            for value, expected in zip(page.run(PIXEL, *at), half, strict=True):
                self.assertAlmostEqual(value, expected, delta=3)
        page.stroke((0.3, 0.3), (0.3, 0.32))
        self.assertLess(page.run(PIXEL, 0.3, 0.3)[0], half[0] - 20, "a second stroke covers more")
        page.press("z", "z")
        self.assertEqual(page.thumbnail("drawing"), WHITE)
        page.click("[data-tool='fill']")
        page.stroke((0.5, 0.5))
        for value, expected in zip(page.run(PIXEL, 0.5, 0.5), half, strict=True):
            self.assertAlmostEqual(value, expected, delta=3)

    def test_the_hand_that_holds_a_pen_does_not_disturb_its_stroke(self):
        page = self.blank()
        page.run(POINTERS, PEN_BEGINS + PEN_ENDS)
        drawn = page.thumbnail("drawing")
        self.assertGreater(difference(drawn, WHITE), 1)
        down, move = ("down", 8, "touch", 0.5, 0.8), ("move", 8, "touch", 0.6, 0.8)
        for end in ("up", "cancel"):
            hand = [down, move, (end, 8, "touch", 0.6, 0.8)]
            for name, events in (("while", PEN_BEGINS + hand + PEN_ENDS),
                                 ("longer", PEN_BEGINS + hand[:2] + PEN_ENDS + hand[2:]),
                                 ("before", hand[:2] + PEN_BEGINS + hand[2:] + PEN_ENDS)):
                with self.subTest(name, end=end):
                    page.press("z")
                    self.assertEqual(page.thumbnail("drawing"), WHITE, "one stroke")
                    page.run(POINTERS, events)
                    self.assertEqual(page.thumbnail("drawing"), drawn)

    def test_a_second_finger_takes_the_stroke_of_the_first_away(self):
        page = self.blank()
        first = [("down", 7, "touch", 0.1, 0.1), ("move", 7, "touch", 0.5, 0.1)]
        second = [("down", 8, "touch", 0.5, 0.8), ("move", 8, "touch", 0.6, 0.8)]
        ends = [("move", 7, "touch", 0.9, 0.1), ("up", 7, "touch", 0.9, 0.1),
                ("up", 8, "touch", 0.6, 0.8)]
        page.run(POINTERS, first)
        self.assertGreater(difference(page.thumbnail("drawing"), WHITE), 0.5)
        page.run(POINTERS, second + ends)
        self.assertEqual(page.thumbnail("drawing"), WHITE)

    def test_symmetry_draws_the_other_half(self):
        page = self.blank()
        page.press("m")
        self.assertEqual(page.find("#symmetry").get_attribute("aria-pressed"), "true")
        page.stroke((0.1, 0.2), (0.3, 0.6))
        self.assertEqual(page.run(PIXEL, 0.2, 0.4), BLUE)
        self.assertEqual(page.run(PIXEL, 0.8, 0.4), BLUE)
        page.press("z")
        self.assertEqual(page.thumbnail("drawing"), WHITE, "both halves are one change")
        page.click("[data-tool='rectangle']")
        page.stroke((0.1, 0.1), (0.4, 0.4))
        self.assertEqual(page.run(PIXEL, 0.6, 0.25), BLUE)
        page.click("[data-tool='fill']")
        page.click(".swatch[data-color='#d62828']")
        page.stroke((0.25, 0.25))
        self.assertEqual(page.run(PIXEL, 0.75, 0.25), [0xd6, 0x28, 0x28])
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "image after a reload")
        self.assertEqual(page.find("#symmetry").get_attribute("aria-pressed"), "true")

    def test_another_size_and_back_keeps_the_drawing_and_its_undo(self):
        page = self.blank()
        page.stroke((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9))
        drawn = page.thumbnail("drawing")
        sides = "const c = document.getElementById('drawing'); return [c.width / c.height]"

        def resize(ratio, **size):
            self.patch(size)
            page.wait(lambda: abs(page.run(sides)[0] - ratio) < 0.01, f"drawing for {size}")

        resize(2, width=512)
        self.assertEqual(page.run(PIXEL, 0.3, 0.05), BLUE, "all of it, in the middle")
        page.stroke((0.05, 0.5), (0.1, 0.5))  # beside the square
        wide = page.thumbnail("drawing")
        resize(1, width=256)
        resize(2, width=512)
        self.assertLess(difference(page.thumbnail("drawing"), wide), 0.5)
        page.press("z")
        resize(1, width=256)
        self.assertEqual(page.thumbnail("drawing"), drawn, "as it was")
        page.press("z")
        self.assertEqual(page.thumbnail("drawing"), WHITE)
        page.press("Z")
        self.assertEqual(page.thumbnail("drawing"), drawn)
        page.click("#clear")
        resize(0.5, height=512)
        page.press("z")
        resize(1, height=256)
        self.assertEqual(page.thumbnail("drawing"), drawn, "cleared at another size")

    def test_a_drawing_of_another_size_comes_back_as_it_was(self):
        page = self.blank()
        page.stroke((0.1, 0.1), (0.9, 0.1))
        self.patch({"width": 512})
        page.wait(lambda: page.run("return document.getElementById('drawing').width") == 1536, "width")
        page.stroke((0.02, 0.5), (0.1, 0.5))  # beside the square
        drawn, size = page.thumbnail("drawing"), page.run(SIZE)
        for _ in range(3):
            page.driver.refresh()
            page.wait(lambda: page.shown > 0, "image after a reload")
            page.wait(lambda: page.run(SIZE) == size, "size")
            self.assertEqual(page.thumbnail("drawing"), drawn)
        page.stroke((0.3, 0.9), (0.4, 0.9))
        page.press("z")
        self.assertEqual(page.thumbnail("drawing"), drawn)
        page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        page.click("#share")
        page.click("#share-link")
        link = page.wait(lambda: page.run("return window.copied"), "link")
        other = self.open("healthz")
        other.driver.get(link)
        other.wait(lambda: other.shown > 0, "image of the link")
        other.wait(lambda: other.run(SIZE) == size, "size")
        self.assertLess(difference(other.thumbnail("drawing"), drawn), 1)
        other.press("z")
        self.assertEqual(other.thumbnail("drawing"), WHITE, "before it was opened")

    def test_what_was_cleared_and_brought_back_survives_a_reload(self):
        page = self.blank()
        page.stroke((0.1, 0.1), (0.9, 0.9))
        drawn = page.thumbnail("drawing")
        page.click("#clear")
        page.click("#undo")
        page.driver.refresh()
        page.wait(lambda: page.shown > 0, "image after a reload")
        self.assertEqual(page.thumbnail("drawing"), drawn)
        self.assertTrue(page.is_hidden("invite"), "it is not the opening")
        page.click("#clear")
        page.driver.refresh()
        page.started()

    def test_an_image_to_trace_is_seen_but_not_sent(self):
        page = self.blank()
        page.settle()
        sent = page.run("return document.getElementById('output').dataset.live")
        page.run("document.getElementById('file').click = () => {}")  # no dialog of the system
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "red.png")
            write_png(file, (214, 40, 40))
            page.click("#trace")
            page.find("#file").send_keys(str(file))
            opacity = "return getComputedStyle(document.getElementById('traced')).opacity"
            page.wait(lambda: float(page.run(opacity)) > 0.3, "image to trace", 5)
        self.assertEqual(page.thumbnail("drawing"), WHITE)
        page.screenshot("traced")
        page.display_frames(60)
        self.assertEqual(page.run("return document.getElementById('output').dataset.live"), sent)
        page.click("#trace")
        page.wait(lambda: float(page.run(opacity)) == 0, "drawing without the image", 5)
        self.assertEqual(page.console_problems(), [])

    def test_the_tools_are_one_tab_stop_with_arrow_keys(self):
        page = self.open()
        page.started()
        for row in ("draw-tools", "swatches"):
            stops = f"return document.querySelectorAll('#{row} :is(button, input)[tabindex=\"0\"]').length"
            self.assertEqual(page.run(stops), 1)
        page.run("document.querySelector('[data-tool=pen]').focus()")
        page.press(Keys.ARROW_RIGHT, Keys.ENTER)
        self.assertEqual(page.find("[data-tool='fill']").get_attribute("aria-pressed"), "true")
        page.press(Keys.END)
        self.assertEqual(page.run("return document.activeElement.id"), "demo")
        self.assertGreater(difference(page.thumbnail("drawing"), WHITE), 1)
