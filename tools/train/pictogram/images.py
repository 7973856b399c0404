"""The picture store: all pictures as RGBA bytes in one memory-mapped file, and their compositing."""

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
    """The rows of captions.jsonl, in file order: the index of a row is the picture's number."""
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
    """All pictures, unpacked once into WORK/cache/pictures.npy (uint8 [N, 256, 256, 4]): mapped on a
    processor, and wholly in the memory of a GPU. All that is made of them stays on that device."""

    def __init__(self, data, work, device="cpu"):
        self.rows = read_rows(data)
        self.device = torch.device(device)
        path = Path(work) / "cache" / "pictures.npy"
        if not path.exists():
            self._build(Path(data), path)
        self.pixels = torch.from_numpy(np.load(path, mmap_mode="c")).to(self.device)
        if len(self.pixels) != len(self.rows):
            raise ValueError(f"{path} holds {len(self.pixels)} pictures, captions.jsonl has "
                             f"{len(self.rows)} rows: delete it to build it again")

    def _build(self, data, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name("pictures.tmp.npy")
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
        """float [B, 4, 256, 256] in 0..1 with colours multiplied by alpha: safe to resample."""
        return premultiplied(self.pixels[torch.as_tensor(indices, device=self.device)])

    def crops(self, indices, size, rng):
        """float [B, 4, size, size] premultiplied, a random crop of each picture."""
        corners = rng.integers(0, SIDE - size + 1, (len(indices), 2))
        return premultiplied(torch.stack([
            self.pixels[int(index), y:y + size, x:x + size]
            for index, (y, x) in zip(indices, corners.tolist())]))


def premultiplied(pixels):
    """Bytes [B, h, w, 4] as float [B, 4, h, w] in 0..1, colours multiplied by alpha."""
    rgba = pixels.permute(0, 3, 1, 2).float().div_(255)
    rgba[:, :3] *= rgba[:, 3:]
    return rgba


def tensor_like(tensor, values):
    """float32 where the tensor is."""
    return torch.from_numpy(values).float().to(tensor.device)


def over(rgba, background):
    """Premultiplied pictures over backgrounds ([B, 3, 1 or H, 1 or W] in 0..1): RGB in 0..1."""
    return rgba[:, :3] + background * (1 - rgba[:, 3:])


def place(rgba, size, scale, shift):
    """Pictures [B, 4, H, W] drawn at `scale` ([B]) and `shift` ([B, 2], in half widths) in size².

    Down-scaling goes through an area reduction first, so thin lines stay smooth.
    """
    while rgba.shape[-1] >= 2 * size:
        rgba = F.avg_pool2d(rgba, 2)
    theta = torch.zeros(len(rgba), 2, 3, device=rgba.device)
    theta[:, 0, 0] = theta[:, 1, 1] = 1 / scale
    theta[:, :, 2] = -shift / scale[:, None]
    grid = F.affine_grid(theta, (len(rgba), 4, size, size), align_corners=False)
    return F.grid_sample(rgba, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
