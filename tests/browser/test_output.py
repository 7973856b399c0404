"""What leaves the page: the share menu, and the output window."""
from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference

# The names of files that are saved.
CATCH_NAMES = """
const click = HTMLAnchorElement.prototype.click;
HTMLAnchorElement.prototype.click = function () {
  if (this.download) window.names.push(this.download);
  click.call(this);
};
"""
# Images come one by one, with more time between them than the page rests.
ONE_BY_ONE = """
const listen = Object.getOwnPropertyDescriptor(WebSocket.prototype, 'onmessage');
const late = [];
setInterval(() => late.shift()?.(), 1300);
Object.defineProperty(WebSocket.prototype, 'onmessage', { ...listen, set(handler) {
  listen.set.call(this, handler && ((event) => {
    if (typeof event.data === 'string') handler.call(this, event);
    else late.push(() => handler.call(this, event));
  }));
} });
"""


class Output(PageTest):
    def test_the_output_window_shows_the_image_alone(self):
        page = self.open()
        page.started()
        page.settle()
        page.click("#share")
        page.screenshot("share")
        page.click("#share-window")
        page.wait(lambda: len(page.driver.window_handles) == 2, "window")
        own, other = page.driver.window_handles
        page.driver.switch_to.window(other)
        width = "return document.getElementById('image')?.naturalWidth"
        for _ in range(600):
            if page.run(width) == 256:
                break
            page.display_frames(3)
        self.assertEqual(page.run(width), 256)
        style = "return getComputedStyle(document.body).backgroundColor"
        self.assertEqual(page.run(style), "rgb(0, 0, 0)")
        self.assertEqual(page.run("return document.body.innerText.trim()"), "")
        page.driver.switch_to.window(own)
        self.assertEqual(page.console_problems(), [])

    def test_the_output_window_at_rest_shows_the_newest_image(self):
        page = self.open()
        page.started()
        page.settle()
        window = self.open(f"out.html#{self.session()['id']}", size=(640, 480))
        page.click("[data-tool='fill']")
        for color in ("#3264d7", "#3ca046", "#fad63c"):
            page.click(f".swatch[data-color='{color}']")
            page.stroke((0.05, 0.05))  # one change, so that no second image pushes the first
            newest = page.settle()
            for _ in range(40):
                if difference(window.thumbnail("image"), newest) < 2:
                    break
                window.display_frames(3)
            self.assertLess(difference(window.thumbnail("image"), newest), 2, color)

    def test_the_output_window_of_a_session_shows_no_other(self):
        page = self.open()
        page.started()
        page.settle()
        window = self.open("out.html#nobody", size=(640, 480))
        text = "return document.getElementById('missing').innerText"
        window.wait(lambda: window.run(text), "what is missing")
        self.assertEqual(window.run(text), "There is no session nobody: this page waits for it")
        self.assertEqual(window.run("return document.getElementById('image').src"), "")
        window.run("location.hash = arguments[0] + ',newest'", "nobody")
        width = "return document.getElementById('image')?.naturalWidth"
        window.wait(lambda: window.run(width) == 256, "image of the newest")
        self.assertEqual(window.run("return document.body.innerText.trim()"), "")

    def test_a_link_carries_the_drawing(self):
        page = self.open()
        page.started()
        page.click("[data-tool='fill']")
        page.click(".swatch[data-color='#3ca046']")
        page.stroke((0.05, 0.05))
        page.prompt("lion, 3d render")
        drawn = page.thumbnail("drawing")
        page.run("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
        page.click("#share")
        page.click("#share-link")
        link = page.wait(lambda: page.run("return window.copied"), "link", 5)
        self.assertLess(len(link), 8000)
        other = self.open()
        other.driver.get("about:blank")
        other.driver.get(link)
        other.wait(lambda: difference(other.thumbnail("drawing"), drawn) < 3, "drawing of the link")
        other.wait(lambda: other.find("#prompt").get_attribute("value") == "lion, 3d render", "prompt")
        other.driver.get("about:blank")
        other.driver.get(self.server.address + "#drawing=wAAAA")
        other.wait(lambda: "damaged" in other.toast, "message")
        self.assertEqual(page.console_problems(), [])

    def test_an_image_on_the_way_to_the_last_one_is_no_moment(self):
        page = self.open_with(ONE_BY_ONE)
        page.started()
        moments = lambda: len(page.find_all("#history .moment"))
        page.wait(lambda: moments() == 1, "the first drawing")
        shown = page.shown
        page.stroke(*[(0.2 + 0.1 * i, 0.2 + 0.1 * (i % 2)) for i in range(6)])
        page.wait(lambda: page.shown >= shown + 3, "images on the way")
        page.settle(3)
        self.assertEqual(moments(), 2)

    def test_a_moment_of_the_history_comes_back(self):
        page = self.open()
        page.started()
        page.settle(1.5)
        drawn, words = page.thumbnail("drawing"), page.find("#prompt").get_attribute("value")
        page.click("#clear")
        page.click("[data-tool='fill']")
        page.click(".swatch[data-color='#3264d7']")
        page.stroke((0.5, 0.5))
        page.prompt("whale, flat cartoon")
        page.settle(1.5)
        page.click("#history-open")
        moments = page.find_all("#history .moment")
        self.assertGreater(len(moments), 1)
        page.screenshot("history")
        strip, image = page.find("#history").rect, page.find("#output").rect
        self.assertGreaterEqual(strip["y"], image["y"] + image["height"], "it covers no image")
        page.run(f"window.names = []; {CATCH_NAMES}")
        page.click("#history-save")
        page.wait(lambda: len(page.run("return window.names")) == len(moments), "files")
        self.assertEqual(len(set(page.run("return window.names"))), len(moments))
        page.press(Keys.ESCAPE)
        self.assertTrue(page.is_hidden("history"))
        page.click("#history-open")
        page.find("#drawing").click()
        page.press(Keys.ESCAPE)
        self.assertTrue(page.is_hidden("history"), "wherever the focus is")
        page.settle(1.5)
        page.click("#history-open")
        page.find_all("#history .moment")[-1].click()
        self.assertTrue(page.is_hidden("history"), "it has brought a moment back")
        self.assertEqual(page.find("#prompt").get_attribute("value"), words)
        self.assertLess(difference(page.thumbnail("drawing"), drawn), 0.5)
        self.assertEqual(page.console_problems(), [])

    def test_sizes_beyond_the_training_are_warned_about(self):
        page = self.open()
        page.started()
        page.open_settings()
        page.run("""const slider = document.getElementById('setting-width');
            slider.value = 384;
            slider.dispatchEvent(new Event('input'));
            slider.dispatchEvent(new Event('change'))""")
        hint = page.find("#setting-width-hint")
        page.wait(lambda: "trained on images of 256" in hint.text, "warning")
