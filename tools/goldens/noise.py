"""Writes tests/data/stream/noise.json: what torch.randn draws on a CPU from a seeded generator.

    python tools/goldens/noise.py

A case is a seed and the numbers of elements of successive draws. Of each draw the file holds elements
(k * 7919) % size for k = 0..63 and the last one, which lies in torch's specially drawn tail.
"""

import json
import pathlib

import torch

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "stream" / "noise.json"
CASES = [
    (0, [16]),
    (42, [64]),
    (2, [2 * 4 * 64 * 64]),
    (2, [4 * 9 * 7, 4 * 9 * 7]),             # a size that is no multiple of 16, twice
    (7, [1, 2, 3, 15, 16, 17, 31, 1, 33]),   # small draws keep half a pair for the next small draw
    (9, [5, 100, 5]),
    (2**32 + 5, [16]),                       # the generator keeps 32 bits of a seed
    (2**64 - 1, [15, 48]),
    (123456789, [16 * 3 * 5 * 16]),
]


def kept(values):
    size = len(values)
    places = sorted({k * 7919 % size for k in range(64)} | {size - 1})
    return {"size": size, "places": places, "values": [round(values[i].item(), 7) for i in places]}


def main():
    cases = []
    for seed, sizes in CASES:
        generator = torch.Generator().manual_seed(seed)
        cases.append({"seed": str(seed), "draws": [kept(torch.randn(n, generator=generator)) for n in sizes]})
    rows = ",\n  ".join(json.dumps(case, separators=(",", ":")) for case in cases)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(f'{{"torch": "{torch.__version__.split("+")[0]}", "cases": [\n  {rows}\n]}}\n')


if __name__ == "__main__":
    main()
