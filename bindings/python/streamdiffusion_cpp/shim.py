"""Runs an unchanged script of the original package: python -m streamdiffusion_cpp.shim script.py [its arguments].

The modules `streamdiffusion`, `utils.wrapper` and `streamdiffusion.image_utils`, as far as examples use them, are this
package's for that script.
"""
from __future__ import annotations

import runpy
import sys
import types

from . import compat


def install() -> None:
    """Enters the modules in sys.modules."""
    package = types.ModuleType("streamdiffusion")
    package.__path__ = []
    package.StreamDiffusionWrapper = compat.StreamDiffusionWrapper  # type: ignore[attr-defined]

    def missing(name: str) -> object:
        raise ImportError(f"streamdiffusion.{name} works on a diffusers pipeline, which there is none of here; use "
                          "StreamDiffusionWrapper")

    package.__getattr__ = missing  # type: ignore[method-assign]
    utils = types.ModuleType("utils")
    utils.__path__ = []
    wrapper = types.ModuleType("utils.wrapper")
    wrapper.StreamDiffusionWrapper = compat.StreamDiffusionWrapper  # type: ignore[attr-defined]
    sys.modules |= {"streamdiffusion": package, "utils": utils, "utils.wrapper": wrapper}


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        sys.exit(0 if len(sys.argv) > 1 else 2)
    install()
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
