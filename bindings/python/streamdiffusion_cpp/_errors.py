"""Exceptions of the library: Error, with subclasses that are also Python's own kinds."""


class Error(Exception):
    """What the library refuses, or what failed. The text names what was found and what was expected.

    code: "invalid_argument", "not_found", "corrupt_file", "unsupported", "io", "numeric", "busy" or "internal".
    parameter: the parameter at fault, or "".
    """

    code = "internal"

    def __init__(self, message: str, parameter: str = ""):
        super().__init__(message)
        self.parameter = parameter


class InvalidArgument(Error, ValueError):
    code = "invalid_argument"


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


_BY_STATUS = {1: InvalidArgument, 2: NotFound, 3: CorruptFile, 4: Unsupported, 5: InputOutput, 6: Numeric, 7: Busy}


def make(status: int, message: str, parameter: str) -> Error:
    """Called by the compiled module."""
    return _BY_STATUS.get(status, Error)(message, parameter)
