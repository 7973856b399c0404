"""Writes every code of the two 8-bit floats, with PyTorch's value of it as f32, in one safetensors file.

    python tools/goldens/float8.py
"""

import pathlib

import torch
from safetensors.torch import save_file

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "weights" / "float8.safetensors"


def main():
    """Writes the file."""
    codes = torch.arange(256, dtype=torch.uint8)
    tensors = {}
    for name, dtype in (("e4m3", torch.float8_e4m3fn), ("e5m2", torch.float8_e5m2)):
        tensors[name] = codes.view(dtype).clone()
        tensors[name + ".expected"] = codes.view(dtype).float()
    save_file(tensors, OUT)


if __name__ == "__main__":
    main()
