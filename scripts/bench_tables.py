#!/usr/bin/env python3
"""The tables of the StreamDiffusion paper on this machine, and how cost grows, as Markdown.

Every case is run by `streamdiffusion bench`, all cases of a row in turns, and the median of the rounds counts.

    scripts/bench_tables.py                                     all tables, pictogram at 256x256
    scripts/bench_tables.py stream-batch guidance --rounds 5
    scripts/bench_tables.py guidance --random-weights sd-turbo --size 512 --steps 4 --frames 2 --rounds 1
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Kodaira et al. 2023, tables 1 and 2, RTX 4090 with TensorRT: milliseconds by number of steps.
PAPER_STEPS = {1: 10.65, 2: 16.74, 4: 26.93, 10: 62.00}
PAPER_GUIDANCE = {1: (11.04, 16.55, 16.74), 2: (16.61, 20.64, 27.18), 3: (20.64, 27.25, 35.91), 4: (26.19, 31.65, 49.71),
                  5: (31.47, 36.04, 64.64)}


class Bench:
    """Runs cases of `streamdiffusion bench`; the flags that all have come from the command line."""

    def __init__(self, args):
        self.args = args
        self.common = ["--frames", str(args.frames), "--width", str(args.size), "--height", str(args.size),
                       "--dtype", args.dtype]
        if args.random_weights:
            self.common += ["--random-weights", args.random_weights]
        elif args.model:
            self.common += ["--model", args.model]

    def once(self, flags):
        """The figures that one run writes; later flags take the place of the common ones."""
        common = list(self.common)
        for flag in flags:
            if flag in common:
                at = common.index(flag)
                del common[at:at + 2]
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "bench.json"
            done = subprocess.run([self.args.program, "bench", *common, *flags, "--json", report], capture_output=True,
                                  text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"streamdiffusion bench {' '.join(common + flags)}:\n{done.stderr}")
            return json.loads(report.read_text())

    def in_turns(self, *cases):
        """For each case the reports of all rounds."""
        reports = [[] for _ in cases]
        for _ in range(self.args.rounds):
            for case, kept in zip(cases, reports):
                kept.append(self.once(case))
                print(".", end="", file=sys.stderr, flush=True)
        return reports

    def milliseconds(self, *cases, of=lambda report: report["frame_ms"]["p50"]):
        """For each case the median over the rounds."""
        return [statistics.median(of(report) for report in kept) for kept in self.in_turns(*cases)]


def steps_list(count):
    """--t-index-list of so many steps, evenly over the schedule."""
    return ["--t-index-list", ",".join(str(50 * i // count) for i in range(count))]


def unet(report):
    """Milliseconds of the UNet."""
    return report["stages_ms"]["unet"]


def table(title, columns, rows):
    """Prints one."""
    print(f"\n### {title}\n\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |", flush=True)


def steps(bench):
    """How a frame grows with its denoising steps."""
    counts = list(PAPER_STEPS)
    found = bench.milliseconds(*[steps_list(n) + ["--cfg-type", "none"] for n in counts])
    table("Steps, stream batch, no guidance", ("n", "frame, ms", "of one step", "the paper: ms", "of one step"),
          [(n, f"{ms:.1f}", f"{ms / found[0]:.2f}", f"{PAPER_STEPS[n]:.2f}", f"{PAPER_STEPS[n] / PAPER_STEPS[1]:.2f}")
           for n, ms in zip(counts, found)])


def stream_batch(bench):
    """All steps in one UNet call, against one after another."""
    rows = []
    for n in bench.args.steps or (2, 4, 10):
        flags = steps_list(n) + ["--cfg-type", "none"]
        batch, sequential = bench.milliseconds(flags, flags + ["--sequential"])
        rows.append((n, f"{sequential:.1f}", f"{batch:.1f}", f"{sequential / batch:.2f}", "about 1.5"))
    table("Stream batch against sequential steps", ("n", "sequential, ms", "stream batch, ms", "ratio", "the paper"), rows)


def guidance(bench):
    """The four guidance types."""
    rows = []
    for n in bench.args.steps or (1, 2, 3, 4, 5):
        cases = [steps_list(n) + ["--cfg-type", kind] for kind in ("none", "self", "initialize", "full")]
        none, own, once, full = bench.milliseconds(*cases, of=unet)
        paper = PAPER_GUIDANCE.get(n)
        said = [f"{paper[2] / paper[0]:.2f}, {paper[2] / paper[1]:.2f}"] if paper else ["-"]
        rows.append((n, *[f"{ms:.1f}" for ms in (none, own, once, full)], f"{full / own:.2f} of 2.00",
                     f"{full / once:.2f} of {2 * n / (n + 1):.2f}", *said))
    table("Guidance: the UNet's milliseconds; ratios of what the number of rows allows",
          ("n", "none", "self", "initialize", "full", "full / self", "full / initialize", "the paper"), rows)


def similarity(bench):
    """What the stochastic similarity filter saves."""
    rows = []
    for name, motion, paper in (("moving", "1", "1.18 in energy (1,000-frame clip)"), ("slow", "0.02", "-"),
                                ("still", "0", "2.39 and 1.99 in energy")):
        common = ["--t-index-list", "35,45", "--motion", motion, "--frames", str(max(200, bench.args.frames))]
        live, filtered = bench.in_turns(common, common + ["--similar-image-filter"])
        fps = [statistics.median(report["fps"] for report in kept) for kept in (live, filtered)]
        again = statistics.median(report["reused"] / report["frames"] for report in filtered)
        rows.append((name, f"{1e3 / fps[0]:.1f}", f"{1e3 / fps[1]:.1f}", f"{again:.0%}", f"{fps[1] / fps[0]:.2f}", paper))
    table("Similarity filter: mean milliseconds of the engine a frame",
          ("scene", "without", "with", "frames taken again", "ratio", "the paper"), rows)


def precompute(bench):
    """What working things out ahead saves."""
    rows = []
    for n in bench.args.steps or (1, 4):
        flags = steps_list(n)
        ahead, anew = bench.milliseconds(flags, flags + ["--no-precompute"])
        rows.append((n, f"{anew:.1f}", f"{ahead:.1f}", f"{anew / ahead:.2f}", "small"))
    table("Pre-computation: prompt, keys and values, noise and schedule for each frame, or ahead",
          ("n", "each frame, ms", "ahead, ms", "ratio", "the paper"), rows)


def growth(bench, title, unit, cases):
    """One row for each (name, flags, units of work): time, share of the ceiling, memory."""
    kept = bench.in_turns(*[flags for _, flags, _ in cases])
    rows = []
    for (name, _, units), reports in zip(cases, kept):
        figures = [statistics.median(of(report) for report in reports) for of in (
            lambda r: r["frame_ms"]["p50"], lambda r: r["share_of_ceiling"], lambda r: r["arena_mib"],
            lambda r: r["resident_mib"])]
        frame, share, arena, resident = figures
        rows.append((name, f"{frame:.1f}", f"{frame / units:.2f}", f"{share:.0%}", f"{arena:.0f}", f"{resident:.0f}"))
    table(title, ("", "frame, ms", unit, "of the ceiling", "activations, MiB", "resident, MiB"), rows)


ONE_STEP = ["--t-index-list", "32", "--cfg-type", "none"]


def rows_curve(bench):
    """Frames that enter together."""
    growth(bench, "Rows: frames that enter together, one step", "ms a frame", [
        (n, ONE_STEP + ["--frame-buffer-size", str(n), "--frames", str(n * max(2, bench.args.frames // n))], 1)
        for n in bench.args.steps or (1, 2, 4, 8, 16)])


def sizes_curve(bench):
    """Side of the picture."""
    growth(bench, "Size of the picture, one step", "ms a 256x256", [
        (f"{side}x{side}", ONE_STEP + ["--width", str(side), "--height", str(side)], (side / 256) ** 2)
        for side in (128, 256, 384, 512, 768, 1024)])


def threads_curve(bench):
    """Threads of the engine."""
    growth(bench, "Threads, one step", "times threads, ms", [
        (n, ONE_STEP + ["--threads", str(n)], 1 / n) for n in (1, 2)])


TABLES = {"steps": steps, "stream-batch": stream_batch, "guidance": guidance, "filter": similarity,
          "precompute": precompute, "rows": rows_curve, "sizes": sizes_curve, "threads": threads_curve}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all if none is named")
    parser.add_argument("--program", default=ROOT / "build" / "release" / "streamdiffusion")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", help="a folder; the model in the box if not given")
    which.add_argument("--random-weights", help="sd-turbo or sd15")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--steps", type=int, nargs="+", help="rows of the table, instead of its own: steps, or frames of a batch")
    parser.add_argument("--frames", type=int, default=40, help="timed in each run")
    parser.add_argument("--rounds", type=int, default=3, help="of all cases in turns")
    args = parser.parse_args()
    unknown = [name for name in args.tables if name not in TABLES]
    if unknown:
        parser.error(f"no table {', '.join(unknown)}; there are {', '.join(TABLES)}")
    bench = Bench(args)
    for name in args.tables or TABLES:
        TABLES[name](bench)


if __name__ == "__main__":
    main()
