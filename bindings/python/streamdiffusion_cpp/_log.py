"""The library's messages, as those of the logger "streamdiffusion_cpp"."""
from __future__ import annotations

import logging

_logger = logging.getLogger("streamdiffusion_cpp")
# As streamdiffusion_log_level counts them; a notice is between information and a warning.
_LEVELS = (logging.DEBUG, logging.INFO, logging.INFO, logging.WARNING)


def tell(level: int, message: str) -> None:
    """Called by the compiled module."""
    _logger.log(_LEVELS[level], "%s", message)
