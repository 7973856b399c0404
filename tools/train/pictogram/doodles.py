"""Doodles of images, as a person would draw them: flat areas, few colors, rough outlines, missing
parts and wobbly shapes. The model learns from them to finish drawings."""

import torch
import torch.nn.functional as F

from . import backgrounds
from .images import tensor_like


def wobble(rgba, rng, strength=0.05):
    """Elastic distortion by a smooth random displacement field (Simard et al. 2003), like an
    unsteady hand."""
    count, _, size, _ = rgba.shape
    displacement = tensor_like(rgba, rng.normal(0, strength, (count, 2, 5, 5)))
    displacement = F.interpolate(displacement, size=(size, size), mode="bicubic",
                                 align_corners=True)
    theta = torch.eye(2, 3, device=rgba.device).expand(count, 2, 3)
    grid = F.affine_grid(theta, rgba.shape, align_corners=False) + displacement.permute(0, 2, 3, 1)
    return F.grid_sample(rgba, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def posterize(rgba, colors, rng, iterations=5):
    """Each image in `colors` mean colors, found by k-means on a small copy."""
    count, _, size, _ = rgba.shape
    small = F.adaptive_avg_pool2d(rgba, 24)
    alpha = small[:, 3:].flatten(2)
    points = (small[:, :3].flatten(2) / alpha.clamp_min(0.05)).clamp(0, 1)
    seeds = torch.multinomial(alpha[:, 0] + 1e-4, colors)
    centers = torch.gather(points, 2, seeds[:, None].expand(-1, 3, -1))
    for _ in range(iterations):
        nearest = torch.cdist(points.transpose(1, 2), centers.transpose(1, 2)).argmin(2)
        weight = F.one_hot(nearest, colors).float() * alpha.transpose(1, 2)
        total = weight.sum(1)[:, None]
        centers = torch.where(total > 0.05, points @ weight / total.clamp_min(1e-3), centers)
    cells = int(rng.integers(12, size // 3))
    smooth = F.interpolate(F.adaptive_avg_pool2d(rgba, cells), size=(size, size), mode="bicubic",
                           align_corners=False)
    mask = (smooth[:, 3:] > 0.5).float()
    color = (smooth[:, :3] / smooth[:, 3:].clamp_min(0.05)).clamp(0, 1).flatten(2)
    nearest = torch.cdist(color.transpose(1, 2), centers.transpose(1, 2)).argmin(2)
    painted = torch.gather(centers, 2, nearest[:, None].expand(-1, 3, -1))
    return torch.cat([painted.view(count, 3, size, size) * mask, mask], 1)


def blurred(rgba, rng):
    """Blurred images."""
    size = rgba.shape[-1]
    cells = int(rng.integers(6, 28))
    return F.interpolate(F.adaptive_avg_pool2d(rgba, cells), size=(size, size), mode="bilinear",
                         align_corners=False)


def outlined(rgba, rng):
    """Dark strokes along edges, half of the time over a fill of two colors."""
    size = rgba.shape[-1]
    smooth = F.avg_pool2d(rgba, 5, 1, 2)
    edge = (F.max_pool2d(smooth, 3, 1, 1) + F.max_pool2d(-smooth, 3, 1, 1)).amax(1, keepdim=True)
    width = 1 + 2 * int(rng.integers(0, max(2, size // 64)))
    stroke = F.max_pool2d((edge > float(rng.uniform(0.1, 0.25))).float(), width, 1, width // 2)
    stroke = F.avg_pool2d(stroke, 3, 1, 1)
    ink = tensor_like(rgba, rng.random((len(rgba), 3, 1, 1))) * 0.3
    fill = posterize(rgba, 2, rng) if rng.random() < 0.5 else torch.zeros_like(rgba)
    return torch.cat([ink * stroke, stroke], 1) + fill * (1 - stroke)


def unfinished(rgba, rng):
    """One side of the drawing is missing."""
    size = rgba.shape[-1]
    angle = tensor_like(rgba, rng.uniform(0, 6.2832, (len(rgba), 1, 1)))
    cut = tensor_like(rgba, rng.uniform(0.0, 0.5, (len(rgba), 1, 1)))
    line = torch.linspace(-1, 1, size, device=rgba.device)
    distance = torch.cos(angle) * line[None, None] + torch.sin(angle) * line[None, :, None]
    return rgba * torch.sigmoid((cut - distance) * 40)[:, None]


def doodle(rgba, rng):
    """One random kind of doodle for a batch of premultiplied images [B, 4, S, S]."""
    kind = rng.random()
    if rng.random() < 0.6:
        rgba = wobble(rgba, rng, float(rng.uniform(0.01, 0.06)))
    if kind < 0.55:
        rgba = posterize(rgba, int(rng.integers(1, 6)), rng)
    elif kind < 0.75:
        rgba = blurred(rgba, rng)
    else:
        rgba = outlined(rgba, rng)
    if rng.random() < 0.2:
        rgba = unfinished(rgba, rng)
    return rgba.clamp(0, 1)


def cluttered(color, size, rng):
    """A textured background [B, 3, size, size] with the mean of a plain one ([B, 3, 1, 1]), as a
    camera sees it."""
    busy = backgrounds.textured(len(color), size, rng, color.device)
    return color + float(rng.uniform(0.2, 1.0)) * (busy - busy.mean((2, 3), keepdim=True))
