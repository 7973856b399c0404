"""Pixels as Python programs have them, as the array that the library takes."""
from __future__ import annotations

from typing import Any

import numpy as np


_CARD_DEVICES = (2, 13)  # kDLCUDA and kDLCUDAManaged of DLPack


def _card_pixels(frame: Any) -> Any | None:
    """The frame where it lies in the memory of an NVIDIA card, or None. Raises for one that is no image."""
    device = getattr(frame, "__dlpack_device__", None)
    if device is None or int(device()[0]) not in _CARD_DEVICES:
        return None
    shape, kind = tuple(frame.shape), str(frame.dtype)
    if len(shape) != 3 or shape[2] not in (3, 4) or 0 in shape or kind != "uint8":
        raise ValueError(f"a frame on a card is {kind} of the shape {shape}, expected uint8 of [height, width, 3 or 4]")
    return frame


def to_pixels(frame: Any) -> Any:
    """[height, width, 3 or 4] bytes, without a copy where the frame is that already.

    Takes numpy arrays and whatever has DLPack or the buffer protocol, and PIL images. Floating-point pixels are in 0..1.
    One or three planes in front ([3, height, width], as PyTorch has them) are put last. A first dimension of 1 is
    dropped. What lies on a card is the library's to read, but for tensors of PyTorch, which are copied. Raises ValueError or TypeError naming what was found.
    """
    if hasattr(frame, "convert") and hasattr(frame, "mode"):  # PIL
        frame = frame if frame.mode == "RGB" else frame.convert("RGB")
        return np.asarray(frame)
    if hasattr(frame, "detach"):  # a tensor with a history, or elsewhere than in main memory
        frame = frame.detach().cpu()
        if "bfloat16" in str(getattr(frame, "dtype", "")):
            frame = frame.float()
    if (on_card := _card_pixels(frame)) is not None:
        return on_card
    pixels = np.asarray(frame)
    if pixels.ndim == 4 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim != 3 or pixels.size == 0:
        raise ValueError(f"a frame has the shape {pixels.shape}, expected [height, width, 3 or 4]")
    if pixels.shape[2] not in (3, 4) and pixels.shape[0] in (3, 4):
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.shape[2] not in (3, 4):
        raise ValueError(f"a frame has the shape {pixels.shape}, expected [height, width, 3 or 4]")
    if np.issubdtype(pixels.dtype, np.floating):
        if not np.isfinite(pixels).all():
            raise ValueError("a frame has pixels that are not finite")
        pixels = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise TypeError(f"a frame has pixels of type {pixels.dtype}, expected uint8, or floating point in 0..1")
    if pixels.strides[2] != 1 or pixels.strides[1] != pixels.shape[2]:
        pixels = np.ascontiguousarray(pixels)
    return pixels
