"""A server with an IP-Adapter: its image is chosen, dropped, copied from the input and removed on the page."""
import pathlib
import tempfile

from selenium.webdriver.common.keys import Keys

from harness import PageTest, difference
from pictogram_ip_adapter import write_ip_adapter

ROW = ".network-row"
DROP = """
const row = document.querySelector(arguments[0]);
const canvas = document.createElement("canvas");
canvas.width = 90; canvas.height = 60;
const context = canvas.getContext("2d");
context.fillStyle = arguments[1]; context.fillRect(0, 0, 90, 60);
context.fillStyle = "#fff"; context.fillRect(20, 0, 20, 30);
canvas.toBlob((blob) => {
  const data = new DataTransfer();
  data.items.add(new File([blob], "style.png", { type: "image/png" }));
  for (const type of ["dragenter", "dragover", "drop"]) {
    row.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
  }
});
"""


class IpAdapters(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        adapter = write_ip_adapter(pathlib.Path(folder.name), "painter")
        cls.flags = ("--ip-adapter", f"{adapter}:0.8")
        super().setUpClass()

    def images(self) -> int:
        return self.session()["params"]["image_prompts"][0]["images"]

    def wait_to_differ(self, page, before: list[int], what: str) -> None:
        """An image acts once it is encoded, beside the stream."""
        page.wait(lambda: difference(page.thumbnail(), before) > 2, what)

    def test_an_image_is_dropped_scaled_and_removed(self):
        page = self.open()
        page.started()
        page.stroke((0.3, 0.3), (0.7, 0.6))
        before = page.settle()
        page.click("#settings-open")
        page.wait(lambda: page.find(f"{ROW} label").text == "painter", "the adapter's row")
        self.assertEqual(page.find(f"{ROW} output").text, "0.80")
        self.assertFalse(page.find(f"{ROW} img").is_displayed())

        page.run(DROP, ROW, "#d02020")
        page.wait(lambda: self.images() == 1, "the dropped image at the server")
        page.wait(lambda: page.run(f"return document.querySelector('{ROW} img').naturalWidth") > 0, "the thumbnail")
        self.assertFalse(page.find("#stage").get_attribute("data-drop"), "the page itself took no file")
        self.wait_to_differ(page, before, "an image in the new style")

        page.set_slider("setting-image_prompts", 0)
        page.wait(lambda: difference(page.thumbnail(), before) < 0.5, "the plain image under scale 0")
        self.assertEqual(self.images(), 1, "the image stays when the scale changes")
        page.set_slider("setting-image_prompts", 0.8)

        button = page.find(f"{ROW} button[aria-label='Remove (painter)']")
        button.send_keys(Keys.ENTER)
        page.wait(lambda: self.images() == 0, "the removal")
        page.wait(lambda: not page.find(f"{ROW} img").is_displayed(), "no thumbnail")
        self.assertEqual(page.console_problems(), [])

    def test_the_present_input_becomes_the_style_and_a_new_session_gets_it_again(self):
        page = self.open()
        page.started()
        page.stroke((0.2, 0.5), (0.8, 0.5))
        page.settle()
        page.click("#settings-open")
        page.click(f"{ROW} button[aria-label='Use the input (painter)']")
        page.wait(lambda: self.images() == 1, "the input at the server")
        first = self.session()["id"]
        self.server.stop()
        self.server.start()
        page.wait(lambda: self.session().get("id", first) != first, "another session", timeout=30)
        page.wait(lambda: self.images() == 1, "the image in the new session")

    def test_the_input_can_be_followed(self):
        page = self.open()
        page.started()
        page.stroke((0.3, 0.3), (0.7, 0.6))
        page.click("#settings-open")
        page.click(f"{ROW} .network-follow input")
        page.wait(lambda: self.session()["params"]["image_prompts"][0]["follow_input"], "the setting")
        for end in (0.3, 0.4, 0.5):  # new frames, which the style follows
            page.stroke((0.3, 0.7), (0.7, end))
            page.settle()
        styled = page.settle()
        page.click(f"{ROW} .network-follow input")
        self.wait_to_differ(page, styled, "the plain image again")
