"""Engine, Session and LiveSession."""
from __future__ import annotations

import asyncio
import atexit
import functools
import json
import os
import pathlib
import threading
import time
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import _core
from ._errors import Error
from ._frames import to_pixels

_process = os.getpid()
_live_sessions: weakref.WeakSet[LiveSession] = weakref.WeakSet()
_POLICIES = {"latest": 0, "drop_oldest": 1, "block": 2}
# How long a wait is before Python looks for signals again, in milliseconds.
_SLICE_MS = 200
# How long the end of the program waits for calls of other threads.
_LONGEST_CALL_S = 10.0


def _check_process() -> None:
    if os.getpid() != _process:
        raise Error("this process was forked after streamdiffusion_cpp was imported, and the threads of the library are "
                    "not in it; use the start method \"spawn\" of multiprocessing")


def _text(parameters: dict[str, Any]) -> str:
    """JSON of keywords. None stands for a parameter that is not given."""
    return json.dumps({name: value for name, value in parameters.items() if value is not None},
                      default=lambda value: os.fspath(value))


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


def _object(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


class _Tags:
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
        _check_process()
        if model is None and not parameters.get("random_weights") and "STREAMDIFFUSION_MODELS" not in os.environ:
            included = pathlib.Path(__file__).parent / "models" / "pictogram"
            model = included if included.exists() else None
        self._core = _core.Engine(_text({"model": model} | parameters), on_progress)

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
        return _object(self._core.info())

    @property
    def parameters(self) -> dict[str, Any]:
        """JSON Schema of what session() and change() take, with this model's defaults."""
        return _object(self._core.parameters())

    def session(self, **parameters: Any) -> Session:
        return Session(self, **parameters)

    def live(self, **options: Any) -> LiveSession:
        return LiveSession(self, **options)


class Session:
    """One stream on the caller's thread: session = engine.session(prompt="a cat", steps=2).

    Used by one thread at a time. The interpreter's lock is released while the engine works.
    """

    def __init__(self, engine: Engine, **parameters: Any):
        _check_process()
        self._engine = engine
        self._core = _core.Session(engine._core, _text(parameters))
        self._tags = _Tags()

    def change(self, **parameters: Any) -> None:
        """Before the next frame. What needs other programs (size, number of steps) compiles them now."""
        self._core.change(_text(parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """All values in force."""
        return _object(self._core.parameters())

    def process(self, frame: Any = None, *, format: str = "rgb", tag: Any = None) -> list[Output]:
        """One frame in; every output that is ready out. With n steps the output of a frame comes n - 1 calls later.

        frame: see streamdiffusion_cpp.to_pixels; None in text-to-image mode. format: "rgb" or "bgr", as OpenCV has it.
        """
        _check_process()
        number = self._tags.put(tag)
        self._core.process(None if frame is None else to_pixels(frame), format, number, time.monotonic_ns())
        return list(self._ready())

    def flush(self) -> list[Output]:
        """Finishes the frames in flight."""
        _check_process()
        self._core.flush()
        return list(self._ready())

    def stream(self, frames: Iterable[Any], *, format: str = "rgb") -> Iterator[Output]:
        """Every output of an iterable of frames, in order."""
        for frame in frames:
            yield from self.process(frame, format=format)
        yield from self.flush()

    def _ready(self) -> Iterator[Output]:
        while (output := self._core.next()) is not None:
            yield Output(output, self._tags.take(output.tag))

    def close(self) -> None:
        """Frees the stream's memory. Nothing else may be called afterwards."""
        self._core.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class LiveSession:
    """A stream on threads of its own: frames are submitted as they come, with a bounded age for every image.

    policy: "latest" (a new frame replaces the one that waits; for live input), "drop_oldest" of `depth` waiting ones,
        or "block" (nothing is dropped; for files).
    output: called with every Output, in order, on a thread of its own. Without it, outputs are fetched by take(),
        stream(), astream() or `async for output in live`.
    """

    def __init__(self, engine: Engine, *, output: Callable[[Output], None] | None = None, policy: str = "latest",
                 depth: int = 1, **parameters: Any):
        _check_process()
        if policy not in _POLICIES:
            raise ValueError(f"policy is {policy!r}, expected one of {', '.join(_POLICIES)}")
        self._engine = engine
        self._core = _core.LiveSession(engine._core, _text(parameters), _POLICIES[policy], depth)
        self._tags = _Tags()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        _live_sessions.add(self)
        weakref.finalize(self, self._core.close)
        if output is not None:
            self._thread = threading.Thread(target=self._deliver, args=(weakref.ref(self), self._core, self._tags, output),
                                            daemon=True, name="streamdiffusion output")
            self._thread.start()

    def submit(self, frame: Any = None, *, format: str = "rgb", tag: Any = None) -> int | None:
        """The frame's number, or None where the session takes no more. The pixels are copied before this returns.
        Waits under the policy "block" alone."""
        _check_process()
        pixels = None if frame is None else to_pixels(frame)
        number: int | None = self._core.submit(pixels, format, self._tags.put(tag), time.monotonic_ns())
        return number

    def take(self, timeout: float | None = None) -> Output | None:
        """The next output. None at the end of the stream. timeout: seconds; raises TimeoutError after that."""
        more, output = self._take(timeout)
        if output is None and more:
            raise TimeoutError(f"no output in {timeout} s")
        return output

    def _take(self, timeout: float | None) -> tuple[bool, Output | None]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = _SLICE_MS if end is None else max(0, min(_SLICE_MS, round((end - time.monotonic()) * 1000)))
            more, output = self._core.take(wait)
            if output is not None:
                return True, Output(output, self._tags.take(output.tag))
            if not more or (end is not None and time.monotonic() >= end):
                return more, None

    def stream(self, frames: Iterable[Any], *, format: str = "rgb") -> Iterator[Output]:
        """Submits an iterable of frames from a thread, and yields the outputs; ends with the last."""
        failure: list[BaseException] = []

        def submit() -> None:
            try:
                for frame in frames:
                    if self.submit(frame, format=format) is None:
                        return
            except BaseException as error:  # raised where the outputs are read
                failure.append(error)
            finally:
                self.close()

        source = threading.Thread(target=submit, daemon=True, name="streamdiffusion input")
        source.start()
        try:
            while (output := self.take()) is not None:
                yield output
        finally:
            self.stop()
            source.join()
        if failure:
            raise failure[0]

    def __aiter__(self) -> AsyncIterator[Output]:
        return self._outputs()

    async def _outputs(self) -> AsyncIterator[Output]:
        loop = asyncio.get_running_loop()
        while True:
            more, output = await loop.run_in_executor(None, self._take, _SLICE_MS / 1000)
            if output is not None:
                yield output
            elif not more:
                return

    async def astream(self, frames: AsyncIterable[Any], *, format: str = "rgb") -> AsyncIterator[Output]:
        """The same as stream() for an asynchronous iterable of frames."""
        loop = asyncio.get_running_loop()

        async def submit() -> None:
            try:
                async for frame in frames:
                    if await loop.run_in_executor(None, functools.partial(self.submit, frame, format=format)) is None:
                        return
            finally:
                self.close()

        source = asyncio.ensure_future(submit())
        try:
            async for output in self:
                yield output
        finally:
            source.cancel()
            await loop.run_in_executor(None, self.stop)
            await asyncio.gather(source, return_exceptions=True)
        if not source.cancelled() and source.exception() is not None:
            raise source.exception()  # type: ignore[misc]

    @staticmethod
    def _deliver(session: weakref.ref[LiveSession], core: _core.LiveSession, tags: _Tags,
                 output: Callable[[Output], None]) -> None:
        more = True
        while more:
            more, ready = core.take(_SLICE_MS)
            if ready is None:
                continue
            try:
                output(Output(ready, tags.take(ready.tag)))
            except BaseException as error:
                if (live := session()) is not None:
                    live._failure = error
                core.close()
                core.stop()
                return

    def change(self, **parameters: Any) -> None:
        """Between two frames. What needs other programs is prepared beside the running stream."""
        self._core.change(_text(parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """All values last asked for."""
        return _object(self._core.parameters())

    @property
    def counters(self) -> dict[str, int]:
        """captured = processed + skipped + dropped + failed + in_flight, at any moment."""
        return dict(self._core.counters())

    def pause(self) -> None:
        """Frames submitted from now on are dropped."""
        self._core.pause()

    def resume(self) -> None:
        self._core.resume()

    def close(self) -> None:
        """Takes no more frames; those in flight are finished. Returns at once."""
        self._core.close()

    def drain(self) -> None:
        """close(), and waits until `output` has got the last. Raises what `output` raised."""
        self._core.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._raise_failure()

    def stop(self) -> None:
        """Drops the frames in flight and waits for the threads to end. Raises what `output` raised."""
        self._core.stop()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()


@atexit.register
def _stop_all() -> None:
    for live in list(_live_sessions):
        live._core.stop()
    _core.wait_for_calls(_LONGEST_CALL_S)
