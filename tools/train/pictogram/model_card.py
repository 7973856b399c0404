"""Generates the model card's images with the program itself, from an exported model: text-to-image
at 1, 2 and 4 steps, drawings, photographs, and the effect of each setting.

    python -m pictogram.model_card --photos DIR --output ../../docs/images
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from .diffusion import GUIDANCE
from .preview import DOODLES, sample_drawing
from .runtime import REPOSITORY

TILE, TEXT = 128, 30
PLAIN, GUIDED = ("--cfg-type", "none"), ("--cfg-type", "full", "--guidance-scale", str(GUIDANCE))
SETTINGS = (("--t-index-list", "0", *PLAIN), ("--t-index-list", "0,20", *GUIDED),
            ("--t-index-list", "0,12,24,36", *GUIDED))
WORDS = (
    "red apple", "banana", "strawberry", "lemon", "pizza", "hamburger", "birthday cake", "doughnut",
    "dog face", "cat", "lion", "penguin", "tropical fish", "butterfly", "snail", "horse",
    "house", "castle", "rocket", "blue car", "bicycle", "airplane", "sailboat", "bus",
    "sun", "rainbow", "snowman", "cactus", "sunflower", "christmas tree", "mushroom", "red heart",
    "smiling face", "smiling face with sunglasses", "crying face", "alien", "robot", "ghost",
    "skull", "clown face",
    "guitar", "camera", "umbrella", "key", "alarm clock", "light bulb", "book", "crown",
    "green apple", "purple heart", "pink balloon", "yellow rose", "blue cup", "orange fish",
    "brown bear", "black cat",
    "man astronaut", "woman cook", "baby", "santa claus", "face of a woman with long red hair",
    "face of a man with a beard", "red apple and blue car", "cat and dog")
STYLES = ("3d render", "flat cartoon", "shaded cartoon", "outlined cartoon")
BACKGROUNDS = {5: "light blue", 12: "yellow", 19: "pink", 26: "dark blue", 33: "black", 40: "beige",
               47: "green"}


def prompt_of(number):
    """The subject with this number, with a style in turn and for some numbers a background."""
    subject = WORDS[number]
    style = "anime avatar" if subject.startswith("face of a") else STYLES[number % len(STYLES)]
    background = BACKGROUNDS.get(number)
    return f"{subject}, {style}" + (f", on a {background} background" if background else "")


class Program:
    """`streamdiffusion image`, one image a call."""

    def __init__(self, args):
        self.path, self.model = args.program, args.model

    def generate(self, prompt, *flags):
        """The image of a prompt; `flags` are further flags of the program."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "one.png"
            subprocess.run([self.path, "image", "--quiet", "--model", self.model,
                            "--prompt", prompt, *map(str, flags), "--output", out],
                           check=True, stderr=subprocess.DEVNULL)
            return Image.open(out).convert("RGB").resize((TILE, TILE), Image.LANCZOS)


def wrapped(text, width=21):
    """The text on at most two lines."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines[:2])


def write_sheet(cells, columns, path):
    """Each cell is (images from top to bottom, text below)."""
    tall = max(len(images) for images, _ in cells) * (TILE + 2) + TEXT
    rows = -(-len(cells) // columns)
    canvas = Image.new("RGB", (columns * (TILE + 2), rows * tall), "white")
    draw = ImageDraw.Draw(canvas)
    for number, (images, text) in enumerate(cells):
        x, y = number % columns * (TILE + 2), number // columns * tall
        for row, image in enumerate(images):
            canvas.paste(image, (x, y + row * (TILE + 2)))
        draw.multiline_text((x + 3, y + tall - TEXT + 2), wrapped(text), fill="black", spacing=1)
    canvas.save(path, quality=80)


def write_words(program, path):
    """64 prompts at 1 step, and at 2 and 4 with guidance."""
    cells = []
    for number in range(len(WORDS)):
        prompt = prompt_of(number)
        cells.append(([program.generate(prompt, *flags) for flags in SETTINGS], prompt))
    write_sheet(cells, 16, path)


def write_img2img(program, path, images, prompts, steps):
    """Input images above the outputs at several t_index_lists."""
    cells = []
    for image, prompt in zip(images, prompts, strict=True):
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            image.save(file.name)
            generated = [program.generate(prompt, "--input", file.name, "--t-index-list", s)
                         for s in steps]
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        cropped = image.crop((left, top, left + side, top + side))
        cropped = cropped.resize((TILE, TILE), Image.LANCZOS)
        cells.append(([cropped, *generated], prompt))
    write_sheet(cells, 8, path)


def drawing_image(number):
    """A drawing of preview.py as a PIL image."""
    return Image.fromarray((sample_drawing(number).permute(1, 2, 0) * 255).byte().numpy())


def write_drawings(program, path):
    """The eight drawings of preview.py."""
    images = [drawing_image(i) for i in range(len(DOODLES))]
    write_img2img(program, path, images, [prompt for prompt, _ in DOODLES], ("20", "18,32"))


def write_photographs(program, path, folder):
    """Each photograph in two styles."""
    files = sorted(folder.glob("*.jpg"))[:8]
    images = [Image.open(file).convert("RGB") for file in files]
    names = [file.stem.split("_")[0] for file in files]
    write_img2img(program, path, images * 2,
                  [f"{name}, {style}" for style in ("flat cartoon", "3d render") for name in names],
                  ("32", "20", "12"))


def write_settings(program, path):
    """One line of images for each of the engine's settings."""
    cells = []
    for seed in range(8):
        cells.append(([program.generate("red apple, 3d render", "--seed", seed)], f"seed {seed}"))
    for step in range(8):
        weights = f"{1 - step / 7:.3f},{step / 7:.3f}"
        text = f"red apple {weights} yellow sun"
        cells.append(([program.generate("red apple, 3d render", "--prompt", "yellow sun, 3d render",
                                        "--prompt-weights", weights)], text))
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        drawing_image(3).save(file.name)
        for kind in ("none", "full", "self", "initialize"):
            for scale in (1.5, 2.5):
                flags = ("--input", file.name, "--cfg-type", kind, "--guidance-scale", scale,
                         "--t-index-list", "12,24")
                cells.append(([program.generate("blue car, flat cartoon", *flags)],
                              f"drawing of a car, {kind} {scale}"))
    for negative in ("", "red", "green leaf", "white background", "3d render", "face", "yellow",
                     "black"):
        cells.append(([program.generate("fruit, flat cartoon", "--cfg-type", "full",
                                        "--guidance-scale", 2, "--negative-prompt", negative,
                                        "--t-index-list", "0,20")],
                      f"fruit, not: {negative}"))
    write_sheet(cells, 8, path)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path,
                        default=REPOSITORY / "build" / "release" / "streamdiffusion")
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models" / "pictogram")
    parser.add_argument("--photos", type=Path, help="folder of photographs (*.jpg)")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    program = Program(args)
    write_words(program, args.output / "words.jpg")
    write_drawings(program, args.output / "drawings.jpg")
    write_settings(program, args.output / "settings.jpg")
    if args.photos:
        write_photographs(program, args.output / "photographs.jpg", args.photos)


if __name__ == "__main__":
    main()
