#!/usr/bin/env python3
"""Hundreds of clients of mixed kinds on one server: streams, visitors that come and go, viewers of MJPEG, requests
for one image, and streams by WebRTC. Prints what each kind saw, and checks that every frame that was sent is in the
server's books once, as drawn or dropped; of video, that every frame that came is.

    streamdiffusion serve --max-sessions 64 --max-connections 1000 --max-connections-per-address 1000 \\
        --max-requests 1000 --batching auto &
    tools/load/mixed.py --pid $! --streams 40 --visitors 20 --viewers 100 --posters 40 --seconds 60
    tools/load/mixed.py --streams 8 --webrtc 4    # with a server of --webrtc on, and python3-aiortc
"""
import argparse
import asyncio
import sys
import time

import arguments as given
from server_state import NO_ANSWER, Process, ProcessEnded, ask_first, books, frame_counters, wait_until_empty
from streams import Book, Place, poster, stream, viewer, visitor

# Streams are of different weight: what each asks for, one after another.
PARAMS = ({}, {"seed": 7}, {"prompt": "red apple"}, {"strength": 0.9})


def begun(book: Book) -> int:
    """Frames that the server has to account for."""
    if book.kind == "posters":
        return book.received  # the frame of a POST that was refused never began
    return book.sent if book.arrived is None else book.arrived


async def run(place: Place, arguments: argparse.Namespace) -> list[Book]:
    by_kind = {kind: Book(kind) for kind in ("streams", "visitors", "viewers", "posters", "webrtc")}
    clients = [stream(place, by_kind["streams"], f"stream{i}", arguments.fps, PARAMS[i % len(PARAMS)])
               for i in range(arguments.streams)]
    clients += [visitor(place, by_kind["visitors"], f"visitor{i}", arguments.fps, PARAMS[i % len(PARAMS)])
                for i in range(arguments.visitors)]
    clients += [viewer(place, by_kind["viewers"], f"stream{i % max(arguments.streams, 1)}")
                for i in range(arguments.viewers)]
    clients += [poster(place, by_kind["posters"], arguments.pause) for _ in range(arguments.posters)]
    clients += video_clients(place, by_kind["webrtc"], arguments)
    await asyncio.gather(*clients)
    return list(by_kind.values())


def video_clients(place: Place, book: Book, arguments: argparse.Namespace) -> list:
    if not arguments.webrtc:
        return []
    try:
        from video import video
    except ImportError as error:
        sys.exit(f"--webrtc needs aiortc (Debian: python3-aiortc, for /usr/bin/python3): {error}")
    book.arrived = 0
    return [video(place, book, f"video{i}", arguments.fps, PARAMS[i % len(PARAMS)]) for i in range(arguments.webrtc)]


def parse() -> argparse.Namespace:
    parser = given.parser_of(__doc__)
    given.add_server(parser)
    given.add_images(parser)
    parser.add_argument("--streams", type=given.count(), default=40, help="sessions that stay")
    parser.add_argument("--visitors", type=given.count(), default=20, help="clients with one session after another")
    parser.add_argument("--viewers", type=given.count(), default=100, help="of the streams, by MJPEG")
    parser.add_argument("--posters", type=given.count(), default=40, help="clients that ask for one image after another")
    parser.add_argument("--webrtc", type=given.count(), default=0, help="sessions by WebRTC that stay")
    parser.add_argument("--fps", type=given.fps, default=5, help="frames a second that each stream sends")
    parser.add_argument("--pause", type=given.seconds, default=2, help="seconds between two images of a poster")
    parser.add_argument("--seconds", type=given.seconds, default=60)
    arguments = parser.parse_args()
    if arguments.viewers and not arguments.streams:
        parser.error("--viewers watch streams, and --streams is 0: expected --viewers 0, or a stream")
    if not (arguments.streams or arguments.visitors or arguments.posters or arguments.webrtc):
        parser.error("no client: expected some --streams, --visitors, --posters or --webrtc")
    return arguments


def counted(base: str, token: str, before: dict[str, float], expected: int) -> list[str]:
    """Prints the server's books since then, and returns what is wrong with them."""
    try:
        wait_until_empty(base, token)
        after = frame_counters(base, token)
    except NO_ANSWER as error:
        return [f"no answer of {base} in the end: {error}"]
    counters = {name: after[name] - before[name] for name in after}
    text, balanced = books(counters)
    print(f"frames    {text}")
    problems = [] if balanced else ["the server's books do not balance"]
    if counters["captured"] != expected:
        problems.append(f"clients sent {expected} frames, and the server counted {counters['captured']:.0f}")
    return problems


def main() -> int:
    arguments = parse()
    base = f"http://{arguments.host}:{arguments.port}"
    before = ask_first("mixed.py", base, arguments.token)
    place = Place(arguments.host, arguments.port, arguments.token, time.monotonic() + arguments.seconds,
                  arguments.images)
    kinds = asyncio.run(run(place, arguments))
    problems = [problem for book in kinds for problem in book.problems]
    if not any(book.received for book in kinds):
        problems.append("no image came, so that nothing was measured")
    for book in kinds:
        if book.clients:
            print(book.line(arguments.seconds))
    if arguments.pid:
        try:
            print(f"server    {Process.of(arguments.pid)}")
        except ProcessEnded as ended:
            problems.append(str(ended))
    # What the server says comes first, so that the clients' many do not hide it.
    problems = counted(base, arguments.token, before, sum(begun(book) for book in kinds)) + problems
    print("\n".join(problems[:20]) or "no problem found")
    if len(problems) > 20:
        print(f"and {len(problems) - 20} problems more")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
