"""Engine and Session."""
from __future__ import annotations

import contextlib
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from . import _core, _values
from ._errors import InvalidArgument, one_of
from ._frames import to_pixels
from ._live import LiveSession
from ._outputs import FORMATS, Output, Tags, check_process, in_own_process, object_of


class Engine:
    """A model on a device. May be used from any thread.

    Engine.open(model="stabilityai/sd-turbo", device="cpu", dtype="bf16", threads=4): parameters of the engine, as
    `streamdiffusion info --parameters config` lists them. Without a model the included one is opened.

    Models, LoRAs, ControlNets and autoencoders are paths, or names on the Hugging Face hub (ORG/NAME[@REVISION]) or on
    Civitai (civitai:NUMBER). What is not in the cache is downloaded; `on_progress(name, bytes, total_bytes)` is then
    called ten times a second. What it raises, and Ctrl-C, end the download, and the next one continues it.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        **parameters: Any,
    ):
        check_process()
        if model is None and not parameters.get("random_weights") and "STREAMDIFFUSION_MODELS" not in os.environ:
            included = pathlib.Path(__file__).parent / "models" / "pictogram"
            model = included if included.exists() else None
        self._core = _core.Engine(_values.text({"model": model} | parameters), on_progress)

    @classmethod
    def open(
        cls,
        model: str | os.PathLike[str] | None = None,
        *,
        on_progress: Callable[[str, int, int], None] | None = None,
        **parameters: Any,
    ) -> Engine:
        return cls(model, on_progress=on_progress, **parameters)

    @property
    def info(self) -> dict[str, Any]:
        """model, folder, device, dtype, parameters, weight_bytes, latent_factor, loras, controlnets,
        ipadapters"""
        return object_of(self._core.info())

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of what session() and change() take, with this model's defaults."""
        return object_of(self._core.parameters())

    def session(self, **parameters: Any) -> Session:
        return Session(self, **parameters)

    def live(self, **options: Any) -> LiveSession:
        return LiveSession(self, **options)


class Session:
    """One stream on the caller's thread: session = engine.session(prompt="a cat", steps=2).

    A call waits for the one of another thread. The interpreter's lock is released while the engine works.
    """

    def __init__(self, engine: Engine, **parameters: Any):
        check_process()
        self._engine = engine
        self._core: _core.Session | None = _core.Session(engine._core, _values.text(parameters))
        self._tags = Tags()
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[_core.Session]:
        check_process()
        with self._lock:
            if self._core is None:
                raise InvalidArgument("the session is closed")
            yield self._core

    def change(self, **parameters: Any) -> None:
        """Before the next frame. What needs other programs (size, number of steps) compiles them now."""
        with self._opened() as core:
            core.change(_values.text(parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """All values in force."""
        with self._opened() as core:
            return object_of(core.parameters())

    def process(self, frame: Any = None, *, format: str = "rgb", tag: Any = None) -> list[Output]:
        """One frame in; every output that is ready out. With n steps the output of a frame comes n - 1 calls later.

        frame: see streamdiffusion_cpp.to_pixels; None in text-to-image mode. format: "rgb" or "bgr", as OpenCV has it.
        """
        order = one_of("format", format, FORMATS)
        pixels = None if frame is None else to_pixels(frame)
        with self._opened() as core:
            core.process(pixels, order, self._tags.put(tag), time.monotonic_ns())
            return self._ready(core)

    def flush(self) -> list[Output]:
        """Finishes the frames in flight."""
        with self._opened() as core:
            core.flush()
            return self._ready(core)

    def stream(self, frames: Iterable[Any], *, format: str = "rgb") -> Iterator[Output]:
        """Every output of an iterable of frames, in order."""
        for frame in frames:
            yield from self.process(frame, format=format)
        yield from self.flush()

    def _ready(self, core: _core.Session) -> list[Output]:
        outputs = []
        while (output := core.next()) is not None:
            outputs.append(Output(output, self._tags.take(output.tag)))
        return outputs

    def close(self) -> None:
        """Waits for the call of another thread, and frees the stream's memory. What is called afterwards is an error."""
        if not in_own_process():
            return
        with self._lock:
            self._core = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
