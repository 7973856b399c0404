"""Finished images, and what sessions share."""
from __future__ import annotations

import json
import os
import threading
from typing import Any

import numpy as np

from . import _core
from ._errors import Unsupported

# Orders of a pixel's channels.
FORMATS = ("rgb", "bgr")
_process = os.getpid()


def in_own_process() -> bool:
    """Not one that was forked: a lock of another thread's is held there for ever."""
    return os.getpid() == _process


def check_process() -> None:
    if not in_own_process():
        raise Unsupported("this process was forked after streamdiffusion_cpp was imported, and the threads of the library "
                          "are not in it; use the start method \"spawn\" of multiprocessing")


class Output:
    """A finished image.

    image: [height, width, 3], uint8, not to be written to. It lives on the library's memory, without a copy;
        torch.from_dlpack takes it too.
    frame_id: the frame's number, from 0. tag: the caller's own. reused: the similarity filter reused the previous image.
    age: seconds from capture to the end of the last UNet call.
    """

    __slots__ = ("image", "frame_id", "tag", "reused", "age")

    def __init__(self, output: _core.Output, tag: Any):
        self.image: np.ndarray = output.image
        self.frame_id: int = output.frame_id
        self.tag = tag
        self.reused: bool = output.reused
        self.age: float = (output.finished_ns - output.captured_ns) * 1e-9

    def pil(self) -> Any:
        """As a PIL image."""
        from PIL import Image
        return Image.fromarray(self.image)


def object_of(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


class Tags:
    """Objects of the caller's by the numbers that travel with the frames."""

    def __init__(self) -> None:
        self._by_number: dict[int, Any] = {}
        self._next = 0
        self._lock = threading.Lock()

    def put(self, tag: Any) -> int:
        with self._lock:
            self._next += 1
            if tag is not None:
                self._by_number[self._next] = tag
            return self._next

    def take(self, number: int) -> Any:
        """Frames come in order: what is older was dropped."""
        with self._lock:
            for old in [n for n in self._by_number if n < number]:
                del self._by_number[old]
            return self._by_number.pop(number, None)
