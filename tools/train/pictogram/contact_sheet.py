"""Contact sheets."""

from pathlib import Path

import torch
from PIL import Image


def save_sheet(images, path, columns=8, gap=2):
    """Write images [N, 3, H, W] in 0..1 as one PNG, row by row."""
    images = images.detach().float().cpu().clamp(0, 1)
    count, _, height, width = images.shape
    rows = -(-count // columns)
    sheet = torch.full((3, rows * (height + gap) - gap, columns * (width + gap) - gap), 0.5)
    for index, image in enumerate(images):
        y, x = divmod(index, columns)
        y, x = y * (height + gap), x * (width + gap)
        sheet[:, y:y + height, x:x + width] = image
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    array = (sheet.permute(1, 2, 0) * 255).round().byte().numpy()
    Image.fromarray(array).save(path)
