"""Downloads on standard error, where the original's users are used to see them."""
from __future__ import annotations

import sys
import time

_LINE_EVERY_SECONDS = 10


class Progress:
    """on_progress of an Engine: one line that is written over in a terminal, elsewhere a line every ten seconds, and
    one at the end of each name."""

    def __init__(self) -> None:
        self._next_line = 0.0
        self._ended = ""

    def __call__(self, name: str, there: int, total: int) -> None:
        at_end = there >= total
        if sys.stderr is None or (at_end and self._ended == name):
            return
        terminal = sys.stderr.isatty()
        if not terminal and not at_end and time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + _LINE_EVERY_SECONDS
        self._ended = name if at_end else ""
        line = f"{name}: {there / 1e6:.0f} of {total / 1e6:.0f} MB"
        ends = "\n" if at_end or not terminal else ""
        sys.stderr.write(f"\r{line}\x1b[K{ends}" if terminal else line + ends)
        sys.stderr.flush()
