"""How long the program takes from its start to the first image, beyond the frame itself, in times of what it takes
to read all weights once and write them in another order: PyTorch does that, on the same threads. The files are in
the page cache. Prints the peak of memory too.

    python tools/compare/random_files.py folder sd-turbo out/sd-turbo
    python tools/compare/opening.py out/sd-turbo --size 512
"""

import argparse
import contextlib
import pathlib
import re
import statistics
import subprocess
import tempfile
import time

import torch
from safetensors import safe_open

from models import REPOSITORY

PROGRAM = REPOSITORY / "build" / "release" / "streamdiffusion"
BLOCK = 16  # channels of a block in the layout of convolutions


def packed(weight):
    """In bf16, input and output channels in blocks where they fill them; rows and columns exchanged."""
    weight = weight.to(torch.bfloat16)
    if weight.dim() == 4 and weight.shape[0] % BLOCK == 0 and weight.shape[1] % BLOCK == 0:
        out, channels, height, width = weight.shape
        blocks = weight.view(out // BLOCK, BLOCK, channels // BLOCK, BLOCK, height, width)
        return blocks.permute(0, 2, 4, 5, 3, 1).contiguous()
    return weight.t().contiguous() if weight.dim() == 2 else weight.clone()


def pack_all(files):
    """Seconds to read and pack every weight, and their bytes in bf16."""
    start, size, kept = time.perf_counter(), 0, []
    for path in files:
        with safe_open(path, framework="pt") as weights:
            for name in weights.keys():
                kept.append(packed(weights.get_tensor(name)))
                size += kept[-1].nbytes
    return time.perf_counter() - start, size


def first_image(folder, args, output):
    """Seconds from the start to the end, milliseconds of the frame, and the peak of memory in MiB."""
    command = [PROGRAM, "image", "--model", folder, "--count", "1", "--t-index-list", "0", "--cfg-type", "none",
               "--device", "cpu", "--dtype", "bf16", "--width", str(args.size), "--height", str(args.size), "--threads",
               str(args.threads), "--output", output]
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as said:
        program = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, text=True)
        while program.poll() is None:  # its rusage would begin with what this process had
            with contextlib.suppress(OSError, AttributeError):
                status = pathlib.Path(f"/proc/{program.pid}/status").read_text()
                peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", status).group(1)))
            time.sleep(0.005)
        seconds = time.perf_counter() - start
        said.seek(0)
        text = said.read()
    if program.returncode != 0:
        raise SystemExit(text)
    return seconds, float(re.search(r"p50 ([\d.]+) ms", text).group(1)), peak / 1024


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    files = sorted(args.folder.glob("*/*.safetensors"))
    pack_all(files)  # they are in the page cache then
    ratios = []
    for number in range(1, args.rounds + 1):
        with tempfile.TemporaryDirectory() as outputs:
            whole, frame_ms, peak = first_image(args.folder, args, pathlib.Path(outputs) / "image.png")
        packing, size = pack_all(files)
        opening = whole - frame_ms / 1e3
        ratios.append(opening / packing)
        print(f"round {number}: to the first image {whole:.2f} s, its frame {frame_ms / 1e3:.2f} s, so opening "
              f"{opening:.2f} s; packing {packing:.2f} s: {ratios[-1]:.2f}x; peak {peak:.0f} MiB, weights in bf16 "
              f"{size / 2 ** 20:.0f} MiB", flush=True)
    print(f"median {statistics.median(ratios):.2f}x")


if __name__ == "__main__":
    main()
