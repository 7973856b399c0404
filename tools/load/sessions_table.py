#!/usr/bin/env python3
"""How many streams one machine has at a stated age: 1, 2, 4, ... 64 sessions that each send so many frames a second,
once with sessions that take turns and once with shared calls of the UNet. Starts the servers itself. Prints a
Markdown table: images a second, and the age (p95) of an image, from capture until it is back.

    tools/load/sessions_table.py --program build/release/streamdiffusion --fps 5 --age 200
    tools/load/sessions_table.py --program PROGRAM --sessions 1 8 64 --batching off 64 -- --width 256 --height 256
"""
import argparse
import asyncio
import pathlib
import subprocess
import sys
import time

from server_state import books, frame_counters, wait_until_empty
from streams import Book, Place, percentile, stream

ROOT = pathlib.Path(__file__).resolve().parents[2]
COUNTS = (1, 2, 4, 8, 16, 32, 64)
WARM_UP_S = 3.0  # programs are compiled, and measured with `auto`


class Server:
    """`streamdiffusion serve` on a free port."""

    def __init__(self, program: str, batching: str, flags: list[str]):
        command = [program, "serve", "--port", "0", "--max-sessions", "64", "--max-connections", "1000",
                   "--max-connections-per-address", "1000", "--max-requests", "10000", "--batching", batching, *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = next((line for line in self.process.stdout if line.startswith("http://")), "")
        if not line:
            raise RuntimeError(f"the server did not start: {' '.join(command)}")
        self.base = line.split("/?")[0].strip()
        self.port = int(self.base.rsplit(":", 1)[1])

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        self.process.wait(30)


async def measure(place: Place, sessions: int, fps: float, counts_from: float) -> Book:
    book = Book("streams")
    await asyncio.gather(*(stream(place, book, f"s{sessions}-{i}", fps, {"seed": i}, None, counts_from)
                           for i in range(sessions)))
    return book


def row(server: Server, sessions: int, arguments: argparse.Namespace, images: list[bytes]) -> tuple[float, float]:
    """Images a second, and the 95th percentile of ages in milliseconds."""
    counts_from = time.monotonic() + WARM_UP_S
    before = frame_counters(server.base)
    place = Place("localhost", server.port, "", counts_from + arguments.seconds, images)
    book = asyncio.run(measure(place, sessions, arguments.fps, counts_from))
    wait_until_empty(server.base)
    after = frame_counters(server.base)
    counters = {name: after[name] - before[name] for name in after}
    text, balanced = books(counters)
    lost = not balanced or counters["captured"] != book.sent
    if lost or book.problems or book.refused:
        raise RuntimeError(f"{sessions} sessions: sent {book.sent}, {text}; {book.problems[:3]} {book.refused}")
    return len(book.ages) / arguments.seconds, percentile(book.ages, 0.95)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/streamdiffusion"))
    parser.add_argument("--sessions", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--batching", nargs="+", default=["off", "64"], help="values of --batching to compare")
    parser.add_argument("--fps", type=float, default=5, help="frames a second that each session sends")
    parser.add_argument("--age", type=float, default=200, help="milliseconds that an image may be old (p95)")
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement, after a warm-up")
    parser.add_argument("--images", default=str(ROOT / "samples/doodle"), help="folder of the images to send")
    parser.add_argument("flags", nargs="*", help="after --: flags of the server")
    arguments = parser.parse_args()
    images = [file.read_bytes() for file in sorted(pathlib.Path(arguments.images).iterdir())]
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for batching in arguments.batching:
        with Server(arguments.program, batching, arguments.flags) as server:
            for sessions in arguments.sessions:
                found[batching, sessions] = row(server, sessions, arguments, images)
                rate, age = found[batching, sessions]
                print(f"--batching {batching}: {sessions} sessions, {rate:.1f} images/s, p95 {age:.0f} ms",
                      file=sys.stderr, flush=True)
    print("| sessions | " + " | ".join(f"`{b}`: images/s | age p95" for b in arguments.batching) + " |")
    print("|---|" + "---|---|" * len(arguments.batching))
    for sessions in arguments.sessions:
        cells = (f"{found[b, sessions][0]:.1f} | {found[b, sessions][1]:.0f} ms" for b in arguments.batching)
        print(f"| {sessions} | " + " | ".join(cells) + " |")
    for batching in arguments.batching:
        fit = [n for n in arguments.sessions if found[batching, n][1] <= arguments.age]
        most = f"up to {max(fit)} sessions at once" if fit else f"not even {min(arguments.sessions)} at once"
        print(f"\nWith `--batching {batching}`, {most} had images of at most {arguments.age:.0f} ms (95 in 100), "
              f"at {arguments.fps:g} frames a second each.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
