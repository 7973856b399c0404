"""A server with two LoRAs: the page has a slider for each, and moving one changes the image."""
import json
import pathlib
import random
import struct
import tempfile

from harness import PageTest, difference

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "pictogram" / "unet"


def write_lora(path: pathlib.Path, seed: int) -> None:
    """A LoRA of rank 4 with random factors for the UNet's first convolution."""
    with next(MODEL.glob("*.safetensors")).open("rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        out, *rest = json.loads(file.read(size))["conv_in.weight"]["shape"]
    numbers = random.Random(seed)
    header, data = {}, b""
    for name, shape in (("lora_down", [4, *rest]), ("lora_up", [out, 4, 1, 1])):
        count = 1
        for dim in shape:
            count *= dim
        values = struct.pack(f"<{count}f", *(numbers.gauss(0, 0.3) for _ in range(count)))
        header[f"lora_unet_conv_in.{name}.weight"] = {
            "dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Loras(PageTest):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        files = [pathlib.Path(folder.name) / name for name in ("pixel.safetensors", "ink.safetensors")]
        for seed, file in enumerate(files):
            write_lora(file, seed)
        cls.flags = ("--lora", f"{files[0]}:0", "--lora", f"{files[1]}:0.25")
        super().setUpClass()

    def test_each_has_a_slider_that_changes_the_image(self):
        page = self.open()
        page.started()
        before = page.settle()
        page.click("#settings-open")
        page.wait(lambda: [label.text for label in page.find_all(".slider-list label")] == ["pixel", "ink"],
                  "a slider of each in the open panel")
        values = [float(page.find(f"#{name}").get_attribute("value"))
                  for name in ("setting-lora_scales", "setting-lora_scales-1")]
        self.assertEqual(values, [0, 0.25])
        page.set_slider("setting-lora_scales", 2)
        self.assertEqual(page.find(".slider-list output").text, "2.00")
        page.wait(lambda: difference(page.thumbnail("output"), before) > 2, "image under the new scale")
        page.click("[aria-label='Reset LoRA scales']")
        page.wait_for_images(1, "image under the server's own scales")
        self.assertEqual(page.find(".slider-list output").text, "0.00")
        self.assertEqual(page.console_problems(), [])
