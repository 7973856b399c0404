"""A server with two ControlNets: each has a switch, a slider and a preprocessor, and shows what it sees."""
import pathlib
import tempfile

from harness import PageTest
from pictogram_controlnet import write_controlnet

ROW = ".network-row"
SEEN = f"""
  const image = document.querySelector("{ROW} img");
  if (!image.complete || !image.naturalWidth) return null;
  const canvas = new OffscreenCanvas(64, 64);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 64, 64);
  return Array.from(context.getImageData(0, 0, 64, 64).data).filter((_, i) => i % 4 === 0);
"""


class ControlNets(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        nets = [pathlib.Path(folder.name) / name for name in ("canny", "my-net")]
        for seed, net in enumerate(nets):
            write_controlnet(net, seed)
        cls.flags = ("--controlnet", f"{nets[0]}:0.5", "--controlnet", f"{nets[1]}:1")
        super().setUpClass()

    def test_each_is_set_on_the_page_and_shows_what_it_sees(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.click("#settings-open")
        page.wait(lambda: [label.text for label in page.find_all(f"{ROW} label")] == ["canny", "my-net"], "both nets")
        self.assertEqual([output.text for output in page.find_all(f"{ROW} output")], ["0.50", "1.00"])
        chosen = [select.get_attribute("value") for select in page.find_all(f"{ROW} select")]
        self.assertEqual(chosen, ["canny", "passthrough"])

        page.set_slider("setting-control_settings", 2)
        self.assertEqual(page.find(f"{ROW} output").text, "2.00")
        page.wait_for_images(1, "image under the new scale")
        self.assert_differ(page.settle(), before)

        page.click(f"{ROW} summary")
        page.wait(lambda: page.run(f"return document.querySelector('{ROW} img').naturalWidth") > 0,
                  "what the first net sees")
        others = page.find_all(f"{ROW} summary")
        others[1].click()
        self.assertEqual(page.find_all(f"{ROW} .field-hint")[1].text, "The input itself.")

        page.click("[aria-label='my-net acts']")
        page.wait(lambda: page.find_all(f"{ROW} .field-hint")[1].text == "Nothing: it is off.", "the switch")
        page.wait_for_images(1, "image without the second net")
        page.click("[aria-label='Reset ControlNets']")
        page.wait(lambda: page.find(f"{ROW} output").text == "0.50", "the server's own settings")
        self.assertEqual(page.console_problems(), [])

    def test_nets_follow_the_drawing_while_the_camera_gives_the_frames(self):
        page = self.open()
        page.started()
        page.settle()
        page.click("[data-source='camera']")
        page.wait_for_images(3, "images of the camera")
        page.click("#settings-open")
        page.click(f"{ROW} summary")
        first = page.wait(lambda: page.run(SEEN), "what the net sees of the camera")
        page.wait(lambda: page.run(SEEN) not in (None, first), "another frame of the camera")

        page.click("#setting-control_settings-drawing")
        page.wait_for_images(3, "images that follow the drawing")

        def rests():
            """The drawing does not move, as the picture of the browser's stand-in for a camera does."""
            seen = page.run(SEEN)
            images = page.shown
            page.wait(lambda: page.shown > images + 3, "more images")
            return seen is not None and any(seen) and page.run(SEEN) == seen

        page.wait(rests, "the drawing's lines")
        self.assertEqual(page.console_problems(), [])
