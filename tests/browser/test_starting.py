"""What a visitor sees where a part of the page does not come, and how it goes on."""
from harness import PageTest


class Starting(PageTest):
    def open_without(self, part: str, **options):
        """The page, one file of which does not come."""
        page = self.open(**options)
        command = page.driver.execute_cdp_cmd
        command("Network.enable", {})
        command("Network.setCacheDisabled", {"cacheDisabled": True})
        command("Network.setBlockedURLs", {"urls": [f"*/{part}"]})
        page.driver.refresh()
        page.wait(lambda: not page.is_hidden("start-failed"), "line about the failure")
        return page

    def load_again(self, page) -> None:
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.click("#reload")

    def test_a_module_that_does_not_come_is_told_and_the_page_loads_again(self):
        for part in ("box.js", "undo_history.js", "main.js"):  # that others need, and the first
            with self.subTest(part):
                page = self.open_without(part)
                self.assertIn("did not load", page.find("#start-failed").text)
                page.screenshot("start-failed")
                self.load_again(page)
                page.started()
                self.assertTrue(page.is_hidden("start-failed"))
                page.close()

    def test_it_is_told_in_the_language_of_the_visitor(self):
        page = self.open_without("box.js", language="de-DE")
        page.wait(lambda: "Neu laden" in page.find("#start-failed").text, "German")
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/language.js"]})
        page.driver.refresh()
        page.wait(lambda: not page.is_hidden("start-failed"), "line about the failure")
        self.assertIn("Load again", page.find("#start-failed").text)

    def test_a_module_that_fails_is_told(self):
        page = self.open()
        page.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {
            "source": "Object.defineProperty(window, 'ResizeObserver', { value: undefined });"
                      "HTMLCanvasElement.prototype.getContext = () => null;"})
        page.driver.refresh()
        page.wait(lambda: not page.is_hidden("start-failed"), "line about the failure")

    def test_so_does_the_output_window(self):
        page = self.open_without("route.js", path="out.html")
        self.load_again(page)
        page.wait(lambda: page.is_hidden("start-failed"), "the output window")
        page.display_frames(5)
        self.assertTrue(page.is_hidden("start-failed"))
