#!/usr/bin/env python3
"""Tells whether slow frames come from the engine or from the machine.

The script alternates between the engine and a plain counting loop on every core. The loop's
progress is cut into frames as long as the engine's median frame. Their p99 shows the pauses and
slowdowns of the machine, which no program on it can avoid.

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


def count_iterations(core, seconds, start, queue):
    """Put into the queue how far a loop on one core gets in each slice, counted from `start`."""
    os.sched_setaffinity(0, {core})
    counts = [0] * int(seconds / SLICE)
    while time.perf_counter() < start:
        pass
    while (index := int((time.perf_counter() - start) / SLICE)) < len(counts):
        counts[index] += 1
    queue.put(counts)


def count_on_every_core(seconds):
    """The counts of all cores over the same time."""
    queue = multiprocessing.Queue()
    start = time.perf_counter() + 0.5
    processes = [multiprocessing.Process(target=count_iterations,
                                         args=(core, seconds, start, queue))
                 for core in sorted(os.sched_getaffinity(0))]
    for process in processes:
        process.start()
    counts = [queue.get() for _ in processes]
    for process in processes:
        process.join()
    return counts


def loop_jitter(counts, frame):
    """p99 over p50 of frames of `frame` seconds that wait for the slowest core."""
    slices = max(1, round(frame / SLICE))
    relative = []
    for core in counts:
        frames = [sum(core[i:i + slices]) for i in range(0, len(core) - slices + 1, slices)]
        relative.append([value / statistics.median(frames) for value in frames])
    slowest = sorted(min(values) for values in zip(*relative))
    return statistics.median(slowest) / max(slowest[len(slowest) // 100], 1e-3)


def longest_pause(counts):
    """Seconds of the longest run of slices without a count."""
    longest = 0
    for core in counts:
        last = -1
        for index, value in enumerate([*core, 1]):
            if value:
                longest, last = max(longest, index - last - 1), index
    return longest * SLICE


def engine_frame_times(args):
    """(p50, p99) of the engine's frames in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "bench.json"
        flags = args.flags or ["--t-index-list", "32", "--cfg-type", "none"]
        subprocess.run([args.program, "bench", *flags, "--frames", str(args.frames),
                        "--json", report], check=True, capture_output=True)
        frame_ms = json.loads(report.read_text())["frame_ms"]
        return frame_ms["p50"] / 1e3, frame_ms["p99"] / 1e3


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=ROOT / "build" / "release" / "streamdiffusion")
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("flags", nargs="*", metavar="-- FLAG",
                        help="flags of `streamdiffusion bench`")
    args = parser.parse_args()
    for number in range(args.rounds):
        p50, p99 = engine_frame_times(args)
        counts = count_on_every_core(args.frames * p50)
        print(f"round {number + 1}: engine p50 {1e3 * p50:.1f} ms, p99 {p99 / p50:.2f} times p50; "
              f"counting loop p99 {loop_jitter(counts, p50):.2f} times p50, "
              f"longest pause {1e3 * longest_pause(counts):.0f} ms", flush=True)


if __name__ == "__main__":
    main()
