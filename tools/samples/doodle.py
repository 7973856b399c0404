#!/usr/bin/env python3
"""Generates samples/doodle, the input of `make run`: an apple painted stroke by stroke. Needs
Pillow."""
import argparse
import math
import pathlib

from PIL import Image, ImageDraw

SIZE, SCALE = 256, 4


def apple_outline(points: int) -> list[tuple[float, float]]:
    """A hand-drawn apple with two lobes at the top, clockwise from the dip at the stem."""
    outline = []
    for i in range(points + 1):
        angle = 2 * math.pi * i / points
        from_top = angle if angle < math.pi else 2 * math.pi - angle
        radius = 70 + 9 * math.cos(2 * angle) - 16 * math.exp(-(from_top / 0.35) ** 2)
        radius += 1.5 * math.sin(7 * angle)  # an unsteady hand
        outline.append((128 + 1.08 * radius * math.sin(angle), 142 - radius * math.cos(angle)))
    return outline


def stroke(draw: ImageDraw.ImageDraw, points, color, width: float) -> None:
    """A polyline with round ends."""
    scaled = [(x * SCALE, y * SCALE) for x, y in points]
    r = width * SCALE / 2
    draw.line(scaled, fill=color, width=round(width * SCALE), joint="curve")
    for x, y in scaled:
        draw.ellipse((x - r, y - r, x + r, y + r), fill=color)


def fill_lines(count: int) -> list[list[tuple[float, float]]]:
    """Broad horizontal brush strokes that fill the apple from top to bottom."""
    outline = apple_outline(200)
    lines = []
    for i in range(count):
        y = 84 + (211 - 84) * i / (count - 1)
        xs = [x for x, py in outline if abs(py - y) < 3]
        lines.append([(min(xs) + 6, y), (max(xs) - 6, y)])
    return lines


def draw_frame(step: int) -> Image.Image:
    """The drawing after `step` strokes."""
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), (250, 246, 236))
    draw = ImageDraw.Draw(image)
    outline = apple_outline(80)
    fills = fill_lines(10)
    for line in fills[: max(0, step - 7)]:
        stroke(draw, line, (214, 48, 44), 17)
    stroke(draw, outline[: 1 + min(80, (step + 1) * 10)], (190, 32, 34), 9)
    if step >= 19:
        stroke(draw, [(128, 92), (131, 74), (140, 58)], (112, 72, 40), 8)
    if step >= 20:
        leaf = [(138, 70), (152, 56), (174, 52)]
        stroke(draw, leaf, (74, 158, 62), 9 if step == 20 else 16)
    if step >= 22:
        stroke(draw, [(92, 112), (86, 128)], (255, 205, 195), 9)
    return image.resize((SIZE, SIZE), Image.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "samples" / "doodle")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for step in range(24):
        draw_frame(step).quantize(32).save(output / f"{step:03d}.png", optimize=True)


if __name__ == "__main__":
    main()
