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
import pathlib
import sys
import time

from server_state import Process, books, frame_counters, wait_until_empty
from streams import Book, Place, poster, stream, viewer, visitor

ROOT = pathlib.Path(__file__).resolve().parents[2]
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--token", default="")
    parser.add_argument("--streams", type=int, default=40, help="sessions that stay")
    parser.add_argument("--visitors", type=int, default=20, help="clients with one session after another")
    parser.add_argument("--viewers", type=int, default=100, help="of the streams, by MJPEG")
    parser.add_argument("--posters", type=int, default=40, help="clients that ask for one image after another")
    parser.add_argument("--webrtc", type=int, default=0, help="sessions by WebRTC that stay")
    parser.add_argument("--fps", type=float, default=5, help="frames a second that each stream sends")
    parser.add_argument("--pause", type=float, default=2, help="seconds between two images of a poster")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pid", type=int, help="process id of the server, to watch what it holds")
    parser.add_argument("--images", default=str(ROOT / "samples/doodle"), help="folder of the images to send")
    arguments = parser.parse_args()
    images = [file.read_bytes() for file in sorted(pathlib.Path(arguments.images).iterdir())]
    base = f"http://{arguments.host}:{arguments.port}"
    try:
        before = frame_counters(base, arguments.token)
    except OSError as error:
        sys.exit(f"mixed.py: no answer of {base}: {error}")
    place = Place(arguments.host, arguments.port, arguments.token, time.monotonic() + arguments.seconds, images)
    kinds = asyncio.run(run(place, arguments))
    problems = [problem for book in kinds for problem in book.problems]
    for book in kinds:
        if book.clients:
            print(book.line(arguments.seconds))
    if arguments.pid:
        print(f"server    {Process.of(arguments.pid)}")
    wait_until_empty(base, arguments.token)
    after = frame_counters(base, arguments.token)
    counters = {name: after[name] - before[name] for name in after}
    text, balanced = books(counters)
    print(f"frames    {text}")
    if not balanced:
        problems.append("the server's books do not balance")
    expected = sum(begun(book) for book in kinds)
    if counters["captured"] != expected:
        problems.append(f"clients sent {expected} frames, and the server counted {counters['captured']:.0f}")
    print("\n".join(problems[:20]) or "no problem found")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
