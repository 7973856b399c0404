#!/usr/bin/env python3
"""Generates samples/doodle, the input of `make run`: the outline of a cat's face, stroke by stroke, in one
black line. Needs Pillow."""
import argparse
import math
import pathlib

from PIL import Image, ImageDraw

SIZE, SCALE = 256, 4
PEN, INK, PAPER = 7, (12, 12, 14), (255, 255, 255)
STEP = 3  # between the points that a curve is drawn by
REST = 24  # steps for which the pen is lifted between two strokes

# The strokes of the page's first doodle (web/demo_doodles.js): smooth curves that turn sharply where
# a point is repeated.
STROKES = (
    ((60, 124), (54, 90), (58, 36), (58, 36), (86, 60), (106, 78), (128, 74), (150, 78), (170, 60),
     (198, 36), (198, 36), (202, 90), (196, 124), (204, 152), (190, 190), (162, 211), (128, 217),
     (94, 211), (66, 190), (52, 152), (60, 124)),
    ((98, 126), (104, 130), (107, 138), (104, 146), (98, 150), (92, 146), (89, 138), (92, 130),
     (98, 126)),
    ((158, 126), (164, 130), (167, 138), (164, 146), (158, 150), (152, 146), (149, 138),
     (152, 130), (158, 126)),
    ((118, 164), (118, 164), (138, 164), (138, 164), (128, 174), (128, 174), (118, 164)),
    ((102, 182), (110, 191), (121, 190), (128, 178), (128, 178), (135, 190), (146, 191), (154, 182)),
)


def spline(a, b, c, d, t: float) -> tuple[float, float]:
    """A point of the Catmull-Rom spline between b and c; t is 0..1."""
    return tuple(0.5 * (2 * q + (r - p) * t + (2 * p - 5 * q + 4 * r - s) * t * t +
                        (3 * q - p - 3 * r + s) * t ** 3) for p, q, r, s in zip(a, b, c, d))


def curve(points) -> list[tuple[float, float]]:
    """Points on the spline through `points`, about STEP apart."""
    result = [points[0]]
    for i in range(len(points) - 1):
        a, b, c, d = (points[max(0, min(len(points) - 1, i + k))] for k in (-1, 0, 1, 2))
        count = max(1, math.ceil(math.dist(b, c) / STEP))
        result += [spline(a, b, c, d, k / count) for k in range(1, count + 1)]
    return result


CURVES = [curve(points) for points in STROKES]


def drawing(progress: float) -> Image.Image:
    """The drawing when `progress` (0..1) of it is done."""
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), PAPER)
    draw = ImageDraw.Draw(image)
    left = round(progress * (sum(map(len, CURVES)) + REST * (len(CURVES) - 1)))
    for points in CURVES:
        done = [(x * SCALE, y * SCALE) for x, y in points[:left]]
        if len(done) > 1:
            draw.line(done, fill=INK, width=PEN * SCALE, joint="curve")
        r = PEN * SCALE / 2
        for x, y in (done[0], done[-1]) if done else ():
            draw.ellipse((x - r, y - r, x + r, y + r), fill=INK)
        left = max(0, left - len(points) - REST)
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[2] / "samples" / "doodle")
    parser.add_argument("--frames", type=int, default=24)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for number in range(args.frames):
        image = drawing((number + 1) / args.frames).quantize(16)
        image.save(args.output / f"{number:03d}.png", optimize=True)


if __name__ == "__main__":
    main()
