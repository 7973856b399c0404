"""The picture store: all pictures as RGBA bytes in one memory-mapped file, and their compositing."""

import json
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


class PictureStore:
    """All pictures, unpacked once into WORK/cache/pictures.npy (uint8 [N, 256, 256, 4])."""

    def __init__(self, data, work):
        self.rows = read_rows(data)
        path = Path(work) / "cache" / "pictures.npy"
        if not path.exists():
            self._build(Path(data), path)
        self.pixels = np.load(path, mmap_mode="r")
        if len(self.pixels) != len(self.rows):
            raise ValueError(f"{path} holds {len(self.pixels)} pictures, captions.jsonl has "
                             f"{len(self.rows)} rows: delete it to build it again")

    def _build(self, data, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name("pictures.tmp.npy")
        shape = (len(self.rows), SIDE, SIDE, 4)
        pixels = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)
        for index, row in enumerate(self.rows):
            with Image.open(data / row["file"]) as picture:
                rgba = picture.convert("RGBA")
                if rgba.size != (SIDE, SIDE):
                    rgba = rgba.resize((SIDE, SIDE), Image.LANCZOS)
                pixels[index] = np.asarray(rgba)
        pixels.flush()
        del pixels
        temporary.rename(path)

    def premultiplied(self, indices):
        """float [B, 4, 256, 256] in 0..1 with colours multiplied by alpha: safe to resample."""
        rgba = torch.from_numpy(np.ascontiguousarray(self.pixels[np.asarray(indices)]))
        rgba = rgba.permute(0, 3, 1, 2).float().div_(255)
        rgba[:, :3] *= rgba[:, 3:]
        return rgba

    def crops(self, indices, size, rng):
        """float [B, 4, size, size] premultiplied, a random crop of each picture."""
        out = np.empty((len(indices), size, size, 4), np.uint8)
        for slot, index in enumerate(indices):
            y, x = rng.integers(0, SIDE - size + 1, 2)
            out[slot] = self.pixels[index, y:y + size, x:x + size]
        rgba = torch.from_numpy(out).permute(0, 3, 1, 2).float().div_(255)
        rgba[:, :3] *= rgba[:, 3:]
        return rgba


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
