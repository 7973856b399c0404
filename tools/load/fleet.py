#!/usr/bin/env python3
"""Streams on many servers, through a placement (deploy/ray). Prints when a stream changes its server, and at
the end how long each was without images, and what the way through the placement costs.

    tools/load/fleet.py --place http://HEAD:8000/api/place --token-file token --clients 8 --seconds 60

    tools/load/fleet.py --server http://localhost:7860 --clients 1      # one server, to compare with

With another --place for each machine a stream also outlives the machine that it asks first.
"""
import argparse
import pathlib
import sys
import time

import arguments as given
from placed_stream import DirectStream, PlacedStream
from streams import percentile


def summary(streams: list[PlacedStream], since: float, until: float) -> str:
    """Lines with the figures of all streams together."""
    images = sum(since < t < until for s in streams for t in s.times)
    if images == 0:
        return "images    no image, so that nothing was measured"
    extra = [ms for s in streams for ms in s.extra_ms]
    none = [s.name for s in streams if not any(since < t < until for t in s.times)]
    asked = [1e3 * seconds for s in streams for seconds in s.asked_s]
    gaps = {s.name: s.longest_gap(since, until) for s in streams}
    worst = max(gaps, key=gaps.get)
    p50, p95, p99 = (percentile(extra, p) for p in (0.5, 0.95, 0.99))
    servers = len({s.server for s in streams})
    return (f"images    {images}: {images / (until - since):.1f} a second from {servers} servers\n"
            f"place     p50 {percentile(asked, 0.5):.0f} ms  p95 {percentile(asked, 0.95):.0f} ms, once a visit\n"
            f"overhead  p50 {p50:.2f} ms  p95 {p95:.2f} ms  p99 {p99:.2f} ms of an image, beside its server's age\n"
            f"gap       at most {gaps[worst]:.2f} s without an image ({worst})"
            + (f"\nno image  of {', '.join(none)}" if none else ""))


def first_token(file: str) -> str:
    """As the servers read the file: its limits and lines that begin with # are skipped. Empty for no file."""
    if not file:
        return ""
    try:
        lines = [line.split() for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{file}: {getattr(error, 'strerror', None) or error}") from error
    tokens = [words[0] for words in lines if words and not words[0].startswith("#")]
    if not tokens:
        raise argparse.ArgumentTypeError(f"{file}: no token, expected one in each line")
    return tokens[0]


def parse() -> argparse.Namespace:
    parser = given.parser_of(__doc__)
    way = parser.add_mutually_exclusive_group(required=True)
    way.add_argument("--place", action="append", type=given.address, metavar="URL", help="address of POST /api/place")
    way.add_argument("--server", type=given.address, metavar="URL", help="address of one server, without a placement")
    parser.add_argument("--token-file", type=first_token, default="", dest="token", metavar="FILE", help="file whose first token is sent")
    parser.add_argument("--clients", type=given.count(1), default=8)
    parser.add_argument("--fps", type=given.fps, default=1000, help="frames a second of each, at most")
    parser.add_argument("--seconds", type=given.seconds, default=60)
    parser.add_argument("--prompt", default="", help="prompt of all streams")
    parser.add_argument("--image", type=given.image, default=str(given.ROOT / "samples/doodle/023.png"), metavar="FILE",
                        help="which all streams send")
    return parser.parse_args()


def main() -> int:
    arguments = parse()
    params = {"prompt": arguments.prompt} if arguments.prompt else {}
    began = time.monotonic()

    def tell(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    kind, addresses = (PlacedStream, arguments.place) if arguments.place else (DirectStream, [arguments.server])
    streams = [kind(f"stream {i}", addresses, arguments.image, params, arguments.token, tell, arguments.fps)
               for i in range(arguments.clients)]
    for stream in streams:
        stream.start()
    while not all(stream.times for stream in streams) and time.monotonic() - began < arguments.seconds:
        time.sleep(0.1)
    since = time.monotonic()
    tell(f"{sum(bool(s.times) for s in streams)} of {len(streams)} streams have images")
    time.sleep(max(0.0, began + arguments.seconds - since))
    until = time.monotonic()
    print(summary(streams, since, until))
    for stream in streams:
        stream.leave()
    return 0 if all(any(since < t < until for t in stream.times) for stream in streams) else 1


if __name__ == "__main__":
    sys.exit(main())
