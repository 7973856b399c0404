"""Parameters as the library takes them: the text of a JSON object."""
from __future__ import annotations

import json
import math
import operator
import os
from typing import Any

import numpy as np

from ._errors import InvalidArgument, InvalidType


def text(parameters: dict[str, Any]) -> str:
    """JSON of keywords. None stands for a parameter that is not given. Numbers and arrays of NumPy are numbers and
    lists, paths are text. Raises InvalidArgument that names the parameter of anything else."""
    return "{" + ", ".join(f"{json.dumps(name)}: {_json(name, value)}"
                           for name, value in parameters.items() if value is not None) + "}"


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, default=_plain, allow_nan=False)
    except (TypeError, RecursionError) as error:
        raise InvalidType(f"{name} is {_shown(value)}: {error}", name) from None
    except ValueError as error:  # not finite, or it holds itself
        raise InvalidArgument(f"{name} is {_shown(value)}: {error}", name) from None


def _plain(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    raise TypeError(f"expected numbers, text, paths, or lists of them, not {type(value).__name__}")


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."


def whole_number(name: str, value: Any) -> int:
    """In 32 bits."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidType(f"{name} is {_shown(value)}, expected a whole number", name) from None
    if not -2**31 <= number < 2**31:
        raise InvalidArgument(f"{name} is {number}, expected a whole number of 32 bits", name)
    return number


def seconds(name: str, value: Any) -> float | None:
    """None is without a limit."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidType(f"{name} is {_shown(value)}, expected seconds or None", name) from None
    if math.isnan(number):
        raise InvalidArgument(f"{name} is {_shown(value)}, expected seconds or None", name)
    return number
