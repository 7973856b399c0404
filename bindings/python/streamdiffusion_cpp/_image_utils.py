"""The functions of the original's streamdiffusion.image_utils that its examples use. They need PyTorch."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import InvalidType, one_of

if TYPE_CHECKING:
    import torch

__all__ = ["denormalize", "numpy_to_pil", "pil2tensor", "postprocess_image", "process_image", "pt_to_numpy"]


def denormalize(images: torch.Tensor) -> torch.Tensor:
    """From -1..1 to 0..1; what is beyond is cut."""
    return (images * 0.5 + 0.5).clamp(0, 1)


def pt_to_numpy(images: torch.Tensor) -> np.ndarray:
    """[count, 3, height, width] to float32 [count, height, width, 3]."""
    array: np.ndarray = images.detach().cpu().float().numpy()
    return np.moveaxis(array, 1, -1)


def numpy_to_pil(images: np.ndarray) -> list[Any]:
    """PIL images of [count, height, width, channels] or of one [height, width, channels], in 0..1."""
    from PIL import Image
    pixels = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    return [Image.fromarray(np.ascontiguousarray(each[..., 0] if each.shape[-1] == 1 else each))
            for each in (pixels[None] if pixels.ndim == 3 else pixels)]


def postprocess_image(image: torch.Tensor, output_type: str = "pil", do_denormalize: list[bool] | None = None) -> Any:
    """A batch in -1..1 as pil (a list), np, pt (both in 0..1) or latent (as it is). do_denormalize: for each image,
    False where it is in 0..1 already."""
    if not hasattr(image, "detach"):
        raise InvalidType(f"image is of the type {type(image).__name__}, expected a tensor of PyTorch")
    if one_of("output_type", output_type, ("pil", "np", "pt", "latent")) == "latent":
        return image
    import torch
    chosen = do_denormalize or [True] * image.shape[0]
    batch = torch.stack([denormalize(each) if wanted else each for each, wanted in zip(image, chosen)])
    if output_type == "pt":
        return batch
    array = pt_to_numpy(batch)
    return array if output_type == "np" else numpy_to_pil(array)


def process_image(image_pil: Any, range: tuple[float, float] = (-1, 1)) -> tuple[torch.Tensor, Any]:
    """A tensor [1, 3, height, width] in the range, and the image itself."""
    import torch
    low, high = range
    pixels = np.moveaxis(np.asarray(image_pil.convert("RGB")), 2, 0)
    tensor = torch.from_numpy(np.ascontiguousarray(pixels))[None].float() / 255
    return tensor * (high - low) + low, image_pil


def pil2tensor(image_pil: Any) -> torch.Tensor:
    """A half-precision tensor [1, 3, height, width] in -1..1."""
    return process_image(image_pil)[0].half()
