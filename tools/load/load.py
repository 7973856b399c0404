#!/usr/bin/env python3
"""Scripted clients for `streamdiffusion serve`. Most send frames and read the images, some read
slowly, and some are rude: they send garbage and disconnect in the middle of a message. Prints the
ages of the images, and checks the server's frame counters and memory. Needs only Python's standard
library.

    streamdiffusion serve --max-sessions 16 --width 64 --height 64 &
    tools/load/load.py --pid $! --seconds 120
"""
import argparse
import json
import random
import socket
import ssl
import struct
import sys
import threading
import time

import arguments as given
from server_state import NO_ANSWER, Process, ProcessEnded, ask_first, books, frame_counters, wait_until_empty
from streams import percentile


class Client:
    """A WebSocket connection with binary frames. Nothing takes longer than `timeout` seconds."""

    def __init__(self, host: str, port: int, name: str, token: str = "", timeout: float = 30,
                 tls: ssl.SSLContext | None = None):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname=host)
        self.buffer = b""
        access = f"Authorization: Bearer {token}\r\n" if token else ""
        self.socket.sendall((f"GET /api/ws/{name}?frames=binary HTTP/1.1\r\nHost: localhost\r\n"
                             f"{access}Connection: Upgrade\r\nUpgrade: websocket\r\n"
                             "Sec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buffer:
            self.read_more()
        header, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in header.split(b"\r\n")[0]:
            self.socket.close()
            raise ConnectionError(header.split(b"\r\n")[0].decode())

    def read_more(self) -> None:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed")
        self.buffer += data

    def read_exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self.read_more()
        result, self.buffer = self.buffer[:size], self.buffer[size:]
        return result

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        header = bytes([0x80 | opcode])
        if size < 126:
            header += bytes([0x80 | size])
        elif size < 65536:
            header += bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            header += bytes([0x80 | 127]) + struct.pack(">Q", size)
        # A mask of zeros leaves the payload as it is.
        self.socket.sendall(header + b"\0\0\0\0" + payload)

    def send_frame(self, seq: int, image: bytes) -> None:
        header = json.dumps({"seq": seq, "captured": time.monotonic() * 1e3}).encode()
        self.send(2, struct.pack("<I", len(header)) + header + image)

    def receive(self) -> tuple[int, bytes]:
        while True:
            first, second = self.read_exactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(self.read_exactly(2 if size == 126 else 8), "big")
            payload = self.read_exactly(size)
            opcode = first & 0xF
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 8:
                raise ConnectionError(f"close {int.from_bytes(payload[:2], 'big')}")
            else:
                return opcode, payload


def image_header(message: bytes) -> dict:
    """The JSON header of a binary message."""
    (size,) = struct.unpack("<I", message[:4])
    return json.loads(message[4:4 + size])


class LoadTest:
    """The clients and what they have seen."""

    def __init__(self, arguments: argparse.Namespace):
        self.host, self.port, self.token = arguments.host, arguments.port, arguments.token
        self.fps = arguments.fps
        self.end = time.monotonic() + arguments.seconds
        self.images = arguments.images
        self.lock = threading.Lock()
        # Milliseconds from capture to reading, of the clients that are not slow.
        self.ages: list[float] = []
        self.server_ages: list[float] = []
        self.read = self.sent = self.rude_visits = 0
        self.problems: list[str] = []

    def finished(self) -> bool:
        return time.monotonic() > self.end

    def run_client(self, name: str, slow: bool) -> None:
        """Send frames and read images; a slow client reads two a second."""
        try:
            client = Client(self.host, self.port, name, self.token)
            threading.Thread(target=self.send_frames, args=(client,), daemon=True).start()
            last = -1
            while not self.finished():
                opcode, message = client.receive()
                if opcode != 2:
                    continue
                header = image_header(message)
                if header["seq"] <= last:
                    self.problems.append(f"{name}: image {header['seq']} after {last}")
                last = header["seq"]
                with self.lock:
                    self.read += 1
                    if not slow:
                        self.ages.append(time.monotonic() * 1e3 - header["captured"])
                        self.server_ages.append(header["age_ms"])
                if slow:
                    time.sleep(0.5)
            client.socket.close()
        except (OSError, ConnectionError) as error:
            if not self.finished():
                self.problems.append(f"{name}: {error}")

    def send_frames(self, client: Client) -> None:
        """Send frames at the given rate until the end."""
        seq = 0
        try:
            while not self.finished():
                client.send_frame(seq, self.images[seq % len(self.images)])
                seq += 1
                with self.lock:
                    self.sent += 1
                time.sleep(1 / self.fps)
        except OSError:
            pass

    def run_rude_client(self, name: str) -> None:
        """Connect again and again, send valid and invalid messages, disconnect."""
        rng = random.Random(name)
        while not self.finished():
            try:
                client = Client(self.host, self.port, f"{name}-{rng.randrange(10**6)}", self.token)
                for _ in range(rng.randrange(1, 20)):
                    action = rng.randrange(5)
                    if action == 0:
                        client.send(1, rng.randbytes(20).hex().encode())
                    elif action == 1:
                        client.send(2, rng.randbytes(rng.randrange(200)))
                    elif action == 2:
                        client.send_frame(0, rng.choice(self.images)[:rng.randrange(2000)])
                    elif action == 3:
                        settings = {"type": "settings", "params": {"steps": rng.randrange(9)}}
                        client.send(1, json.dumps(settings).encode())
                    else:
                        client.send_frame(0, rng.choice(self.images))
                    time.sleep(0.05)
                if rng.randrange(2):
                    client.socket.sendall(b"\x82\xfe")  # the start of a message
                client.socket.close()
                self.rude_visits += 1
            except (OSError, ConnectionError):
                pass
            time.sleep(0.2)


def check_books(test: LoadTest, base: str, before: dict[str, float]) -> None:
    """Every captured frame must be counted with exactly one outcome."""
    try:
        wait_until_empty(base, test.token)
        after = frame_counters(base, test.token)
    except NO_ANSWER as error:
        test.problems.append(f"no answer of {base} in the end: {error}")
        return
    text, balanced = books({name: after[name] - before[name] for name in after})
    print(f"frames    {text}")
    if not balanced:
        test.problems.append("the server's books do not balance")


def parse() -> argparse.Namespace:
    parser = given.parser_of(__doc__)
    given.add_server(parser)
    given.add_images(parser)
    parser.add_argument("--clients", type=given.count(1), default=16)
    parser.add_argument("--slow", type=given.count(), default=2,
                        help="how many of them read only two images a second")
    parser.add_argument("--rude", type=given.count(), default=2,
                        help="how many of them send garbage and disconnect")
    parser.add_argument("--fps", type=given.fps, default=15, help="frames a second that each sends")
    parser.add_argument("--seconds", type=given.seconds, default=120)
    arguments = parser.parse_args()
    if arguments.slow + arguments.rude >= arguments.clients:
        parser.error(f"{arguments.clients} clients, {arguments.slow} of them slow and {arguments.rude} rude, "
                     "expected one more at least, whose ages count")
    return arguments


def start_clients(test: LoadTest, arguments: argparse.Namespace) -> list[threading.Thread]:
    threads = []
    for i in range(arguments.clients):
        slow = i < arguments.rude + arguments.slow
        target, values = (test.run_rude_client, (f"rude{i}",)) if i < arguments.rude \
            else (test.run_client, (f"client{i}", slow))
        threads.append(threading.Thread(target=target, args=values, daemon=True))
        threads[-1].start()
    return threads


def watch(test: LoadTest, pid: int | None) -> list[float]:
    """MiB of the server in each second until the end."""
    memory = []
    while not test.finished():
        time.sleep(min(1, max(test.end - time.monotonic(), 0)))
        if not pid:
            continue
        try:
            memory.append(Process.of(pid).mib)
        except ProcessEnded as ended:
            test.problems.append(str(ended))
            pid = None
    return memory


def print_figures(test: LoadTest, seconds: float, memory: list[float]) -> None:
    if not test.ages:
        test.problems.append("no image read by a client that is not slow, so that no age was measured")
    for name, ages in (("seen", test.ages), ("server", test.server_ages)) if test.ages else ():
        p50, p95, p99 = (percentile(ages, p) for p in (0.5, 0.95, 0.99))
        print(f"age {name:6} p50 {p50:.0f} ms  p95 {p95:.0f} ms  p99 {p99:.0f} ms")
    print(f"images    {test.read} read of {test.sent} frames sent: "
          f"{test.read / seconds:.1f} fps; {test.rude_visits} rude visits")
    if len(memory) > 20:
        half = len(memory) // 2
        early, late = sum(memory[half - 5:half]) / 5, sum(memory[-5:]) / 5
        print(f"memory    {early:.0f} MiB halfway, {late:.0f} MiB at the end")
        if late > early * 1.05 + 8:
            test.problems.append(f"memory grew from {early:.0f} to {late:.0f} MiB")
    elif memory:
        print(f"memory    {memory[-1]:.0f} MiB at the end; its growth is looked at from 21 s on")


def main() -> int:
    """Command line."""
    arguments = parse()
    base = f"http://{arguments.host}:{arguments.port}"
    before = ask_first("load.py", base, arguments.token)
    test = LoadTest(arguments)
    threads = start_clients(test, arguments)
    memory = watch(test, arguments.pid)
    for thread in threads:
        thread.join(timeout=10)
    print_figures(test, arguments.seconds, memory)
    check_books(test, base, before)
    print("\n".join(test.problems) or "no problem found")
    return 1 if test.problems else 0


if __name__ == "__main__":
    sys.exit(main())
