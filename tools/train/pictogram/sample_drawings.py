"""Sixteen drawings as a person makes them, each in three kinds: filled with flat colors, as black
outlines on white, and half drawn. Coordinates are those of a 256 px image."""

import random

import numpy as np
import torch
from PIL import Image, ImageDraw

SIZE, SCALE = 256, 4  # drawn at SCALE times the size, then reduced
PEN = 7  # width of an outline
KINDS = ("filled", "outline", "half")
COLORS = {
    "black": "#0c0c0e", "white": "#ffffff", "red": "#d62828", "orange": "#f78f28",
    "yellow": "#fad63c", "green": "#3ca046", "light blue": "#96cdf5", "blue": "#3264d7",
    "pink": "#f8a0be", "brown": "#784c2e", "beige": "#eee0c4", "gray": "#9a9aa0",
}


def ellipse(x, y, radius_x, radius_y, color):
    """A closed ellipse."""
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, 48)
    return color, [(x + radius_x * np.cos(a), y + radius_y * np.sin(a)) for a in angles], True


def polygon(color, *points):
    """A closed polygon."""
    return color, [*points, points[0]], True


def line(color, *points):
    """An open stroke, which no kind fills."""
    return color, list(points), False


def eyes(y, left=100, right=156, radius=9, color="black"):
    """A pair of eyes."""
    return [ellipse(left, y, radius, radius * 1.2, color), ellipse(right, y, radius, radius * 1.2, color)]


def smile(y, half=22, color="black"):
    """A mouth whose corners are up."""
    return line(color, *[(128 + t * half, y + 12 * (1 - t * t)) for t in np.linspace(-1, 1, 13)])


def star_points(x, y, outer, inner, count):
    """Corners of a star or of a flower's petals."""
    angles = np.linspace(-np.pi / 2, 1.5 * np.pi, 2 * count, endpoint=False)
    return [(x + (outer if i % 2 == 0 else inner) * np.cos(a),
             y + (outer if i % 2 == 0 else inner) * np.sin(a)) for i, a in enumerate(angles)]


def heart():
    """The outline of a heart."""
    t = np.linspace(0, 2 * np.pi, 60)
    return list(zip(128 + 5.2 * 16 * np.sin(t) ** 3, 122 - 5.2 * (
        13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))))


def dome(x, y, radius_x, radius_y):
    """The upper half of an ellipse."""
    angles = np.linspace(np.pi, 2 * np.pi, 32)
    return [(x + radius_x * np.cos(a), y + radius_y * np.sin(a)) for a in angles]


