"""Times the engine against a peer, in turns (A B A B), one img2img frame of one step, and prints the ratio.

    tools/compare/run --model sd-turbo --size 512 --peer openvino
    tools/compare/run --model pictogram --size 256 --peer openvino --frames 60
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

from models import REPOSITORY, UNETS, Frame
from peers import PEERS

PROGRAM = REPOSITORY / "build" / "release" / "streamdiffusion"
WARM_UP = 2


def engine_seconds(args):
    """Median frame of `streamdiffusion bench`, and the ceiling's share."""
    which = ["--random-weights", args.model] if args.model in UNETS else ["--model", REPOSITORY / "models" / args.model]
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        subprocess.run([PROGRAM, "bench", *which, "--t-index-list", "32", "--cfg-type", "none", "--dtype", args.dtype,
                        "--width", str(args.size), "--height", str(args.size), "--frames", str(args.frames),
                        "--threads", str(args.threads), "--json", report], check=True, capture_output=True)
        numbers = json.loads(report.read_text())
    return numbers["frame_ms"]["p50"] / 1e3, numbers["share_of_ceiling"], numbers["ceiling_gflops"]


def peer_seconds(run, frames):
    """Median frame of the peer."""
    for _ in range(WARM_UP):
        run()
    times = []
    for _ in range(frames):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pictogram", help="a folder of models/, or sd-turbo or sd15 with random weights")
    parser.add_argument("--peer", choices=PEERS, default="openvino")
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    run = PEERS[args.peer](Frame(args.model, args.size), args.dtype, args.threads)
    ratios = []
    for number in range(args.rounds):
        ours, share, ceiling = engine_seconds(args)
        theirs = peer_seconds(run, args.frames)
        ratios.append(theirs / ours)
        print(f"round {number + 1}: engine {ours * 1e3:.1f} ms ({share:.0%} of {ceiling:.0f} GFLOP/s), "
              f"{args.peer} {theirs * 1e3:.1f} ms: {ratios[-1]:.2f}x", flush=True)
    print(f"{args.model} {args.size}x{args.size} {args.dtype}: {statistics.median(ratios):.2f} times the speed of {args.peer}")


if __name__ == "__main__":
    main()
