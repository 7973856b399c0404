#!/usr/bin/env python3
"""Runs the browser tests against a build of the program. Usage:
tests/browser/run.py build/release/streamdiffusion [arguments of unittest]

Chromium and its driver are Debian's packages. Screenshots go to out/browser/."""
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    sys.path.insert(0, str(HERE))
    import harness
    harness.PROGRAM = pathlib.Path(sys.argv[1]).resolve()
    named = [a for a in sys.argv[2:] if not a.startswith("-")]
    rest = [a for a in sys.argv[2:] if a.startswith("-")]
    if named:
        argv = ["run.py", *rest, *named]
    else:
        argv = ["run.py", *rest, *sorted(p.stem for p in HERE.glob("test_*.py"))]
    unittest.main(module=None, argv=argv)


if __name__ == "__main__":
    main()
