#!/usr/bin/env python3
"""Whose the slow frames are: the machine's or the engine's.

A loop that only counts is run on every core. Cut into frames as long as the engine's median, it has a p99 of its own, from
moments when the machine did not run it or ran it slower: what a program without a flaw would have met. The engine and the
loop take turns.

    scripts/bench_pauses.py
    scripts/bench_pauses.py --rounds 5 -- --model models/pictogram --cfg-type full
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SLICE = 1e-3  # seconds


def count(core, seconds, start, found):
    """Puts how far a loop came on one core in each slice from `start` on."""
    os.sched_setaffinity(0, {core})
    counts = [0] * int(seconds / SLICE)
    while time.perf_counter() < start:
        pass
    while (place := int((time.perf_counter() - start) / SLICE)) < len(counts):
        counts[place] += 1
    found.put(counts)


def on_every_core(seconds):
    """The counts of each core over the same time."""
    found = multiprocessing.Queue()
    start = time.perf_counter() + 0.5
    loops = [multiprocessing.Process(target=count, args=(core, seconds, start, found))
             for core in sorted(os.sched_getaffinity(0))]
    for loop in loops:
        loop.start()
    counts = [found.get() for _ in loops]
    for loop in loops:
        loop.join()
    return counts


def spread_of_loop(counts, frame):
    """p99 over p50 of frames of `frame` seconds that wait for the slowest core."""
    wide = max(1, round(frame / SLICE))
    paces = []
    for core in counts:
        frames = [sum(core[at:at + wide]) for at in range(0, len(core) - wide + 1, wide)]
        paces.append([found / statistics.median(frames) for found in frames])
    slowest = sorted(min(at) for at in zip(*paces))
    return statistics.median(slowest) / max(slowest[len(slowest) // 100], 1e-3)


def longest_pause(counts):
    """Seconds of the longest run of slices without a count."""
    longest = 0
    for core in counts:
        last = -1
        for place, found in enumerate([*core, 1]):
            if found:
                longest, last = max(longest, place - last - 1), place
    return longest * SLICE


def engine(args):
    """(p50, p99) of the engine's frames, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        flags = args.flags or ["--t-index-list", "32", "--cfg-type", "none"]
        subprocess.run([args.program, "bench", *flags, "--frames", str(args.frames), "--json", report], check=True,
                       capture_output=True)
        found = json.loads(report.read_text())["frame_ms"]
        return found["p50"] / 1e3, found["p99"] / 1e3


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build" / "release" / "streamdiffusion")
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("flags", nargs="*", metavar="-- FLAG", help="of `streamdiffusion bench`")
    args = parser.parse_args()
    for number in range(args.rounds):
        p50, p99 = engine(args)
        counts = on_every_core(args.frames * p50)
        print(f"round {number + 1}: engine p50 {1e3 * p50:.1f} ms, p99 {p99 / p50:.2f} of it; the machine alone: p99 "
              f"{spread_of_loop(counts, p50):.2f}, longest pause {1e3 * longest_pause(counts):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
