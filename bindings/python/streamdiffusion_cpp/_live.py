"""LiveSession."""
from __future__ import annotations

import asyncio
import atexit
import collections
import functools
import threading
import time
import warnings
import weakref
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import _core, _values
from ._errors import Error, Timeout, make, one_of
from ._frames import to_pixels
from ._outputs import FORMATS, Output, Tags, check_process, object_of

if TYPE_CHECKING:
    from ._streams import Engine

_live_sessions: weakref.WeakSet[LiveSession] = weakref.WeakSet()
_POLICIES = ("latest", "drop_oldest", "block")  # as streamdiffusion_policy counts them
# How long a wait is before Python looks for signals again, in milliseconds.
_SLICE_MS = 200
# How long the end of a `with` block waits for one more image.
_LONGEST_IMAGE_S = 30.0
# How long the end of the program waits for calls of other threads.
_LONGEST_CALL_S = 10.0


class LiveSession:
    """A stream on threads of its own: frames are submitted as they come, with a bounded age for every image.

    policy: "latest" (a new frame replaces the one that waits; for live input), "drop_oldest" of `depth` waiting ones,
        or "block" (nothing is dropped; for files).
    output: called with every Output, in order, on a thread of its own. Without it, outputs are fetched by take(),
        stream(), astream() or `async for output in live`.
    error: called with the Error of every frame that fails (`frame_id` is its number), and of every change that could
        not be prepared and was taken back (`frame_id` is None). On the thread of `output`; without `output` in the
        calls of take(), stream() and the like, submit() and stop(). What it raises is raised as what `output` raises, or
        from that call. Without `error` each is a warning of the logger "streamdiffusion_cpp".
    """

    def __init__(self, engine: Engine, *, output: Callable[[Output], None] | None = None,
                 error: Callable[[Error], None] | None = None, policy: str = "latest", depth: int = 1,
                 **parameters: Any):
        check_process()
        number = _POLICIES.index(one_of("policy", policy, _POLICIES))
        self._engine = engine
        self._core = _core.LiveSession(engine._core, _values.text(parameters), number,
                                       _values.whole_number("depth", depth), error is not None)
        self._tags = Tags()
        self._error = error
        # Outputs that were fetched and that nobody has yet: who fetched them was canceled, or came second.
        self._fetched: collections.deque[Output] = collections.deque()
        self._fetching = threading.Lock()
        self._fetch: asyncio.Future[bool] | None = None
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None
        _live_sessions.add(self)
        weakref.finalize(self, self._core.close)
        if output is not None:
            self._thread = threading.Thread(target=self._deliver,
                                            args=(weakref.ref(self), self._core, self._tags, output, error),
                                            daemon=True, name="streamdiffusion output")
            self._thread.start()

    def submit(self, frame: Any = None, *, format: str = "rgb", tag: Any = None) -> int | None:
        """The frame's number, or None where the session takes no more: after close(), drain(), stop() and its end. The
        pixels are copied before this returns. Waits under the policy "block" alone."""
        check_process()
        order = one_of("format", format, FORMATS)
        pixels = None if frame is None else to_pixels(frame)
        number: int | None = self._core.submit(pixels, order, self._tags.put(tag), time.monotonic_ns())
        if self._thread is None:
            _tell_failures(self._core, self._error)
        return number

    def take(self, timeout: float | None = None) -> Output | None:
        """The next output. None at the end of the stream. timeout: seconds; raises Timeout after that."""
        more, output = self._take(_values.seconds("timeout", timeout))
        if output is None and more:
            raise Timeout(f"no output in {timeout} s")
        return output

    def _take(self, timeout: float | None) -> tuple[bool, Output | None]:
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            wait = _SLICE_MS if end is None else round(max(0, min(_SLICE_MS, (end - time.monotonic()) * 1000)))
            more = self._fetch_one(wait)
            if (output := self._next_fetched()) is not None:
                return True, output
            if not more or (end is not None and time.monotonic() >= end):
                return more, None

    def _fetch_one(self, wait_ms: int) -> bool:
        """One output into self._fetched, if there is none. False at the end of the stream."""
        check_process()
        if not self._fetching.acquire(timeout=wait_ms / 1000):
            return True
        try:
            if self._fetched:
                return True
            more, output = self._core.take(wait_ms)
            if output is not None:
                self._fetched.append(Output(output, self._tags.take(output.tag)))
        finally:
            self._fetching.release()
        _tell_failures(self._core, self._error)
        return more

    def _next_fetched(self) -> Output | None:
        try:
            return self._fetched.popleft()
        except IndexError:
            return None

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
        """Where the await of an output is canceled, nothing is lost: the next await, or take(), gets it."""
        return _Outputs(self)

    async def _take_async(self) -> Output | None:
        """As take(). What goes on in a thread after it was canceled is shared with the next."""
        loop = asyncio.get_running_loop()
        while True:
            fetch = self._fetch
            if fetch is None or fetch.done() or fetch.get_loop() is not loop:
                fetch = self._fetch = loop.run_in_executor(None, self._fetch_one, _SLICE_MS)
            more = await asyncio.shield(fetch)
            if (output := self._next_fetched()) is not None:
                return output
            if not more:
                return None

    async def astream(self, frames: AsyncIterable[Any], *, format: str = "rgb") -> AsyncIterator[Output]:
        """The same as stream() for an asynchronous iterable of frames. Canceling it ends the stream; what was finished
        until then is left for take()."""
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
    def _deliver(session: weakref.ref[LiveSession], core: _core.LiveSession, tags: Tags,
                 output: Callable[[Output], None], error: Callable[[Error], None] | None) -> None:
        more = True
        while more:
            more, ready = core.take(_SLICE_MS)
            try:
                _tell_failures(core, error)
                if ready is not None:
                    output(Output(ready, tags.take(ready.tag)))
            except BaseException as raised:
                if (live := session()) is not None:
                    live._failure = raised
                core.close()
                core.stop()
                return

    def change(self, **parameters: Any) -> None:
        """Between two frames. What needs other programs is prepared beside the running stream; where that fails, the
        change is taken back and told as `error` says."""
        self._core.change(_values.text(parameters))

    @property
    def parameters(self) -> dict[str, Any]:
        """All values last asked for."""
        return object_of(self._core.parameters())

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
        if self._thread is None:
            _tell_failures(self._core, self._error)
        elif self._thread is not threading.current_thread():
            self._thread.join()
        self._raise_failure()

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def __enter__(self) -> LiveSession:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        """Delivers the frames in flight to `output` first, unless an exception ends the block. Without `output` nobody
        is left to take them, and they are dropped."""
        try:
            if kind is None and self._thread is not None and not self._finish(self._thread):
                self._thread = None  # in a callback that does not return; nothing waits for it
        finally:
            self.stop()

    def _finish(self, thread: threading.Thread) -> bool:
        """As drain(), as long as images come. Whether all have come."""
        self._core.close()
        done, since = -1, time.monotonic()
        while thread.is_alive() and time.monotonic() - since < _LONGEST_IMAGE_S:
            thread.join(_SLICE_MS / 1000)
            counters = self.counters
            if (now := counters["captured"] - counters["in_flight"]) != done:
                done, since = now, time.monotonic()
        if thread.is_alive():
            warnings.warn(f"the stream is stopped with {self.counters['in_flight']} frames in flight: for "
                          f"{_LONGEST_IMAGE_S:g} s no image came", RuntimeWarning, stacklevel=3)
        return not thread.is_alive()


class _Outputs(AsyncIterator[Output]):
    """Goes on after an await that was canceled, which an asynchronous generator does not."""

    def __init__(self, live: LiveSession):
        self._live = live

    async def __anext__(self) -> Output:
        if (output := await self._live._take_async()) is None:
            raise StopAsyncIteration
        return output


def _tell_failures(core: _core.LiveSession, error: Callable[[Error], None] | None) -> None:
    while error is not None and (failure := core.next_failure()) is not None:
        error(make(*failure))


@atexit.register
def _stop_all() -> None:
    for live in list(_live_sessions):
        live._core.stop()
    _core.tell_messages()
    # What a thread of these holds is never freed.
    _core.wait_for_calls(_LONGEST_CALL_S, any(thread.daemon for thread in threading.enumerate()))
