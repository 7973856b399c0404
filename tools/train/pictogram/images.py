"""The image store: all images as RGBA bytes in one memory-mapped file, and compositing."""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIDE = 256


def read_rows(data):
    """The rows of captions.jsonl in file order. The index of a row is the image's number."""
    path = Path(data) / "captions.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def load_rgba(data, file):
    """uint8 [256, 256, 4] of one file."""
    with Image.open(data / file) as image:
        rgba = image.convert("RGBA")
        if rgba.size != (SIDE, SIDE):
            rgba = rgba.resize((SIDE, SIDE), Image.LANCZOS)
        return np.asarray(rgba)


class ImageStore:
    """All images, decoded once into WORK/cache/images.npy (uint8 [N, 256, 256, 4]). The file is
    memory-mapped on a CPU and copied into the memory of a GPU. Everything derived stays on that
    device."""

    def __init__(self, data, work, device="cpu"):
        self.rows = read_rows(data)
        self.device = torch.device(device)
        path = Path(work) / "cache" / "images.npy"
        if not path.exists():
            self._build(Path(data), path)
        self.pixels = torch.from_numpy(np.load(path, mmap_mode="c")).to(self.device)
        if len(self.pixels) != len(self.rows):
            raise ValueError(f"{path} holds {len(self.pixels)} images, captions.jsonl has "
                             f"{len(self.rows)} rows: delete it to build it again")

    def _build(self, data, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name("images.tmp.npy")
        shape = (len(self.rows), SIDE, SIDE, 4)
        pixels = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
        with ProcessPoolExecutor() as pool:
            files = [row["file"] for row in self.rows]
            for index, rgba in enumerate(pool.map(partial(load_rgba, data), files, chunksize=64)):
                pixels[index] = rgba
        pixels.flush()
        del pixels
        temporary.rename(path)

    def premultiplied(self, indices):
        """float [B, 4, 256, 256] in 0..1 with colors multiplied by alpha, as resampling needs."""
        return premultiplied(self.pixels[torch.as_tensor(indices, device=self.device)])

    def crops(self, indices, size, rng):
        """float [B, 4, size, size], premultiplied: a random crop of each image."""
        corners = rng.integers(0, SIDE - size + 1, (len(indices), 2))
        return premultiplied(torch.stack([
            self.pixels[int(index), y:y + size, x:x + size]
            for index, (y, x) in zip(indices, corners.tolist())]))


def premultiplied(pixels):
    """Bytes [B, h, w, 4] as float [B, 4, h, w] in 0..1, colors multiplied by alpha."""
    rgba = pixels.permute(0, 3, 1, 2).float().div_(255)
    rgba[:, :3] *= rgba[:, 3:]
    return rgba


def tensor_like(tensor, values):
    """The numpy values as a float32 tensor on the device of `tensor`."""
    return torch.from_numpy(values).float().to(tensor.device)


def over(rgba, background):
    """The "over" operator (Porter and Duff 1984): premultiplied images over backgrounds ([B, 3, 1
    or H, 1 or W] in 0..1), RGB in 0..1."""
    return rgba[:, :3] + background * (1 - rgba[:, 3:])


def place(rgba, size, scale, shift):
    """Images [B, 4, H, W] placed at `scale` ([B]) and `shift` ([B, 2], in half widths) on a canvas
    of [size, size].

    Downscaling starts with 2x2 averaging, so that thin lines stay smooth.
    """
    while rgba.shape[-1] >= 2 * size:
        rgba = F.avg_pool2d(rgba, 2)
    theta = torch.zeros(len(rgba), 2, 3, device=rgba.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = -shift / scale[:, None]
    grid = F.affine_grid(theta, (len(rgba), 4, size, size), align_corners=False)
    return F.grid_sample(rgba, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
