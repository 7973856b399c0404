#!/usr/bin/env python3
"""Prints the tables of the StreamDiffusion paper for this machine, and how the cost grows, as
Markdown.

Every case is run by `streamdiffusion bench`. The cases of a table row alternate, and the median
over the rounds is printed.

    scripts/bench_tables.py                             # all tables, pictogram at 256x256
    scripts/bench_tables.py stream-batch guidance --rounds 5
    scripts/bench_tables.py guidance --random-weights sd-turbo --size 512 --steps 4 --frames 2 \\
        --rounds 1
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Kodaira et al. 2023, tables 1 and 2: milliseconds on an RTX 4090 with TensorRT, by number of
# steps.
PAPER_STEPS = {1: 10.65, 2: 16.74, 4: 26.93, 10: 62.00}
# Guidance types self, initialize and full.
PAPER_GUIDANCE = {1: (11.04, 16.55, 16.74), 2: (16.61, 20.64, 27.18), 3: (20.64, 27.25, 35.91),
                  4: (26.19, 31.65, 49.71), 5: (31.47, 36.04, 64.64)}


class Bench:
    """Runs cases of `streamdiffusion bench` with common flags from the command line."""

    def __init__(self, args):
        self.args = args
        self.common_flags = ["--frames", str(args.frames), "--width", str(args.size),
                             "--height", str(args.size), "--dtype", args.dtype]
        if args.random_weights:
            self.common_flags += ["--random-weights", args.random_weights]
        elif args.model:
            self.common_flags += ["--model", args.model]

    def run(self, flags):
        """The JSON report of one run. `flags` replace common flags of the same name."""
        common_flags = list(self.common_flags)
        for flag in flags:
            if flag in common_flags:
                index = common_flags.index(flag)
                del common_flags[index:index + 2]
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "bench.json"
            command = [self.args.program, "bench", *common_flags, *flags, "--json", report]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                used = " ".join(common_flags + flags)
                sys.exit(f"streamdiffusion bench {used}:\n{result.stderr}")
            return json.loads(report.read_text())

    def alternate(self, *cases):
        """The reports of all rounds for each case; the cases alternate."""
        reports = [[] for _ in cases]
        for _ in range(self.args.rounds):
            for case, case_reports in zip(cases, reports):
                case_reports.append(self.run(case))
                print(".", end="", file=sys.stderr, flush=True)
        return reports

    def milliseconds(self, *cases, metric=lambda report: report["frame_ms"]["p50"]):
        """The median over the rounds for each case."""
        return [statistics.median(metric(report) for report in case_reports)
                for case_reports in self.alternate(*cases)]


def steps_list(count):
    """--t-index-list with `count` steps, evenly spread over the schedule."""
    return ["--t-index-list", ",".join(str(50 * i // count) for i in range(count))]


def unet(report):
    """Milliseconds of the UNet."""
    return report["stages_ms"]["unet"]


def table(title, columns, rows):
    """Print a Markdown table."""
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def steps(bench):
    """How the frame time grows with the number of denoising steps."""
    counts = list(PAPER_STEPS)
    frame_ms = bench.milliseconds(*[steps_list(n) + ["--cfg-type", "none"] for n in counts])
    table("Steps, stream batch, no guidance",
          ("n", "frame, ms", "of one step", "the paper: ms", "of one step"),
          [(n, f"{ms:.1f}", f"{ms / frame_ms[0]:.2f}",
            f"{PAPER_STEPS[n]:.2f}", f"{PAPER_STEPS[n] / PAPER_STEPS[1]:.2f}")
           for n, ms in zip(counts, frame_ms)])


def stream_batch(bench):
    """All steps in one UNet call, compared with one after another."""
    rows = []
    for n in bench.args.steps or (2, 4, 10):
        flags = steps_list(n) + ["--cfg-type", "none"]
        batch, sequential = bench.milliseconds(flags, flags + ["--sequential"])
        ratio = sequential / batch
        rows.append((n, f"{sequential:.1f}", f"{batch:.1f}", f"{ratio:.2f}", "about 1.5"))
    table("Stream batch against sequential steps",
          ("n", "sequential, ms", "stream batch, ms", "ratio", "the paper"), rows)


def guidance(bench):
    """The four guidance types."""
    rows = []
    for n in bench.args.steps or (1, 2, 3, 4, 5):
        cases = [steps_list(n) + ["--cfg-type", cfg_type]
                 for cfg_type in ("none", "self", "initialize", "full")]
        none, self_, initialize, full = bench.milliseconds(*cases, metric=unet)
        paper = PAPER_GUIDANCE.get(n)
        paper_ratios = [f"{paper[2] / paper[0]:.2f}, {paper[2] / paper[1]:.2f}"] if paper else ["-"]
        rows.append((n, *[f"{ms:.1f}" for ms in (none, self_, initialize, full)],
                     f"{full / self_:.2f} of 2.00",
                     f"{full / initialize:.2f} of {2 * n / (n + 1):.2f}", *paper_ratios))
    table("Guidance: milliseconds of the UNet; ratios, beside the ratio of the numbers of rows",
          ("n", "none", "self", "initialize", "full", "full / self", "full / initialize",
           "the paper"), rows)


def similarity_filter(bench):
    """What the stochastic similarity filter saves."""
    rows = []
    for name, motion, paper in (("moving", "1", "1.18 in energy (1,000-frame clip)"),
                                ("slow", "0.02", "-"),
                                ("still", "0", "2.39 and 1.99 in energy")):
        flags = ["--t-index-list", "35,45", "--motion", motion,
                 "--frames", str(max(200, bench.args.frames))]
        live, filtered = bench.alternate(flags, flags + ["--similar-image-filter"])
        fps = [statistics.median(report["fps"] for report in case_reports)
               for case_reports in (live, filtered)]
        reused = statistics.median(report["reused"] / report["frames"] for report in filtered)
        rows.append((name, f"{1e3 / fps[0]:.1f}", f"{1e3 / fps[1]:.1f}", f"{reused:.0%}",
                     f"{fps[1] / fps[0]:.2f}", paper))
    table("Similarity filter: mean milliseconds a frame in the engine",
          ("scene", "without", "with", "reused frames", "ratio", "the paper"), rows)


def precompute(bench):
    """What pre-computation saves."""
    rows = []
    for n in bench.args.steps or (1, 4):
        flags = steps_list(n)
        precomputed, each_frame = bench.milliseconds(flags, flags + ["--no-precompute"])
        ratio = each_frame / precomputed
        rows.append((n, f"{each_frame:.1f}", f"{precomputed:.1f}", f"{ratio:.2f}", "small"))
    table("Pre-computation of prompt, keys and values, noise and schedule",
          ("n", "in each frame, ms", "precomputed, ms", "ratio", "the paper"), rows)


def scaling_table(bench, title, unit, cases):
    """One row for each (name, flags, units of work): time, share of the peak, memory."""
    case_reports = bench.alternate(*[flags for _, flags, _ in cases])
    rows = []
    for (name, _, units), reports in zip(cases, case_reports):
        figures = [statistics.median(metric(report) for report in reports) for metric in (
            lambda r: r["frame_ms"]["p50"], lambda r: r["share_of_peak"],
            lambda r: r["arena_mib"], lambda r: r["resident_mib"])]
        frame, share, arena, resident = figures
        rows.append((name, f"{frame:.1f}", f"{frame / units:.2f}", f"{share:.0%}", f"{arena:.0f}",
                     f"{resident:.0f}"))
    columns = ("", "frame, ms", unit, "of the peak", "activations, MiB", "resident, MiB")
    table(title, columns, rows)


ONE_STEP = ["--t-index-list", "32", "--cfg-type", "none"]


def rows_table(bench):
    """Frames that enter together (frame buffer size)."""
    scaling_table(bench, "Rows: frames that enter together, one step", "ms per frame", [
        (n, ONE_STEP + ["--frame-buffer-size", str(n),
                        "--frames", str(n * max(2, bench.args.frames // n))], 1)
        for n in bench.args.steps or (1, 2, 4, 8, 16)])


def sizes_table(bench):
    """Side of the image."""
    scaling_table(bench, "Size of the image, one step", "ms per 256x256", [
        (f"{side}x{side}", ONE_STEP + ["--width", str(side), "--height", str(side)],
         (side / 256) ** 2)
        for side in (128, 256, 384, 512, 768, 1024)])


def threads_table(bench):
    """Threads of the engine."""
    scaling_table(bench, "Threads, one step", "ms times threads", [
        (n, ONE_STEP + ["--threads", str(n)], 1 / n) for n in (1, 2)])


TABLES = {"steps": steps, "stream-batch": stream_batch, "guidance": guidance,
          "filter": similarity_filter, "precompute": precompute, "rows": rows_table,
          "sizes": sizes_table, "threads": threads_table}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE",
                        help=f"one of {', '.join(TABLES)} (default: all)")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "streamdiffusion")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--model", help="model folder (default: the included model)")
    group.add_argument("--random-weights",
                       help="architecture with random weights: sd-turbo or sd15")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--steps", type=int, nargs="+",
                        help="table rows to print: numbers of steps, or frames of a batch")
    parser.add_argument("--frames", type=int, default=40, help="frames timed in each run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each case")
    args = parser.parse_args()
    unknown = [name for name in args.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    bench = Bench(args)
    for name in args.tables or TABLES:
        TABLES[name](bench)


if __name__ == "__main__":
    main()
