"""Times the engine against its peers, each in turns with it (A B A B): one img2img frame of one step on the same
weights. Prints every turn, and a Markdown table at the end.

    tools/compare/run --model pictogram --size 256 --frames 60
    tools/compare/run --model sd-turbo --size 512 --peer openvino --peer diffusers-compiled --frames 3
    tools/compare/run --model sd-turbo --size 512 --peer autopipeline --frames 1 --rounds 1
"""

import argparse
import gc
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


def in_turns(name, args):
    """One peer's row: medians of the engine and of the peer, and of their ratios."""
    run = PEERS[name](Frame(args.model, args.size), args.dtype, args.threads)
    ours, theirs = [], []
    for number in range(args.rounds):
        seconds, share, ceiling = engine_seconds(args)
        ours.append(seconds)
        theirs.append(peer_seconds(run, args.frames))
        print(f"round {number + 1}: engine {ours[-1] * 1e3:.1f} ms ({share:.0%} of {ceiling:.0f} GFLOP/s), "
              f"{name} {theirs[-1] * 1e3:.1f} ms: {theirs[-1] / ours[-1]:.2f}x", flush=True)
    ratio = statistics.median(their / our for our, their in zip(ours, theirs))
    return f"| {name} | {statistics.median(ours) * 1e3:.1f} | {statistics.median(theirs) * 1e3:.1f} | {ratio:.2f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pictogram", help="a folder of models/, or sd-turbo or sd15 with random weights")
    parser.add_argument("--peer", choices=PEERS, action="append", help="may be given more than once; all but autopipeline "
                        "if not given")
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    rows = []
    for name in args.peer or [name for name in PEERS if name != "autopipeline"]:
        rows.append(in_turns(name, args))
        gc.collect()
    print(f"\n{args.model}, {args.size}x{args.size}, {args.dtype}\n\n| peer | engine, ms | peer, ms | ratio |\n|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
