"""Clients of `streamdiffusion serve` on one thread, so that hundreds of them cost little beside the server: streams
over the WebSocket, viewers of MJPEG, requests for one image, and visitors that come and go. Needs only Python's
standard library."""
import asyncio
import base64
import dataclasses
import json
import os
import random
import struct
import time


def percentile(values: list[float], p: float) -> float:
    """0 for no value."""
    return sorted(values)[min(int(p * len(values)), len(values) - 1)] if values else 0.0


@dataclasses.dataclass
class Book:
    """What clients of one kind have seen."""

    kind: str
    clients: int = 0
    sent: int = 0
    received: int = 0
    # Of the frames that were sent as video, which may be lost; None where none is.
    arrived: int | None = None
    # By code: "full", "token_limit", "503", ...
    refused: dict[str, int] = dataclasses.field(default_factory=dict)
    # Milliseconds from capture, or from the request, until the image was here.
    ages: list[float] = dataclasses.field(default_factory=list)
    problems: list[str] = dataclasses.field(default_factory=list)

    def refuse(self, code: str) -> None:
        self.refused[code] = self.refused.get(code, 0) + 1

    def line(self, seconds: float) -> str:
        refused = "".join(f"  {code} {count}" for code, count in sorted(self.refused.items()))
        p50, p95, p99 = (percentile(self.ages, p) for p in (0.5, 0.95, 0.99))
        lost = "" if self.arrived is None else f"  {self.sent - self.arrived} lost"
        return (f"{self.kind:9} {self.clients:4} clients  {self.sent:7} sent{lost}  {self.received:7} images"
                f"  {self.received / seconds:6.1f} a second  p50 {p50:5.0f}  p95 {p95:5.0f}  p99 {p99:5.0f} ms"
                f"{'  refused:' + refused if refused else ''}")


