"""Times the engine against other frameworks, alternating with each (A B A B): one img2img frame of
one step with the same weights. Prints every round, and a Markdown table at the end.

    tools/compare/run --model pictogram --size 256 --frames 60
    tools/compare/run --model sd-turbo --size 512 --peer openvino --peer diffusers-compiled \\
        --frames 3
    tools/compare/run --model sd-turbo --size 512 --peer autopipeline --frames 1 --rounds 1
    tools/compare/run --model sdxl-turbo --size 512 --peer diffusers-channels-last --frames 1 --rounds 1
    tools/compare/run --model sdxl-turbo --size 512 --peer diffusers-compiled --dtype f32 --max-isa avx2 \\
        --in-turn --frames 1 --rounds 1
"""

import argparse
import gc
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from models import REPOSITORY, UNETS, Frame
from peers import PEERS, cap_to_avx2

PROGRAM = REPOSITORY / "build" / "release" / "streamdiffusion"
WARM_UP = 2


def engine_seconds(args):
    """(median frame of `streamdiffusion bench`, its share of the peak, the peak)."""
    model_flags = ["--model", REPOSITORY / "models" / args.model]
    if args.model in UNETS:
        model_flags = ["--random-weights", args.model]
    if args.max_isa:
        model_flags += ["--max-isa", args.max_isa]
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        subprocess.run([PROGRAM, "bench", *model_flags, "--t-index-list", "32",
                        "--cfg-type", "none", "--dtype", args.dtype, "--width", str(args.size),
                        "--height", str(args.size), "--frames", str(args.frames),
                        "--threads", str(args.threads), "--json", report],
                       check=True, capture_output=True)
        numbers = json.loads(report.read_text())
    return numbers["frame_ms"]["p50"] / 1e3, numbers["share_of_peak"], numbers["peak_gflops"]


def open_peer(name, args):
    """One frame of the peer, as a callable."""
    if args.max_isa:
        cap_to_avx2()
    return PEERS[name](Frame(args.model, args.size), args.dtype, args.threads)


def opened_seconds(name, args):
    """peer_seconds() of a peer that is opened for it alone."""
    return peer_seconds(open_peer(name, args), args.frames)


def in_turn(name, args):
    """opened_seconds() in a process of its own, so that its memory is free for the engine after it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(opened_seconds, (name, args))


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


def alternate(name, args):
    """One peer's table row: medians of the engine, of the peer, and of their ratios."""
    run = None if args.in_turn else open_peer(name, args)
    engine_times, peer_times = [], []
    for number in range(args.rounds):
        seconds, share, peak = engine_seconds(args)
        engine_times.append(seconds)
        peer_times.append(in_turn(name, args) if run is None else peer_seconds(run, args.frames))
        print(f"round {number + 1}: engine {engine_times[-1] * 1e3:.1f} ms "
              f"({share:.0%} of {peak:.0f} GFLOP/s), "
              f"{name} {peer_times[-1] * 1e3:.1f} ms: {peer_times[-1] / engine_times[-1]:.2f}x",
              flush=True)
    ratio = statistics.median(peer / engine for engine, peer in zip(engine_times, peer_times))
    engine_ms, peer_ms = (statistics.median(times) * 1e3 for times in (engine_times, peer_times))
    return f"| {name} | {engine_ms:.1f} | {peer_ms:.1f} | {ratio:.2f} |"


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pictogram",
                        help="a folder of models/, or sd-turbo, sd15 or sdxl-turbo with random weights; "
                             "sdxl-turbo takes 20 GB")
    parser.add_argument("--peer", choices=PEERS, action="append",
                        help="may be repeated (default: all but autopipeline)")
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--frames", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--max-isa", choices=("avx2",),
                        help="what the engine and the peers may use of the processor; see peers.py")
    parser.add_argument("--in-turn", action="store_true",
                        help="open a peer anew for each round, so that memory is never held twice")
    args = parser.parse_args()
    if args.max_isa:
        os.environ.update(ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2")
    rows = []
    for name in args.peer or [name for name in PEERS if name != "autopipeline"]:
        rows.append(alternate(name, args))
        gc.collect()
    print(f"\n{args.model}, {args.size}x{args.size}, {args.dtype}\n")
    print("| peer | engine, ms | peer, ms | ratio |\n|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