# (prompt, background of the filled kind, shapes from the back to the front)
DRAWINGS = (
    ("orange cat face, 3d render", "light blue", [
        polygon("orange", (66, 116), (66, 40), (124, 84)),
        polygon("orange", (190, 116), (190, 40), (132, 84)),
        ellipse(128, 144, 76, 66, "orange"), *eyes(132), ellipse(128, 162, 9, 6, "pink"),
        smile(172)]),
    ("fox, 3d render", "white", [
        polygon("orange", (58, 110), (50, 34), (120, 84)),
        polygon("orange", (198, 110), (206, 34), (136, 84)),
        polygon("orange", (46, 112), (128, 78), (210, 112), (128, 218)),
        *eyes(130, 98, 158), ellipse(128, 206, 11, 8, "black")]),
    ("panda, 3d render", "light blue", [
        ellipse(70, 72, 28, 28, "black"), ellipse(186, 72, 28, 28, "black"),
        ellipse(128, 140, 82, 74, "white"), ellipse(96, 130, 20, 24, "black"),
        ellipse(160, 130, 20, 24, "black"), ellipse(128, 170, 12, 8, "black"), smile(184, 16)]),
    ("smiling face, 3d render", "white", [
        ellipse(128, 128, 92, 92, "yellow"), *eyes(108, 96, 160, 12), smile(150, 46)]),
    ("red apple, 3d render", "yellow", [
        polygon("red", (128, 100), (104, 90), (76, 98), (58, 124), (56, 152), (66, 182), (86, 202),
                (106, 208), (128, 202), (150, 208), (170, 202), (190, 182), (200, 152), (198, 124),
                (180, 98), (152, 90)),
        line("brown", (128, 98), (132, 74), (146, 50)), ellipse(168, 66, 26, 13, "green")]),
    ("house, shaded cartoon", "light blue", [
        polygon("green", (0, 206), (256, 206), (256, 256), (0, 256)),
        polygon("beige", (74, 122), (184, 122), (184, 214), (74, 214)),
        polygon("red", (54, 124), (128, 54), (204, 124)),
        polygon("brown", (114, 160), (146, 160), (146, 214), (114, 214)),
        ellipse(216, 44, 24, 24, "yellow")]),
    ("mushroom, 3d render", "white", [
        polygon("beige", (104, 130), (96, 216), (160, 216), (152, 130)),
        polygon("red", *dome(128, 136, 78, 88)), ellipse(98, 94, 13, 13, "white"),
        ellipse(150, 80, 15, 15, "white"), ellipse(172, 114, 9, 9, "white")]),
    ("tropical fish, 3d render", "blue", [
        polygon("orange", (176, 130), (232, 86), (222, 130), (232, 176)),
        ellipse(116, 130, 74, 50, "orange"), line("white", (138, 92), (146, 130), (138, 168)),
        ellipse(78, 118, 11, 11, "white"), ellipse(75, 118, 5, 5, "black")]),
    ("rocket, 3d render", "blue", [
        polygon("yellow", (108, 188), (148, 188), (128, 232)),
        polygon("red", (96, 140), (64, 196), (98, 182)), polygon("red", (160, 140), (192, 196), (158, 182)),
        polygon("white", (128, 30), (160, 82), (162, 184), (94, 184), (96, 82)),
        polygon("red", (128, 30), (150, 66), (106, 66)), ellipse(128, 110, 17, 17, "light blue")]),
    ("red heart, 3d render", "white", [polygon("red", *heart()), ellipse(92, 92, 10, 14, "white")]),
    ("sunflower, flat cartoon", "light blue", [
        line("green", (128, 160), (132, 250)), ellipse(160, 214, 30, 13, "green"),
        polygon("yellow", *star_points(128, 110, 92, 52, 12)), ellipse(128, 110, 42, 42, "brown")]),
    ("bus, outlined cartoon", "white", [
        polygon("yellow", (26, 84), (230, 84), (230, 186), (26, 186)),
        *[polygon("light blue", (x, 100), (x + 38, 100), (x + 38, 134), (x, 134))
          for x in (40, 88, 136, 184)],
        ellipse(76, 188, 22, 22, "black"), ellipse(182, 188, 22, 22, "black")]),
    ("ghost, flat cartoon", "blue", [
        polygon("white", *dome(128, 120, 64, 78), (192, 216), (170, 196), (150, 216), (128, 196),
                (106, 216), (86, 196), (64, 216)),
        *eyes(108, 106, 150, 11), ellipse(128, 146, 10, 14, "black")]),
    ("butterfly, flat cartoon", "white", [
        ellipse(78, 96, 48, 40, "orange"), ellipse(178, 96, 48, 40, "orange"),
        ellipse(90, 168, 36, 32, "orange"), ellipse(166, 168, 36, 32, "orange"),
        ellipse(128, 132, 10, 60, "black"), line("black", (128, 76), (108, 40)),
        line("black", (128, 76), (148, 40))]),
    ("hamburger, 3d render", "white", [
        polygon("orange", (44, 186), (212, 186), (196, 222), (60, 222)),
        polygon("brown", (40, 152), (216, 152), (216, 184), (40, 184)),
        polygon("green", (36, 132), (220, 132), (212, 154), (44, 154)),
        polygon("orange", *dome(128, 134, 88, 84))]),
    ("robot, 3d render", "light blue", [
        line("gray", (128, 66), (128, 30)), ellipse(128, 28, 10, 10, "red"),
        polygon("gray", (60, 66), (196, 66), (196, 194), (60, 194)),
        *eyes(114, 98, 158, 17, "yellow"), polygon("black", (92, 154), (164, 154), (164, 170), (92, 170))]),
)


def _shaky(points, rng):
    """Points moved by up to one pixel, as an unsteady hand does."""
    return [((x + rng.uniform(-1, 1)) * SCALE, (y + rng.uniform(-1, 1)) * SCALE) for x, y in points]


def _stroke(draw, points, color, width):
    draw.line(points, fill=color, width=width * SCALE, joint="curve")
    r = width * SCALE / 2
    for x, y in (points[0], points[-1]):
        draw.ellipse((x - r, y - r, x + r, y + r), fill=color)


def largest_half(shapes):
    """Half of the shapes, the largest: what a person draws first."""
    def extent(shape):
        xs, ys = zip(*shape[1])
        return (max(xs) - min(xs)) * (max(ys) - min(ys))

    kept = sorted(shapes, key=extent, reverse=True)[:max(1, len(shapes) // 2)]
    return [shape for shape in shapes if shape in kept]


def drawing(number, kind):
    """Drawing `number` of DRAWINGS in one of KINDS: [3, 256, 256] in 0..1."""
    _, background, shapes = DRAWINGS[number]
    rng = random.Random(number)
    filled = kind == "filled"
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), COLORS[background if filled else "white"])
    draw = ImageDraw.Draw(image)
    kept = shapes if kind != "half" else largest_half(shapes)
    for color, points, closed in kept:
        points = _shaky(points, rng)
        points[-1] = points[0] if closed else points[-1]
        if filled and closed:
            draw.polygon(points, fill=COLORS[color])
        else:
            _stroke(draw, points, COLORS[color if filled else "black"], PEN)
    small = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255


def all_drawings():
    """(prompts, kinds, images [48, 3, 256, 256]), every drawing in every kind."""
    pairs = [(i, kind) for kind in KINDS for i in range(len(DRAWINGS))]
    return ([DRAWINGS[i][0] for i, _ in pairs], [kind for _, kind in pairs],
            torch.stack([drawing(i, kind) for i, kind in pairs]))
