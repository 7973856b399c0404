"""The model card's sheets, drawn by the program itself from an exported model: words at 1, 2 and 4
steps, drawings, photographs, and what each of the engine's settings does.

    python -m pictogram.cards --photos DIR --output ../../docs/images
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

from .diffusion import GUIDANCE
from .preview import DOODLES, drawing
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
    "smiling face", "smiling face with sunglasses", "crying face", "alien", "robot", "ghost", "skull", "clown face",
    "guitar", "camera", "umbrella", "key", "alarm clock", "light bulb", "book", "crown",
    "green apple", "purple heart", "pink balloon", "yellow rose", "blue cup", "orange fish", "brown bear", "black cat",
    "man astronaut", "woman cook", "baby", "santa claus", "face of a woman with long red hair",
    "face of a man with a beard", "red apple and blue car", "cat and dog")
STYLES = ("3d render", "flat cartoon", "shaded cartoon", "outlined cartoon")
BACKGROUNDS = {5: "light blue", 12: "yellow", 19: "pink", 26: "dark blue", 33: "black", 40: "beige", 47: "green"}


def prompt_of(number):
    """The words of a number with a style in turn and now and then a background."""
    words = WORDS[number]
    style = "anime avatar" if words.startswith("face of a") else STYLES[number % len(STYLES)]
    background = BACKGROUNDS.get(number)
    return f"{words}, {style}" + (f", on a {background} background" if background else "")


class Program:
    """`streamdiffusion image`, a picture a call."""

    def __init__(self, args):
        self.path, self.model = args.program, args.model

    def draw(self, prompt, *flags):
        """The picture of a prompt; more flags as the program takes them."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "one.png"
            subprocess.run([self.path, "image", "--quiet", "--model", self.model, "--prompt", prompt,
                            *map(str, flags), "--output", out], check=True, stderr=subprocess.DEVNULL)
            return Image.open(out).convert("RGB").resize((TILE, TILE), Image.LANCZOS)


def wrapped(text, width=21):
    """The text in two lines at most."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines[:2])


def sheet(cells, columns, path):
    """Cells are (pictures from top to bottom, text below)."""
    tall = max(len(pictures) for pictures, _ in cells) * (TILE + 2) + TEXT
    rows = -(-len(cells) // columns)
    whole = Image.new("RGB", (columns * (TILE + 2), rows * tall), "white")
    pen = ImageDraw.Draw(whole)
    for number, (pictures, text) in enumerate(cells):
        x, y = number % columns * (TILE + 2), number // columns * tall
        for place, picture in enumerate(pictures):
            whole.paste(picture, (x, y + place * (TILE + 2)))
        pen.multiline_text((x + 3, y + tall - TEXT + 2), wrapped(text), fill="black", spacing=1)
    whole.save(path, quality=80)


def words(program, path):
    """64 prompts at 1 step, and at 2 and 4 under guidance."""
    cells = []
    for number in range(len(WORDS)):
        prompt = prompt_of(number)
        cells.append(([program.draw(prompt, *flags) for flags in SETTINGS], prompt))
    sheet(cells, 16, path)


def inputs(program, path, pictures, prompts, steps):
    """Pictures above what becomes of them."""
    cells = []
    for picture, prompt in zip(pictures, prompts, strict=True):
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            picture.save(file.name)
            made = [program.draw(prompt, "--input", file.name, "--t-index-list", s) for s in steps]
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        shown = picture.crop((left, top, left + side, top + side)).resize((TILE, TILE), Image.LANCZOS)
        cells.append(([shown, *made], prompt))
    sheet(cells, 8, path)


def picture_of(number):
    """A drawing of preview.py."""
    return Image.fromarray((drawing(number).permute(1, 2, 0) * 255).byte().numpy())


def drawings(program, path):
    """The eight drawings of preview.py."""
    pictures = [picture_of(i) for i in range(len(DOODLES))]
    inputs(program, path, pictures, [prompt for prompt, _ in DOODLES], ("20", "18,32"))


def photographs(program, path, folder):
    """Each photograph in two styles."""
    files = sorted(folder.glob("*.jpg"))[:8]
    pictures = [Image.open(file).convert("RGB") for file in files]
    names = [file.stem.split("_")[0] for file in files]
    inputs(program, path, pictures * 2,
           [f"{name}, {style}" for style in ("flat cartoon", "3d render") for name in names], ("32", "20", "12"))


def settings(program, path):
    """One line of pictures for each of the engine's settings."""
    cells = []
    for seed in range(8):
        cells.append(([program.draw("red apple, 3d render", "--seed", seed)], f"seed {seed}"))
    for step in range(8):
        weights = f"{1 - step / 7:.3f},{step / 7:.3f}"
        cells.append(([program.draw("red apple, 3d render", "--prompt", "yellow sun, 3d render",
                                    "--prompt-weights", weights)], f"red apple {weights} yellow sun"))
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture_of(3).save(file.name)
        for kind in ("none", "full", "self", "initialize"):
            for scale in (1.5, 2.5):
                flags = ("--input", file.name, "--cfg-type", kind, "--guidance-scale", scale, "--t-index-list", "12,24")
                cells.append(([program.draw("blue car, flat cartoon", *flags)], f"drawing of a car, {kind} {scale}"))
    for negative in ("", "red", "green leaf", "white background", "3d render", "face", "yellow", "black"):
        cells.append(([program.draw("fruit, flat cartoon", "--cfg-type", "full", "--guidance-scale", 2,
                                    "--negative-prompt", negative, "--t-index-list", "0,20")],
                      f"fruit, not: {negative}"))
    sheet(cells, 8, path)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=REPOSITORY / "build" / "release" / "streamdiffusion")
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models" / "pictogram")
    parser.add_argument("--photos", type=Path, help="folder of photographs (*.jpg)")
    parser.add_argument("--output", type=Path, default=REPOSITORY / "docs" / "images")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    program = Program(args)
    words(program, args.output / "words.jpg")
    drawings(program, args.output / "drawings.jpg")
    settings(program, args.output / "settings.jpg")
    if args.photos:
        photographs(program, args.output / "photographs.jpg", args.photos)


if __name__ == "__main__":
    main()
