"""Writes tests/data/stream/noise.json: what torch.randn returns on a CPU for a seeded generator.

    python tools/goldens/noise.py

A case is a seed and the sizes of successive draws. Of each draw the file holds the elements
(k * 7919) % size for k = 0..63, and the last one: torch computes the last elements of a draw in
another way.
"""

import json
import pathlib

import torch

FILE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "stream" / "noise.json"
CASES = [
    (0, [16]),
    (42, [64]),
    (2, [2 * 4 * 64 * 64]),
    # A size that is not a multiple of 16, twice.
    (2, [4 * 9 * 7, 4 * 9 * 7]),
    # Numbers come in pairs; a small draw keeps the unused one for the next small draw.
    (7, [1, 2, 3, 15, 16, 17, 31, 1, 33]),
    (9, [5, 100, 5]),
    # The generator uses 32 bits of the seed.
    (2**32 + 5, [16]),
    (2**64 - 1, [15, 48]),
    (123456789, [16 * 3 * 5 * 16]),
]


def summarize(values):
    """What the file stores of a draw."""
    size = len(values)
    indices = sorted({k * 7919 % size for k in range(64)} | {size - 1})
    return {"size": size, "places": indices, "values": [round(values[i].item(), 7) for i in indices]}


def main():
    cases = []
    for seed, sizes in CASES:
        generator = torch.Generator().manual_seed(seed)
        draws = [summarize(torch.randn(n, generator=generator)) for n in sizes]
        cases.append({"seed": str(seed), "draws": draws})
    rows = ",\n  ".join(json.dumps(case, separators=(",", ":")) for case in cases)
    FILE.parent.mkdir(parents=True, exist_ok=True)
    FILE.write_text(f'{{"torch": "{torch.__version__.split("+")[0]}", "cases": [\n  {rows}\n]}}\n')


if __name__ == "__main__":
    main()
