#!/usr/bin/env python3
"""How many streams one machine has at a stated age: 1, 2, 4, ... 64 sessions that each send so many frames a second,
once with sessions that take turns and once with shared calls of the UNet. Starts the servers itself. Prints a
Markdown table: images a second, and the age (p95) of an image, from capture until it is back.

    tools/load/sessions_table.py --program build/release/streamdiffusion --fps 5 --age 200
    tools/load/sessions_table.py --program PROGRAM --sessions 1 8 64 --batching off 64 -- --width 256 --height 256
"""
import argparse
import asyncio
import subprocess
import sys
import tempfile
import time

import arguments as given
from server_state import NO_ANSWER, books, frame_counters, wait_until_empty
from streams import Book, Place, percentile, stream

COUNTS = (1, 2, 4, 8, 16, 32, 64)
MOST_SESSIONS = 64
LONGEST_END_S = 30
WARM_UP_S = 3.0  # programs are compiled, and measured with `auto`


class Server:
    """`streamdiffusion serve` on a free port."""

    def __init__(self, program: str, batching: str, flags: list[str]):
        command = [program, "serve", "--port", "0", "--max-sessions", str(MOST_SESSIONS), "--max-connections", "1000",
                   "--max-connections-per-address", "1000", "--max-requests", "10000", "--batching", batching, *flags]
        self.said = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.said, text=True)
        line = next((line for line in self.process.stdout if line.startswith("http")), "")
        if not line:
            self.end()
            raise RuntimeError(f"the server did not start: {' '.join(command)}\n{self.last_words()}")
        if line.startswith("https"):
            self.end()
            raise RuntimeError("the server speaks TLS, expected flags without a certificate")
        self.base = line.split("/?")[0].strip()
        self.port = int(self.base.rsplit(":", 1)[1])

    def last_words(self) -> str:
        """The end of its log."""
        self.said.seek(0)
        return "".join(self.said.readlines()[-5:]).rstrip()

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(LONGEST_END_S)
        except subprocess.TimeoutExpired:
            print(f"sessions_table.py: the server did not end in {LONGEST_END_S} s and is killed", file=sys.stderr)
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_) -> None:
        self.end()


async def measure(place: Place, sessions: int, fps: float, counts_from: float) -> Book:
    book = Book("streams")
    await asyncio.gather(*(stream(place, book, f"s{sessions}-{i}", fps, {"seed": i}, None, counts_from)
                           for i in range(sessions)))
    return book


def row(server: Server, sessions: int, arguments: argparse.Namespace) -> tuple[float, float]:
    """Images a second, and the 95th percentile of ages in milliseconds."""
    counts_from = time.monotonic() + WARM_UP_S
    before = frame_counters(server.base)
    place = Place("localhost", server.port, "", counts_from + arguments.seconds, arguments.images)
    book = asyncio.run(measure(place, sessions, arguments.fps, counts_from))
    wait_until_empty(server.base)
    after = frame_counters(server.base)
    counters = {name: after[name] - before[name] for name in after}
    text, balanced = books(counters)
    lost = not balanced or counters["captured"] != book.sent
    if lost or book.problems or book.refused:
        raise RuntimeError(f"{sessions} sessions: sent {book.sent}, {text}; {book.problems[:3]} {book.refused}")
    if not book.ages:
        raise RuntimeError(f"{sessions} sessions: no image came in {arguments.seconds:g} s; expected one at least")
    return len(book.ages) / arguments.seconds, percentile(book.ages, 0.95)


def parse() -> argparse.Namespace:
    parser = given.parser_of(__doc__)
    parser.add_argument("--program", type=given.program, default=str(given.ROOT / "build/release/streamdiffusion"))
    parser.add_argument("--sessions", type=given.count(1, MOST_SESSIONS), nargs="+", default=list(COUNTS))
    parser.add_argument("--batching", nargs="+", default=["off", "64"], help="values of --batching to compare")
    parser.add_argument("--fps", type=given.fps, default=5, help="frames a second that each session sends")
    parser.add_argument("--age", type=given.positive(given.MOST_SECONDS), default=200,
                        help="milliseconds that an image may be old (p95)")
    parser.add_argument("--seconds", type=given.seconds, default=10, help="of each measurement, after a warm-up")
    given.add_images(parser)
    parser.add_argument("flags", nargs="*", help="after --: flags of the server")
    return parser.parse_args()


def measure_all(arguments: argparse.Namespace) -> dict[tuple[str, int], tuple[float, float]]:
    """Images a second and age, by batching and sessions."""
    found: dict[tuple[str, int], tuple[float, float]] = {}
    for batching in arguments.batching:
        with Server(arguments.program, batching, arguments.flags) as server:
            for sessions in arguments.sessions:
                found[batching, sessions] = row(server, sessions, arguments)
                rate, age = found[batching, sessions]
                print(f"--batching {batching}: {sessions} sessions, {rate:.1f} images/s, p95 {age:.0f} ms",
                      file=sys.stderr, flush=True)
    return found


def print_tables(arguments: argparse.Namespace, found: dict[tuple[str, int], tuple[float, float]]) -> None:
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


def main() -> int:
    arguments = parse()
    try:
        found = measure_all(arguments)
    except (RuntimeError, *NO_ANSWER) as error:
        print(f"sessions_table.py: {error}", file=sys.stderr)
        return 1
    print_tables(arguments, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
