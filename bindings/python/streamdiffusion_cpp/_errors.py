"""Exceptions of the library: Error, with subclasses that are also Python's own kinds."""
from __future__ import annotations

from typing import Any


class Error(Exception):
    """What the library refuses, or what failed. The text names what was found and what was expected.

    code: "invalid_argument", "not_found", "corrupt_file", "unsupported", "io", "numeric", "busy", "timeout" or
        "internal".
    parameter: the parameter at fault, or "".
    frame_id: the number of the frame that failed in a live session, where it is of one; else None.
    """

    code = "internal"

    def __init__(self, message: str, parameter: str = "", frame_id: int | None = None):
        super().__init__(message)
        self.parameter = parameter
        self.frame_id = frame_id


class InvalidArgument(Error, ValueError):
    code = "invalid_argument"


class InvalidType(InvalidArgument, TypeError):
    """A value or a frame of a type that cannot stand for what is expected."""


class NotFound(Error, FileNotFoundError):
    code = "not_found"


class CorruptFile(Error, ValueError):
    code = "corrupt_file"


class Unsupported(Error, NotImplementedError):
    code = "unsupported"


class InputOutput(Error, OSError):
    code = "io"


class Numeric(Error, ArithmeticError):
    code = "numeric"


class Busy(Error):
    code = "busy"


class Timeout(Error, TimeoutError):
    """No output came in the time that take() was given."""

    code = "timeout"


_BY_STATUS = {1: InvalidArgument, 2: NotFound, 3: CorruptFile, 4: Unsupported, 5: InputOutput, 6: Numeric, 7: Busy}


def make(status: int, message: str, parameter: str, frame_id: int | None = None) -> Error:
    """Called by the compiled module."""
    return _BY_STATUS.get(status, Error)(message, parameter, frame_id)


def one_of(name: str, value: Any, expected: tuple[str, ...]) -> str:
    """The value, where it is one of the expected ones."""
    for each in expected:
        if isinstance(value, str) and value == each:
            return each
    raise InvalidArgument(f"{name} is {value!r}, expected one of {', '.join(expected)}", name)
