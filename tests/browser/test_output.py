"""What leaves the page: the share menu, and the output window."""
from harness import PageTest, difference


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
        moments[-1].click()
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
