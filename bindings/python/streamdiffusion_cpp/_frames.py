"""Pixels as Python programs have them, as the array that the library takes."""
from __future__ import annotations

from typing import Any

import numpy as np

from ._errors import InvalidArgument, InvalidType

_CARD_DEVICES = (2, 13)  # kDLCUDA and kDLCUDAManaged of DLPack
# How far beyond 0..1 floating-point pixels may lie: a resized image overshoots at edges.
_OVERSHOOT = 0.25


def _card_pixels(frame: Any) -> Any | None:
    """The frame where it lies in the memory of an NVIDIA card, or None. Raises for one that is no image."""
    device = getattr(frame, "__dlpack_device__", None)
    if device is None or int(device()[0]) not in _CARD_DEVICES:
        return None
    shape, kind = tuple(frame.shape), str(frame.dtype)
    if len(shape) != 3 or shape[2] not in (3, 4) or 0 in shape or kind != "uint8":
        raise InvalidArgument(f"a frame on a card is {kind} of the shape {shape}, expected uint8 of "
                              "[height, width, 3 or 4]")
    return frame


def off_torch(frame: Any) -> Any:
    """A tensor of PyTorch's in main memory, without a history, of a type that NumPy has; else the frame as it is."""
    if not hasattr(frame, "detach") or not hasattr(frame, "cpu"):
        return frame
    frame = frame.detach().cpu()
    return frame.float() if "bfloat16" in str(getattr(frame, "dtype", "")) else frame


def array_of(frame: Any) -> np.ndarray:
    """Raises InvalidType for what is no array."""
    try:
        pixels = np.asarray(frame)
    except Exception as error:
        raise InvalidType(f"a frame is of the type {type(frame).__name__}, expected an array or a PIL image: "
                          f"{error}") from error
    if pixels.dtype.kind not in "biuf":
        raise InvalidType(f"a frame is of the type {type(frame).__name__}, with pixels of the type {pixels.dtype}, "
                          "expected an array of uint8, or floating point in 0..1, or a PIL image")
    return pixels


def _bytes_of(pixels: np.ndarray) -> np.ndarray:
    """Of floating-point pixels in 0..1."""
    least, most = float(np.min(pixels)), float(np.max(pixels))
    if not np.isfinite(least) or not np.isfinite(most):
        raise InvalidArgument("a frame has pixels that are not finite")
    if least < -_OVERSHOOT or most > 1 + _OVERSHOOT:
        raise InvalidArgument(f"a frame has floating-point values from {least:g} to {most:g}, expected 0..1; "
                              "make it uint8 if its values are in 0..255")
    rounded: np.ndarray = np.rint(np.clip(pixels, 0, 1) * 255)
    return rounded.astype(np.uint8)


def to_pixels(frame: Any) -> Any:
    """[height, width, 3 or 4] bytes, without a copy where the frame is that already.

    Takes numpy arrays and whatever has DLPack or the buffer protocol, and PIL images. Floating-point pixels are in
    0..1; those a little beyond are cut, and far ones refused. Three or four planes in front ([3, height, width], as
    PyTorch has them) are put last. A first dimension of 1 is dropped. What lies on a card is the library's to read, but
    for tensors of PyTorch, which are copied. Raises InvalidArgument or InvalidType naming what was found.
    """
    if hasattr(frame, "convert") and hasattr(frame, "mode"):  # PIL
        frame = frame if frame.mode == "RGB" else frame.convert("RGB")
        return np.asarray(frame)
    frame = off_torch(frame)
    if (on_card := _card_pixels(frame)) is not None:
        return on_card
    pixels = array_of(frame)
    if pixels.ndim == 4 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim != 3 or pixels.size == 0:
        raise InvalidArgument(f"a frame has the shape {pixels.shape}, expected [height, width, 3 or 4]")
    if pixels.shape[2] not in (3, 4) and pixels.shape[0] in (3, 4):
        pixels = np.moveaxis(pixels, 0, 2)
    if pixels.shape[2] not in (3, 4):
        raise InvalidArgument(f"a frame has the shape {pixels.shape}, expected [height, width, 3 or 4]")
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = _bytes_of(pixels)
    if pixels.dtype != np.uint8:
        raise InvalidType(f"a frame has pixels of type {pixels.dtype}, expected uint8, or floating point in 0..1")
    if pixels.strides[2] != 1 or pixels.strides[1] != pixels.shape[2]:
        pixels = np.ascontiguousarray(pixels)
    return pixels
