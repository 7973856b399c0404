#!/usr/bin/env python3
"""Scripted clients for `streamdiffusion serve`: most send frames and read pictures, some read slowly, some are rude (garbage, leaving in the
middle). Prints the ages they saw and checks the server's books and memory. Python's standard library only.

  streamdiffusion serve --max-sessions 16 --width 64 --height 64 &
  tools/load/load.py --pid $! --seconds 120
"""
import argparse
import json
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import urllib.request

DROPS = "streamdiffusion_dropped_frames_total"


class Client:
    """A WebSocket with binary frames."""

    def __init__(self, host: str, port: int, name: str):
        self.socket = socket.create_connection((host, port), timeout=30)
        self.held = b""
        self.socket.sendall((f"GET /api/ws/{name}?frames=binary HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                             "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.held:
            self.fill()
        head, self.held = self.held.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise ConnectionError(head.split(b"\r\n")[0].decode())

    def fill(self) -> None:
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("closed")
        self.held += part

    def take(self, count: int) -> bytes:
        while len(self.held) < count:
            self.fill()
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", size)
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", size)
        self.socket.sendall(head + b"\0\0\0\0" + payload)  # a mask of zeros changes nothing

    def send_frame(self, seq: int, picture: bytes) -> None:
        head = json.dumps({"seq": seq, "captured": time.monotonic() * 1e3}).encode()
        self.send(2, struct.pack("<I", len(head)) + head + picture)

    def receive(self) -> tuple[int, bytes]:
        while True:
            first, second = self.take(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(self.take(2 if size == 126 else 8), "big")
            payload = self.take(size)
            opcode = first & 0xF
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 8:
                raise ConnectionError(f"close {int.from_bytes(payload[:2], 'big')}")
            else:
                return opcode, payload


def picture_head(message: bytes) -> dict:
    (size,) = struct.unpack("<I", message[:4])
    return json.loads(message[4:4 + size])


class Run:
    def __init__(self, arguments: argparse.Namespace, pictures: list[bytes]):
        self.host, self.port = arguments.host, arguments.port
        self.fps = arguments.fps
        self.until = time.monotonic() + arguments.seconds
        self.pictures = pictures
        self.lock = threading.Lock()
        self.ages: list[float] = []  # milliseconds, captured to read by the client; of those who read at once
        self.server_ages: list[float] = []
        self.read = self.sent = self.rude_rounds = 0
        self.problems: list[str] = []

    def over(self) -> bool:
        return time.monotonic() > self.until

    def steady(self, name: str, slow: bool) -> None:
        try:
            client = Client(self.host, self.port, name)
            threading.Thread(target=self.feed, args=(client,), daemon=True).start()
            last = -1
            while not self.over():
                opcode, message = client.receive()
                if opcode != 2:
                    continue
                head = picture_head(message)
                if head["seq"] <= last:
                    self.problems.append(f"{name}: picture {head['seq']} after {last}")
                last = head["seq"]
                with self.lock:
                    self.read += 1
                    if not slow:
                        self.ages.append(time.monotonic() * 1e3 - head["captured"])
                        self.server_ages.append(head["age_ms"])
                if slow:
                    time.sleep(0.5)
            client.socket.close()
        except (OSError, ConnectionError) as error:
            if not self.over():
                self.problems.append(f"{name}: {error}")

    def feed(self, client: Client) -> None:
        seq = 0
        try:
            while not self.over():
                client.send_frame(seq, self.pictures[seq % len(self.pictures)])
                seq += 1
                with self.lock:
                    self.sent += 1
                time.sleep(1 / self.fps)
        except OSError:
            pass

    def rude(self, name: str) -> None:
        dice = random.Random(name)
        while not self.over():
            try:
                client = Client(self.host, self.port, f"{name}-{dice.randrange(10**6)}")
                for _ in range(dice.randrange(1, 20)):
                    what = dice.randrange(5)
                    if what == 0:
                        client.send(1, dice.randbytes(20).hex().encode())
                    elif what == 1:
                        client.send(2, dice.randbytes(dice.randrange(200)))
                    elif what == 2:
                        client.send_frame(0, dice.choice(self.pictures)[:dice.randrange(2000)])
                    elif what == 3:
                        client.send(1, json.dumps({"type": "settings", "params": {"steps": dice.randrange(9)}}).encode())
                    else:
                        client.send_frame(0, dice.choice(self.pictures))
                    time.sleep(0.05)
                if dice.randrange(2):
                    client.socket.sendall(b"\x82\xfe")  # leaves in the middle of a message
                client.socket.close()
                self.rude_rounds += 1
            except (OSError, ConnectionError):
                pass
            time.sleep(0.2)


def percentile(values: list[float], p: float) -> float:
    return sorted(values)[min(int(p * len(values)), len(values) - 1)] if values else 0.0


def resident_mib(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def books(host: str, port: int) -> dict[str, float]:
    text = urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10).read().decode()
    values = {"dropped": 0.0}
    for line in text.splitlines():
        if match := re.match(r'streamdiffusion_frames_total\{outcome="(\w+)"\} (\S+)', line):
            values[match[1]] = float(match[2])
        elif line.startswith(DROPS):
            values["dropped"] += float(line.split()[-1])
    return values


def check_books(run: Run) -> None:
    for _ in range(100):  # until the last session is gone
        with urllib.request.urlopen(f"http://{run.host}:{run.port}/api/queue", timeout=10) as answer:
            if json.load(answer)["queue_size"] == 0:
                break
        time.sleep(0.1)
    count = books(run.host, run.port)
    print("books     " + "  ".join(f"{name} {int(value)}" for name, value in sorted(count.items())))
    ended = count["processed"] + count["skipped"] + count["dropped"] + count["failed"]
    if ended != count["captured"]:
        run.problems.append(f"captured {count['captured']:.0f}, accounted for {ended:.0f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--slow", type=int, default=2, help="of them, how many read two pictures a second")
    parser.add_argument("--rude", type=int, default=2, help="of them, how many send garbage and leave")
    parser.add_argument("--fps", type=float, default=15, help="frames a second each sends")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--pid", type=int, help="the server's, to watch its memory")
    parser.add_argument("--pictures", default=os.path.join(os.path.dirname(__file__), "../../samples/doodle"))
    arguments = parser.parse_args()
    folder = arguments.pictures
    pictures = [open(os.path.join(folder, name), "rb").read() for name in sorted(os.listdir(folder))]
    run = Run(arguments, pictures)
    threads = []
    for i in range(arguments.clients):
        if i < arguments.rude:
            threads.append(threading.Thread(target=run.rude, args=(f"rude{i}",), daemon=True))
        else:
            threads.append(threading.Thread(target=run.steady, args=(f"client{i}", i < arguments.rude + arguments.slow),
                                            daemon=True))
        threads[-1].start()
    memory = []
    while not run.over():
        time.sleep(1)
        if arguments.pid:
            memory.append(resident_mib(arguments.pid))
    for thread in threads:
        thread.join(timeout=10)
    for name, ages in (("seen", run.ages), ("server", run.server_ages)):
        print(f"age {name:6} p50 {percentile(ages, .5):.0f} ms  p95 {percentile(ages, .95):.0f} ms  p99 {percentile(ages, .99):.0f} ms")
    print(f"pictures  {run.read} read of {run.sent} frames sent: {run.read / arguments.seconds:.1f} fps; {run.rude_rounds} rude visits")
    if len(memory) > 20:
        half = len(memory) // 2
        early, late = sum(memory[half - 5:half]) / 5, sum(memory[-5:]) / 5
        print(f"memory    {early:.0f} MiB half way, {late:.0f} MiB at the end")
        if late > early * 1.05 + 8:
            run.problems.append(f"memory grew from {early:.0f} to {late:.0f} MiB")
    check_books(run)
    print("\n".join(run.problems) or "no problem found")
    return 1 if run.problems else 0


if __name__ == "__main__":
    sys.exit(main())
