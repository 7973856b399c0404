#!/usr/bin/env python3
"""Compares the upscaler of the page (web/upscale.js) with usual ones: each image is reduced by the mean
of blocks and enlarged again, and the result is compared with the image. Prints a table of PSNR and SSIM.
Needs Node.js, Pillow and NumPy.

    tools/page/compare_upscaling.py FOLDER --count 60"""
import argparse
import pathlib
import random
import subprocess

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR,
           "bicubic": Image.Resampling.BICUBIC, "Lanczos": Image.Resampling.LANCZOS}
SUFFIXES = {".png", ".webp", ".jpg"}


def load(path: pathlib.Path) -> np.ndarray:
    """RGB in 0..255, over white; sides are cut to multiples of 4."""
    image = Image.open(path).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    width, height = (side - side % 4 for side in image.size)
    return np.asarray(ground.convert("RGB").crop((0, 0, width, height)), np.float64)


def reduce(image: np.ndarray, scale: int) -> Image.Image:
    height, width, _ = image.shape
    blocks = image.reshape(height // scale, scale, width // scale, scale, 3)
    return Image.fromarray(blocks.mean((1, 3)).round().astype(np.uint8))


def page_upscale(small: Image.Image, scale: int) -> np.ndarray:
    """What web/upscale.js makes of it."""
    command = ["node", "--no-warnings", str(HERE / "enlarge.mjs"), str(small.width), str(small.height),
               str(scale)]
    done = subprocess.run(command, input=small.convert("RGBA").tobytes(), capture_output=True,
                          check=True)
    shape = (small.height * scale, small.width * scale, 4)
    return np.frombuffer(done.stdout, np.uint8).reshape(shape)[..., :3].astype(np.float64)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """In dB; identical images count as 60."""
    return min(60.0, 10 * np.log10(255 ** 2 / max(1e-9, ((a - b) ** 2).mean())))


def ssim(a: np.ndarray, b: np.ndarray, side: int = 8) -> float:
    """Mean over blocks of luminance (Wang et al., "Image quality assessment", 2004)."""
    weights = [0.299, 0.587, 0.114]
    blocks = []
    for image in (a @ weights, b @ weights):
        height, width = (n - n % side for n in image.shape)
        cut = image[:height, :width].reshape(height // side, side, width // side, side)
        blocks.append(cut.swapaxes(1, 2).reshape(-1, side * side))
    x, y = blocks
    mean_x, mean_y = x.mean(1), y.mean(1)
    covariance = ((x - mean_x[:, None]) * (y - mean_y[:, None])).mean(1)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(((2 * mean_x * mean_y + c1) * (2 * covariance + c2) /
                  ((mean_x ** 2 + mean_y ** 2 + c1) * (x.var(1) + y.var(1) + c2))).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="images; folders in it are read, too")
    parser.add_argument("--count", type=int, default=60, help="how many are drawn from it (60)")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    files = sorted(p for p in args.folder.rglob("*") if p.suffix in SUFFIXES)
    if not files:
        parser.error(f"{args.folder} has no images ({', '.join(sorted(SUFFIXES))})")
    images = [load(p) for p in random.Random(args.seed).sample(files, min(args.count, len(files)))]
    print("| upscaler | 2x PSNR | 2x SSIM | 4x PSNR | 4x SSIM |\n|---|---|---|---|---|")
    for name in [*FILTERS, "the page's"]:
        row = []
        for scale in (2, 4):
            scores = []
            for image in images:
                small = reduce(image, scale)
                size = (small.width * scale, small.height * scale)
                large = np.asarray(small.resize(size, FILTERS[name]), np.float64) \
                    if name in FILTERS else page_upscale(small, scale)
                scores.append((psnr(image, large), ssim(image, large)))
            row += [f"{np.mean([s[0] for s in scores]):.2f}", f"{np.mean([s[1] for s in scores]):.4f}"]
        print(f"| {name} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
