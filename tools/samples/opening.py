#!/usr/bin/env python3
"""Generates docs/images/opening.webp, the moving picture of README: an outline draws itself, and the
same lines become other things by other words. Every image is one of `streamdiffusion image` with the
model's defaults; they are shown at 20 a second, as two cores make them. Needs Pillow.

    tools/samples/opening.py build/release/streamdiffusion"""
import argparse
import json
import pathlib
import subprocess
import tempfile

from PIL import Image, ImageDraw, ImageFont

from doodle import drawing

ROOT = pathlib.Path(__file__).resolve().parents[2]
FPS, DRAWN, SHOWN, LETTERS = 20, 44, 13, 4  # frames: of the drawing, of each prompt; letters a frame
SIDE, GAP, LINE = 256, 12, 44
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def generate(program: str, prompt: str, images: list[Image.Image]) -> list[Image.Image]:
    """What the program makes of the images."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "in"), pathlib.Path(folder, "out")
        source.mkdir()
        for number, image in enumerate(images):
            image.save(source / f"{number:03d}.png")
        subprocess.run([program, "image", "--prompt", prompt, "--input", str(source),
                        "--output", str(target)], check=True)
        return [Image.open(path).convert("RGB") for path in sorted(target.glob("*.png"))]


def frame(left: Image.Image, right: Image.Image, text: str, font) -> Image.Image:
    """The drawing, the image beside it, and the prompt below."""
    picture = Image.new("RGB", (2 * SIDE + 3 * GAP, SIDE + 2 * GAP + LINE), "#f4f3f0")
    picture.paste(left, (GAP, GAP))
    picture.paste(right, (2 * GAP + SIDE, GAP))
    draw = ImageDraw.Draw(picture)
    box = (GAP, SIDE + 2 * GAP, 2 * SIDE + 2 * GAP, SIDE + GAP + LINE)
    draw.rounded_rectangle(box, 8, fill="#ffffff", outline="#dedbd4")
    draw.text((box[0] + 12, (box[1] + box[3]) / 2), text, "#1b1b1f", font, "lm")
    return picture


def frames(program: str, prompts: list[str]) -> list[Image.Image]:
    """All frames of the moving picture."""
    font = ImageFont.truetype(FONT, 16)
    drawn = [drawing((n + 1) / DRAWN) for n in range(DRAWN)]
    images = generate(program, prompts[0], drawn)
    result = [frame(a, b, prompts[0], font) for a, b in zip(drawn, images, strict=True)]
    before = images[-1]
    result += [result[-1]] * SHOWN
    for prompt in prompts[1:]:
        result += [frame(drawn[-1], before, prompt[:n], font)
                   for n in range(1, len(prompt), LETTERS)]
        [before] = generate(program, prompt, drawn[-1:])
        result += [frame(drawn[-1], before, prompt, font)] * SHOWN
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/images/opening.webp")
    args = parser.parse_args()
    page = json.loads((ROOT / "models/pictogram/page.json").read_text())
    pictures = frames(args.program, page["opening"])
    pictures[0].save(args.output, save_all=True, append_images=pictures[1:], duration=1000 // FPS,
                     loop=0, quality=70, method=4)
    size = args.output.stat().st_size
    print(f"{args.output}: {len(pictures) / FPS:.1f} s, {size / 2 ** 20:.2f} MiB")


if __name__ == "__main__":
    main()
