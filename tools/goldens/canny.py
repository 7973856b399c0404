"""Writes tests/data/control/canny.json: the edges that OpenCV's Canny finds in a drawing that both
languages make from one formula (tests/control/canny_test.cpp).

    python tools/goldens/canny.py        # needs opencv-python-headless
"""

import json
import pathlib

import cv2
import numpy as np

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "control" / "canny.json"
WIDTH, HEIGHT = 97, 61


def drawing():
    """A disk, a wedge and a texture: edges of every direction, weak and strong."""
    y, x, c = np.meshgrid(np.arange(HEIGHT), np.arange(WIDTH), np.arange(3), indexing="ij")
    disk = np.where((x - 40) ** 2 + (y - 30) ** 2 < 400, 150, 40)
    wedge = np.where(2 * x > 130 + y, 60, 0)
    ramp = 3 * np.maximum(0, y - 45)
    return (disk + wedge + ramp + (7 * x + 13 * y + 29 * c) % 23).astype(np.uint8)


def main():
    cases = []
    for low, high in ((100, 200), (30, 60), (0, 0), (400, 900)):
        edges = cv2.Canny(cv2.cvtColor(drawing(), cv2.COLOR_RGB2GRAY), low, high)
        rows = ["".join("#" if value else "." for value in row) for row in edges]
        cases.append({"low": low, "high": high, "edges": int((edges > 0).sum()), "rows": rows})
        print(low, high, cases[-1]["edges"])
    FILE.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({k: v for k, v in case.items() if k != "rows"})[:-1] + ', "rows": [\n  ' +
             ",\n  ".join(json.dumps(row) for row in case["rows"]) + "]}" for case in cases]
    FILE.write_text(f'{{"width": {WIDTH}, "height": {HEIGHT}, "cases": [\n' + ",\n".join(lines) + "]}\n")


if __name__ == "__main__":
    main()
