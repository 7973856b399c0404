"""Runs an unchanged script of the original package: python -m streamdiffusion_cpp.shim script.py [its arguments].

For that script `utils.wrapper`, `streamdiffusion` and `streamdiffusion.image_utils` are this package's, as far as the
original's examples use them. Everything else it imports as ever: from its own folder, and from the rest of `utils`
where the original's checkout is on its path. The processes it starts are spawned, and so get the same modules.
"""
from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import multiprocessing
import os
import pathlib
import sys
import types
from collections.abc import Sequence
from typing import Any

# What each module is given: names of another one, all public ones where there are none.
_MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "streamdiffusion": ("compat", ("StreamDiffusionWrapper",)),
    "streamdiffusion.image_utils": ("_image_utils", ()),
    "utils.wrapper": ("compat", ("StreamDiffusionWrapper",)),
}
_SCRIPT = "STREAMDIFFUSION_SHIM_SCRIPT"


def _missing(name: str) -> object:
    raise ImportError(f"streamdiffusion.{name} works on a diffusers pipeline, which there is none of here; use "
                      "StreamDiffusionWrapper")


class _Modules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Before all other finders: what is installed under these names is not looked at."""

    def find_spec(self, name: str, path: Sequence[str] | None = None,
                  target: types.ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if name in _MODULES:
            return importlib.machinery.ModuleSpec(name, self, is_package=name == "streamdiffusion")
        if name.startswith("streamdiffusion."):
            _missing(name.split(".", 1)[1])
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        source, names = _MODULES[module.__name__]
        given = vars(importlib.import_module("." + source, __package__))
        module.__dict__.update({name: given[name] for name in names or given["__all__"]})
        if module.__name__ == "streamdiffusion":
            module.__dict__["__getattr__"] = _package_attribute


def _package_attribute(name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    return _missing(name)


class _NoUtils(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """After all other finders: an empty `utils` where there is none."""

    def find_spec(self, name: str, path: Sequence[str] | None = None,
                  target: types.ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name == "utils" else None

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def install() -> None:
    """Makes the modules known to `import`."""
    if any(isinstance(finder, _Modules) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Modules())
    sys.meta_path.append(_NoUtils())


def _run(script: str, name: str) -> dict[str, Any]:
    """The script's globals. `name` is what its __name__ is."""
    code = compile(pathlib.Path(script).read_bytes(), script, "exec")
    module = types.ModuleType(name)
    module.__file__ = script
    module.__spec__ = sys.modules["__main__"].__spec__  # by which multiprocessing finds the way back here
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module.__dict__


def _spawn_processes() -> None:
    """Threads of the library are not in a forked process. A script may still choose for itself."""
    multiprocessing.set_start_method("spawn")
    multiprocessing.set_start_method = functools.partial(multiprocessing.set_start_method, force=True)


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print((__doc__ or "").strip())
        sys.exit(0 if len(sys.argv) > 1 else 2)
    sys.argv = sys.argv[1:]
    script = sys.argv[0]
    if not os.path.isfile(script):
        sys.exit(f"streamdiffusion_cpp.shim: there is no file {script}")
    install()
    _spawn_processes()
    os.environ[_SCRIPT] = os.path.abspath(script)
    sys.path[0] = os.path.dirname(os.path.realpath(script))
    _run(script, "__main__")


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # in a process that the script started
    install()
    sys.argv[0] = os.environ[_SCRIPT]
    globals().update(_run(os.environ[_SCRIPT], "__mp_main__"))