@dataclasses.dataclass
class Place:
    """Where the server is, until when clients go on, and what they send."""

    host: str
    port: int
    token: str
    end: float  # of time.monotonic()
    images: list[bytes]

    def over(self) -> bool:
        return time.monotonic() > self.end

    def fields(self) -> str:
        return "Host: localhost\r\n" + (f"Authorization: Bearer {self.token}\r\n" if self.token else "")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.host, self.port, limit=1 << 22)

    async def request(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") \
            -> tuple[int, bytes]:
        reader, writer = await self.connect()
        try:
            writer.write((f"{method} {path} HTTP/1.1\r\n{self.fields()}Connection: close\r\nContent-Type: {kind}\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
            head = await reader.readuntil(b"\r\n\r\n")
            return int(head.split()[1]), await reader.read(-1)
        finally:
            writer.close()


class Refused(ConnectionError):
    """The server said that it does not serve this client, and why."""


class Socket:
    """A WebSocket of the binary protocol that has a session."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, place: Place, name: str) -> "Socket":
        reader, writer = await place.connect()
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write((f"GET /api/ws/{name}?frames=binary HTTP/1.1\r\n{place.fields()}Connection: Upgrade\r\n"
                      f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n").encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        if status != "101":
            writer.close()
            raise Refused(status)
        return cls(reader, writer)

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + struct.pack(">H", size) \
            if size < 65536 else bytes([0x80 | 127]) + struct.pack(">Q", size)
        # A mask of zeros leaves the payload as it is.
        self.writer.write(bytes([0x80 | opcode]) + length + b"\0\0\0\0" + payload)

    def send_frame(self, seq: int, image: bytes) -> None:
        header = json.dumps({"seq": seq, "captured": time.monotonic() * 1e3}).encode()
        self.send(2, struct.pack("<I", len(header)) + header + image)

    def set(self, **params) -> None:
        self.send(1, json.dumps({"type": "settings", "params": params}).encode())

    async def receive(self) -> tuple[int, bytes]:
        while True:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                size = int.from_bytes(await self.reader.readexactly(2 if size == 126 else 8), "big")
            payload = await self.reader.readexactly(size)
            opcode = first & 0x0F
            if opcode == 9:
                self.send(10, payload)
            elif opcode == 8:
                raise Refused(payload[2:].decode(errors="replace") or str(int.from_bytes(payload[:2], "big")))
            else:
                return opcode, payload

    async def until_connected(self) -> None:
        while True:
            opcode, payload = await self.receive()
            message = json.loads(payload) if opcode == 1 else {}
            if message.get("status") == "connected":
                return

    def close(self) -> None:
        self.writer.close()


async def send_frames(place: Place, book: Book, socket: Socket, fps: float, until: float) -> None:
    """Open loop: a frame when it is due, whatever has come back."""
    due, seq = time.monotonic() + random.random() / fps, 0
    while (now := time.monotonic()) < until:
        if now < due:
            await asyncio.sleep(due - now)
            continue
        socket.send_frame(seq, place.images[seq % len(place.images)])
        seq, due = seq + 1, due + 1 / fps
        book.sent += 1


async def read_images(book: Book, socket: Socket, name: str, counts_from: float = 0.0) -> None:
    """Until the connection ends."""
    last = -1
    while True:
        opcode, message = await socket.receive()
        if opcode != 2:
            continue
        (size,) = struct.unpack("<I", message[:4])
        header = json.loads(message[4:4 + size])
        if header["seq"] <= last:
            book.problems.append(f"{name}: image {header['seq']} after {last}")
        last = header["seq"]
        book.received += 1
        if time.monotonic() >= counts_from:
            book.ages.append(time.monotonic() * 1e3 - header["captured"])


async def stream(place: Place, book: Book, name: str, fps: float, params: dict, until: float | None = None,
                 counts_from: float = 0.0) -> None:
    """One session, to the end or until then."""
    until = min(until or place.end, place.end)
    book.clients += 1
    socket = None
    try:
        socket = await Socket.open(place, name)
        await asyncio.wait_for(socket.until_connected(), max(until - time.monotonic(), 0.1))
        if params:
            socket.set(**params)
        reading = asyncio.ensure_future(read_images(book, socket, name, counts_from))
        try:
            await send_frames(place, book, socket, fps, until)
            await asyncio.sleep(0.3)  # for those on their way
        finally:
            reading.cancel()
        if reading.done() and not reading.cancelled() and reading.exception():
            raise reading.exception()
    except Refused as refused:
        book.refuse(str(refused))
    except asyncio.TimeoutError:
        book.refuse("waited")
    except (OSError, asyncio.IncompleteReadError) as error:
        book.problems.append(f"{name}: {error or type(error).__name__}")
    finally:
        if socket:
            socket.close()


async def visitor(place: Place, book: Book, name: str, fps: float, params: dict) -> None:
    """Sessions one after another, of one to five seconds each."""
    visits = 0
    while not place.over():
        await stream(place, book, f"{name}-{visits}", fps, params, time.monotonic() + random.uniform(1, 5))
        visits += 1
        await asyncio.sleep(random.uniform(0, 0.5))
    book.clients -= visits - 1


async def viewer(place: Place, book: Book, session: str) -> None:
    """Watches a session as MJPEG. Ages are times between two images."""
    book.clients += 1
    writer = None
    try:
        await asyncio.sleep(1)
        reader, writer = await place.connect()
        writer.write(f"GET /api/stream/{session} HTTP/1.1\r\n{place.fields()}\r\n".encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        if status != "200":
            return book.refuse(status)
        last = time.monotonic()
        while not place.over():
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), max(place.end - time.monotonic(), 0.1))
            size = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                         if line.lower().startswith(b"content-length")), None)
            if size is None:
                break
            await reader.readexactly(size)
            now = time.monotonic()
            book.ages.append(1e3 * (now - last))
            book.received, last = book.received + 1, now
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
        pass  # its session has ended
    finally:
        if writer:
            writer.close()


async def poster(place: Place, book: Book, pause: float) -> None:
    """Images by POST, one after another."""
    book.clients += 1
    await asyncio.sleep(random.uniform(0, pause))
    while not place.over():
        began = time.monotonic()
        try:
            book.sent += 1
            body = json.dumps({"image": base64.b64encode(random.choice(place.images)).decode()}).encode()
            status, _ = await place.request("POST", "/api/img2img", body)
            if status == 200:
                book.received += 1
                book.ages.append(1e3 * (time.monotonic() - began))
            else:
                book.refuse(str(status))
        except (OSError, asyncio.IncompleteReadError) as error:
            book.problems.append(f"POST: {error or type(error).__name__}")
        await asyncio.sleep(pause)
