"""Random backgrounds: plain named colors, gradients, smooth noise."""

import numpy as np
import torch
import torch.nn.functional as F

# RGB center of each color name. Backgrounds vary a little around it.
NAMED = {
    "white": (255, 255, 255), "black": (12, 12, 14), "gray": (128, 128, 128),
    "light gray": (208, 208, 208), "dark gray": (70, 70, 72), "red": (214, 40, 40),
    "pink": (248, 160, 190), "orange": (247, 143, 40), "yellow": (250, 214, 60),
    "green": (60, 160, 70), "light green": (160, 220, 150), "dark green": (24, 84, 48),
    "blue": (50, 100, 215), "light blue": (150, 205, 245), "dark blue": (24, 40, 100),
    "purple": (130, 70, 180), "brown": (120, 76, 46), "beige": (238, 224, 196),
    "teal": (30, 140, 140),
}
NAMES = tuple(NAMED)


def named_color(name, rng, spread=10):
    """RGB in 0..1 near the color of that name."""
    value = np.asarray(NAMED[name], np.float32) + rng.normal(0, spread, 3)
    return np.clip(value, 0, 255).astype(np.float32) / 255


def plain(count, rng, device="cpu"):
    """[count, 3, 1, 1]: white a quarter of the time, otherwise any color."""
    colors = rng.random((count, 3), dtype=np.float32)
    colors[rng.random(count) < 0.25] = 1.0
    return torch.from_numpy(colors)[:, :, None, None].to(device)


def textured(count, size, rng, device="cpu"):
    """[count, 3, size, size]: gradients and smooth noise at several scales."""
    out = torch.zeros(count, 3, size, size, device=device)
    generator = torch.Generator().manual_seed(int(rng.integers(2 ** 31)))
    for cells in (2, 4, 9, 33):
        weight = float(rng.random()) ** 2 if cells > 2 else 1.0
        noise = torch.rand(count, 3, cells, cells, generator=generator).to(device)
        noise = F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=True)
        out += (noise - 0.5 * (cells > 2)) * weight
    return out.clamp_(0, 1)
