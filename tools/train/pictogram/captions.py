"""Prompts, composed anew from an image's row at every use, so that the model learns each part on
its own."""

import json
from pathlib import Path

from .backgrounds import NAMES

STYLES = ("3d render", "shaded cartoon", "flat cartoon", "outlined cartoon", "clipart",
          "flat avatar", "cartoon avatar", "anime avatar", "cartoon face")
EMOJI_STYLES = STYLES[:4]
DEFAULT_STYLE = STYLES[0]
COLORS = frozenset(NAMES) | {"gold", "golden", "blond", "grey", "tan"}
HELD_OUT_FILE = Path(__file__).resolve().parents[1] / "heldout.json"
PEOPLE = frozenset((
    "person", "people", "man", "men", "woman", "women", "boy", "girl", "child", "baby", "adult",
    "family", "couple", "face", "hand", "hands", "finger", "fist", "thumbs", "ear", "nose", "foot",
    "leg", "biceps"))
DIRECTIONAL = ("left", "right", "clock", "arrow", "o’clock", "thirty")


def held_out_pairs():
    """The (caption, style) pairs on which no generator or evaluator is trained."""
    return {tuple(pair) for pair in json.loads(HELD_OUT_FILE.read_text())}


def held_out_rows(rows):
    """Row numbers of those pairs."""
    pairs = held_out_pairs()
    return [i for i, r in enumerate(rows) if (r["caption"], r["style"]) in pairs]


def may_mirror(caption):
    """False where mirroring the image would contradict its caption."""
    return not any(word in caption for word in DIRECTIONAL)


def shows_people(caption):
    """True where a natural color could be read as a skin color."""
    return any(word in PEOPLE for word in caption.replace("-", " ").split())


def has_color(text):
    """True if the text already names a color."""
    return any(word in COLORS for word in text.replace(",", " ").split())


def has_background(row):
    """True if the image brings its own background, which its caption names."""
    return "background" in row["caption"]


def subject(row, color, rng):
    """The subject of a prompt with its color: the caption, or 15 % of the time an alternative name
    or tags."""
    text = row["caption"]
    if rng.random() < 0.15 and row["source"] != "dicebear":
        others = list(row.get("alt", ()))
        tags = list(row.get("tags", ()))
        if tags and (not others or rng.random() < 0.4):
            picked = rng.permutation(len(tags))[:int(rng.integers(1, 4))]
            text = " ".join(tags[i] for i in picked) if rng.random() < 0.5 else \
                f"{text} {tags[picked[0]]}"
        elif others:
            text = others[int(rng.integers(len(others)))]
    if color and not has_color(text):
        text = f"{color} {text}"
    return text


def article(name):
    """'a' or 'an'."""
    return "an" if name[0] in "aeiou" else "a"


def compose_prompt(rows, colors, background, rng, random_pose=False):
    """A prompt for one or two rows: `[color] caption[, style][, on a COLOR background]`.

    `colors` holds the new color of each recolored image, or None. A quarter of the time an image
    that kept its color gets the first color of its row named. `background` is a color's name or
    None. What a prompt leaves open is generated as the mean of all possibilities. So only white and
    the default style are left out, except for samples with a random pose, whose noised input still
    shows what the prompt omits.
    """
    parts = []
    for row, color in zip(rows, colors, strict=True):
        row_colors = row.get("colors") or []
        if color is None and row_colors and rng.random() < 0.25:
            color = row_colors[0]
        parts.append(subject(row, color, rng))
    text = " and ".join(parts)
    styles = {row["style"] for row in rows}
    often_omitted = random_pose or styles == {DEFAULT_STYLE}
    if len(styles) == 1 and rng.random() < (0.6 if often_omitted else 0.97):
        text = f"{text}, {rows[0]['style']}"
    background_share = 0.6 if random_pose else 0.3 if background == "white" else 1.0
    if background and rng.random() < background_share and not has_background(rows[0]):
        text = f"{text}, on {article(background)} {background} background"
    return text
