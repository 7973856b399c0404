#!/usr/bin/env python3
"""Generates docs/images/page.png, README's picture of the page: the program's own page in Chromium, after
it has drawn its example. Needs what `make browser` needs.

    tools/page/picture.py build/release/streamdiffusion"""
import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
import harness  # noqa: E402

SIZE = (1280, 800)
EXAMPLE = 0  # of web/demo_doodles.js: so many more clicks on "Draw an example"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "docs/images/page.png")
    parser.add_argument("--example", type=int, default=EXAMPLE, help="which doodle (%(default)s)")
    parser.add_argument("--dark", action="store_true")
    args = parser.parse_args()
    harness.PROGRAM = args.program.resolve()
    server = harness.Server()
    try:
        page = harness.Page(server.address, size=SIZE, dark=args.dark)
        page.started()
        for _ in range(args.example):
            page.click("#demo")
            page.settle()
        page.run("document.getElementById('invite').hidden = true")
        page.settle()
        page.wait(lambda: page.state == "Ready", "state at rest")
        args.output.parent.mkdir(parents=True, exist_ok=True)
        page.driver.save_screenshot(str(args.output))
        page.close()
    finally:
        server.stop()
    print(f"{args.output}: {args.output.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
