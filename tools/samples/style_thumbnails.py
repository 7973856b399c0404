#!/usr/bin/env python3
"""Writes the thumbnails of the styles in models/pictogram/page.json: the same drawing in every style, so
that they differ by the style alone. A cat's outline for things, a face for the avatars. Needs Pillow.

    tools/samples/style_thumbnails.py build/release/streamdiffusion"""
import argparse
import base64
import io
import json
import pathlib
import subprocess
import tempfile

from PIL import Image, ImageDraw

from doodle import drawing

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIDE, QUALITY, SCALE = 72, 60, 4
STEP = "30"  # t_index_list: close to the drawing
THING, FACE = "cat face", "face of a woman with long brown hair"
HAIR, SKIN, DRESS, SKY = "#784c2e", "#f2c9a8", "#d62828", "#96cdf5"


def face() -> Image.Image:
    """A face with long hair, in the colors of the page's palette."""
    image = Image.new("RGB", (256 * SCALE, 256 * SCALE), SKY)
    draw = ImageDraw.Draw(image)

    def ellipse(x, y, radius_x, radius_y, color):
        corners = (x - radius_x, y - radius_y, x + radius_x, y + radius_y)
        draw.ellipse([SCALE * c for c in corners], fill=color)

    ellipse(128, 118, 78, 86, HAIR)
    draw.rectangle([SCALE * c for c in (50, 118, 206, 216)], fill=HAIR)
    draw.rounded_rectangle([SCALE * c for c in (60, 204, 196, 290)], 40 * SCALE, fill=DRESS)
    draw.rectangle([SCALE * c for c in (110, 170, 146, 214)], fill=SKIN)
    ellipse(128, 130, 54, 62, SKIN)
    draw.pieslice([SCALE * c for c in (70, 56, 186, 140)], 180, 360, fill=HAIR)
    for x in (106, 150):
        ellipse(x, 132, 8, 10, "#0c0c0e")
        ellipse(x + 2, 128, 3, 3, "#ffffff")
    draw.arc([SCALE * c for c in (112, 148, 144, 172)], 20, 160, fill=DRESS, width=5 * SCALE)
    return image.resize((256, 256), Image.Resampling.LANCZOS)


def generate(program: str, prompt: str, source: Image.Image) -> Image.Image:
    """What the program makes of a drawing."""
    with tempfile.TemporaryDirectory() as folder:
        drawn, made = pathlib.Path(folder, "in.png"), pathlib.Path(folder, "out.png")
        source.save(drawn)
        subprocess.run([program, "image", "--quiet", "--prompt", prompt, "--t-index-list", STEP,
                        "--input", str(drawn), "--output", str(made)], check=True)
        return Image.open(made).convert("RGB")


def address(image: Image.Image) -> str:
    """A data: address of the image, small."""
    data = io.BytesIO()
    small = image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    small.save(data, "WEBP", quality=QUALITY, method=6)
    return "data:image/webp;base64," + base64.b64encode(data.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / "models" / "pictogram")
    args = parser.parse_args()
    file = args.model / "page.json"
    text = file.read_text()
    thumbnails = json.loads(text)["thumbnails"]
    for style in json.loads((args.model / "concepts.json").read_text())["styles"]:
        is_face = "avatar" in style or "face" in style
        subject, source = (FACE, face()) if is_face else (THING, drawing(1))
        made = address(generate(args.program, f"{subject}, {style}", source))
        text = text.replace(thumbnails[style], made)
    file.write_text(text)
    print(f"{file}: {file.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
