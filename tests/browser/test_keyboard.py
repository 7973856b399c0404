"""The keyboard alone, and what screen readers hear."""
from selenium.webdriver.common.keys import Keys

from harness import PageTest

# Numbers the controls that the Tab key should reach, and returns the numbers.
NUMBER_CONTROLS = """
return [...document.querySelectorAll('button, input, select, textarea, canvas[tabindex]')]
  .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0)
  .map((e, i) => (e.dataset.reach = String(i)))
"""
NAMELESS_CONTROLS = """
return [...document.querySelectorAll('[data-reach]')]
  .filter((e) => !(e.ariaLabel || e.textContent.trim() || e.labels?.length))
  .map((e) => e.outerHTML)
"""


class Keyboard(PageTest):
    def test_the_tab_key_reaches_every_control_and_each_has_a_name(self):
        page = self.open()
        page.started()
        wanted = set(page.run(NUMBER_CONTROLS))
        self.assertEqual(page.run(NAMELESS_CONTROLS), [])
        reached = set()
        for _ in range(len(wanted) + 10):
            page.press(Keys.TAB)
            reached.add(page.run("return document.activeElement?.dataset.reach"))
        missing = [page.find(f"[data-reach='{number}']").get_attribute("outerHTML")
                   for number in wanted - reached]
        self.assertEqual(missing, [])

    def test_a_row_of_chips_is_one_tab_stop_with_arrow_keys(self):
        page = self.open()
        page.started()
        stops = "return document.querySelectorAll('#concepts button[tabindex=\"0\"]').length"
        self.assertEqual(page.run(stops), 1)
        page.run("document.querySelector('#concepts button[tabindex=\"0\"]').focus()")
        first = page.run("return document.activeElement.textContent")
        page.press(Keys.ARROW_RIGHT)
        second = page.run("return document.activeElement.textContent")
        self.assertNotEqual(first, second)
        page.press(Keys.ARROW_LEFT)
        self.assertEqual(page.run("return document.activeElement.textContent"), first)
        page.press(Keys.END, Keys.ENTER)
        chosen = page.run("return document.activeElement.textContent")
        self.assertIn(chosen, page.find("#prompt").get_attribute("value"))
        self.assertEqual(page.run(stops), 1)

    def test_only_what_matters_is_announced(self):
        page = self.open()
        page.run("""window.said = [];
            new MutationObserver(() => window.said.push(document.getElementById('announcement')
              .textContent)).observe(document.getElementById('announcement'), { childList: true })""")
        page.started()
        for n in range(3):
            page.stroke((0.2, 0.2 + n / 10), (0.8, 0.2 + n / 10))
        page.settle()
        page.press(" ")
        page.wait(lambda: "Paused" in page.run("return window.said"), "pause announced")
        self.assertNotIn("Live", page.run("return window.said"))
        self.assertNotIn("Ready", page.run("return window.said"))

    def test_keys_do_what_the_list_says(self):
        page = self.open()
        page.started()

        def size():
            return int(page.find("#size").get_attribute("value"))

        page.press("?")
        self.assertTrue(page.run("return document.getElementById('help').open"))
        page.screenshot("help")
        page.press(Keys.ESCAPE)
        first = size()
        page.press("]")
        self.assertGreater(size(), first)
        page.press("[", "[")
        self.assertLess(size(), first)
        page.press("f")
        fill = page.find("[data-tool='fill']")
        self.assertEqual(fill.get_attribute("aria-pressed"), "true")
        page.press("t")
        self.assertFalse(page.is_hidden("settings-panel"))
        page.press(Keys.ESCAPE)
        self.assertTrue(page.is_hidden("settings-panel"))
        page.press("/")
        self.assertEqual(page.run("return document.activeElement.id"), "prompt")
        page.press("z", Keys.ESCAPE)
        self.assertTrue(page.find("#prompt").get_attribute("value"))

    def test_the_keyboard_draws(self):
        page = self.open()
        page.started()
        page.click("#clear")
        page.click(".swatch[data-color='#3264d7']")
        page.run("document.getElementById('drawing').focus()")
        dark = """const canvas = document.getElementById('drawing');
            const [x, y] = Array.from(arguments, (v) => Math.floor(v * canvas.width));
            return canvas.getContext('2d').getImageData(x, y, 1, 1).data[0] < 200"""
        page.press(*[Keys.ARROW_LEFT] * 4, Keys.ENTER, *[Keys.ARROW_DOWN] * 6, Keys.ENTER,
                   *[Keys.ARROW_RIGHT] * 6)
        self.assertTrue(page.run(dark, 0.5 - 32 / 256, 0.5 + 24 / 256))
        self.assertFalse(page.run(dark, 0.5, 0.5 + 48 / 256), "the pen is up")
        page.press(Keys.ENTER, *[Keys.ARROW_UP] * 6, Keys.ESCAPE)
        self.assertFalse(page.run(dark, 0.5 + 16 / 256, 0.5 + 24 / 256), "taken back")
        page.press("z")
        self.assertFalse(page.run(dark, 0.5 - 32 / 256, 0.5 + 24 / 256))
        self.assertTrue(page.is_hidden("pause-badge"))

    def test_the_keyboard_draws_shapes_and_picks_colors(self):
        page = self.open()
        page.started()
        page.set_slider("size", 8)
        pixel = """const canvas = document.getElementById('drawing');
            const [x, y] = Array.from(arguments, (v) => Math.floor((0.5 + v / 256) * canvas.width));
            return Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data.slice(0, 3))"""
        blue, white = [0x32, 0x64, 0xd7], [255, 255, 255]
        page.run("document.getElementById('drawing').focus()")
        x, y = 0, 0  # of the pen, from the middle
        for key, on, off in (("l", (32, 24), (64, 24)), ("b", (64, 24), (32, 24)),
                             ("o", (32, 0), (0, 0))):
            with self.subTest(key):
                page.run("""document.querySelector(".swatch[data-color='#3264d7']").click()""")
                page.press("x", key, Keys.ENTER, *[Keys.ARROW_RIGHT] * 8, *[Keys.ARROW_DOWN] * 6)
                self.assertEqual(page.run(pixel, x + on[0], y + on[1]), blue)
                self.assertEqual(page.run(pixel, x + off[0], y + off[1]), white)
                page.press(Keys.ESCAPE)
                self.assertEqual(page.run(pixel, x + on[0], y + on[1]), white, "taken back")
                page.press(Keys.ENTER, *[Keys.ARROW_LEFT] * 8, *[Keys.ARROW_UP] * 6, Keys.ENTER)
                self.assertEqual(page.run(pixel, x + on[0], y + on[1]), blue)
                page.press(Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
                self.assertEqual(page.run(pixel, x + on[0], y + on[1]), blue, "it is finished")
        page.press("x", "f", Keys.ENTER)
        page.run("""document.querySelector(".swatch[data-color='#d62828']").click()""")
        for to in ([], [Keys.ARROW_RIGHT] * 20):  # up to the edge
            page.press("i", *to, Keys.ENTER)
            chosen = page.run("""return [...document.querySelectorAll('.swatch[aria-pressed="true"]')]
                .map((e) => e.dataset.color)""")
            self.assertEqual(chosen, ["#3264d7"])
            self.assertEqual(page.run(pixel, 0, 0), blue, "nothing was drawn")

    def test_all_things_are_one_tab_stop_with_arrow_keys(self):
        page = self.open()
        page.started()
        page.wait(lambda: page.find("#things-open").get_attribute("title"), "name")
        page.click("#things-open")
        grid = "return [...document.querySelectorAll('#things-grid button:not([hidden])')]"
        self.assertEqual(page.run(f"{grid}.filter((e) => e.tabIndex === 0).length"), 1)
        columns = page.run(f"{grid}.filter((e, i, all) => e.offsetTop === all[0].offsetTop).length")
        self.assertGreater(columns, 2)
        at = f"{grid}.indexOf(document.activeElement)"
        for key, expected in ((Keys.TAB, None), (Keys.ARROW_RIGHT, 1), (Keys.ARROW_DOWN, 1 + columns),
                              (Keys.ARROW_LEFT, columns), (Keys.ARROW_UP, 0), (Keys.ARROW_UP, 0)):
            page.press(key)
            while expected is None and page.run(at) < 0:
                page.press(Keys.TAB)
            self.assertEqual(page.run(at), expected or 0)
        page.press(Keys.END)
        self.assertGreater(page.run(at), 1000)
        search = page.find("#things-search")
        search.send_keys("dragon")
        page.wait(lambda: page.run(f"{grid}.length") < 10, "what is found")
        self.assertEqual(page.run(f"{grid}.filter((e) => e.tabIndex === 0).length"), 1)
        search.send_keys(Keys.ARROW_DOWN)
        self.assertEqual(page.run(at), 0)
        page.press(Keys.ENTER)
        self.assertIn("dragon", page.find("#prompt").get_attribute("value"))

    def test_the_prompt_before_comes_back(self):
        page = self.open()
        page.started()

        def prompt():
            return page.find("#prompt").get_attribute("value")

        own = prompt()
        page.click("#concepts .chip:nth-child(2)")
        self.assertNotEqual(prompt(), own)
        page.press("u")
        self.assertEqual(prompt(), own)
        page.click("#concepts .chip:nth-child(2)")
        page.run("document.getElementById('prompt-undo').focus()")
        page.press(Keys.ENTER)
        self.assertEqual(prompt(), own)
        self.assertEqual(page.run("return document.activeElement.id"), "prompt", "the button is gone")


# Violations of rules that assistive technology depends on, as texts.
AUDIT = """
const found = [];
const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
for (const id of new Set(ids)) {
  if (ids.filter((other) => other === id).length > 1) found.push(`the id ${id} is not unique`);
}
for (const name of ['aria-controls', 'aria-labelledby', 'aria-describedby', 'for']) {
  for (const e of document.querySelectorAll(`[${name}]`)) {
    for (const id of e.getAttribute(name).split(' ')) {
      if (!document.getElementById(id)) found.push(`${name} of ${e.id || e.tagName}: no ${id}`);
    }
  }
}
for (const e of document.querySelectorAll('button, input, select, textarea, dialog')) {
  const name = e.ariaLabel || e.textContent.trim() || e.labels?.length ||
    e.getAttribute('aria-labelledby');
  if (!name && !e.hidden) found.push(`${e.outerHTML.slice(0, 80)} has no name`);
}
for (const e of document.querySelectorAll('img:not([alt])')) found.push(`${e.src} has no alt`);
for (const e of document.querySelectorAll('[tabindex]')) {
  if (e.tabIndex > 0) found.push(`${e.id} changes the order of the Tab key`);
}
for (const e of document.querySelectorAll('[aria-hidden="true"]')) {
  const inside = [e, ...e.querySelectorAll('*')].filter((f) => f.tabIndex >= 0 && f.checkVisibility());
  if (inside.length) found.push(`${e.id || e.className} is hidden but can have the focus`);
}
const channel = (v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const painted = new Map();
const rgba = (color) => {
  if (painted.has(color)) return painted.get(color);
  paint.clearRect(0, 0, 1, 1);
  paint.fillStyle = color;
  paint.fillRect(0, 0, 1, 1);
  painted.set(color, Array.from(paint.getImageData(0, 0, 1, 1).data));
  return painted.get(color);
};
const grounds = new Map();
const ground = (e) => {
  if (!e) return rgba(getComputedStyle(document.documentElement).backgroundColor);
  if (!grounds.has(e)) {
    const color = rgba(getComputedStyle(e).backgroundColor);
    grounds.set(e, color[3] > 240 ? color : ground(e.parentElement));
  }
  return grounds.get(e);
};
// The things look alike: thirty are checked, because to style all 1473 takes a busy machine too long.
const more = new Set([...document.querySelectorAll('.thing')].slice(30)
  .flatMap((e) => [e, ...e.querySelectorAll('*')]));
for (const e of document.querySelectorAll('body *')) {
  if (more.has(e)) continue;
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !e.checkVisibility({ opacityProperty: true }) || e.closest('.heard, :disabled')) continue;
  if (e.closest('.underlay, .notice-quiet, .skip')) continue;
  const [a, b] = [luminance(rgba(getComputedStyle(e).color)), luminance(ground(e))];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) found.push(`${e.id || e.className || e.tagName} "${e.textContent.trim()
    .slice(0, 20)}" has a contrast of ${ratio.toFixed(2)}`);
}
return found;
"""


class Audit(PageTest):
    def test_on_phones_every_control_has_a_name_and_nothing_is_wider_than_the_screen(self):
        for size in ((390, 844), (844, 390), (320, 640)):
            with self.subTest(size):
                page = self.open(size=size, phone=True)
                page.started()
                self.assertLessEqual(page.run("return document.documentElement.scrollWidth"), size[0])
                controls = [e for e in page.find_all("button, input") if e.is_displayed()]
                self.assertGreater(len(controls), 20)
                nameless = [e.get_attribute("outerHTML") for e in controls if not e.accessible_name]
                self.assertEqual(nameless, [])
                page.close()

    def test_nothing_violates_the_rules_of_accessibility(self):
        for dark in (False, True):
            with self.subTest(dark=dark):
                page = self.open(dark=dark)
                page.started()
                self.assertEqual(page.run(AUDIT), [])
                page.open_settings()
                self.assertEqual(page.run(AUDIT), [])
                page.click("#settings-close")
                page.click("#things-open")
                self.assertEqual(page.run(AUDIT), [])
                page.screenshot(f"audit-{'dark' if dark else 'light'}")
