"""StreamDiffusion in C++, from Python: live diffusion on a plain processor or an NVIDIA card, without PyTorch.

>>> from streamdiffusion_cpp import Engine
>>> session = Engine.open().session(prompt="red apple", steps=1)
>>> output, = session.process(drawing)  # [height, width, 3], uint8
"""
from . import _core
from ._errors import (Busy, CorruptFile, Error, InputOutput, InvalidArgument, InvalidType, NotFound, Numeric, Timeout,
                      Unsupported)
from ._frames import to_pixels
from ._live import LiveSession
from ._outputs import Output
from ._streams import Engine, Session

__version__: str = _core.version()
__all__ = ["Busy", "CorruptFile", "Engine", "Error", "InputOutput", "InvalidArgument", "InvalidType", "LiveSession",
           "NotFound", "Numeric", "Output", "Session", "Timeout", "Unsupported", "to_pixels"]
