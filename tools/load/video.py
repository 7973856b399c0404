"""Clients of `streamdiffusion serve` by WebRTC: a session whose frames are the client's video, and whose images come
back as video. Needs aiortc (Debian: python3-aiortc). Each client encodes and decodes: a handful keeps a core busy."""
import asyncio
import contextlib
import fractions
import io
import json
import random
import time

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from streams import Book, Place

CLOCK = 90000  # of video in RTP
STILL_S = 1.2  # the server's counters come twice a second: unchanged for so long, no frame is on its way
LONGEST_S = 10.0  # for the server's word


class Camera(MediaStreamTrack):
    """Frames when they are due, from begin() until a time; a frame that is late is sent at once."""

    kind = "video"

    def __init__(self, images: list[bytes], fps: float, until: float):
        super().__init__()
        self.images, self.fps, self.until = images, fps, until
        self.sent = 0
        self._started = asyncio.Event()
        self._due = 0.0

    def begin(self) -> None:
        self._due = time.monotonic() + random.random() / self.fps
        self._started.set()

    async def recv(self) -> av.VideoFrame:
        await self._started.wait()
        if self._due >= self.until:
            await asyncio.Event().wait()  # no more, until the connection ends
        await asyncio.sleep(max(self._due - time.monotonic(), 0))
        with av.open(io.BytesIO(self.images[self.sent % len(self.images)])) as image:
            frame = next(image.decode(video=0))
        frame.pts, frame.time_base = int(self._due * CLOCK), fractions.Fraction(1, CLOCK)
        self._due += 1 / self.fps
        self.sent += 1
        return frame


class Client:
    """A connection with video both ways and a data channel."""

    def __init__(self, book: Book, camera: Camera):
        self.book = book
        self.connection = RTCPeerConnection()
        self.connection.addTrack(camera)
        self.connection.on("track", lambda track: asyncio.ensure_future(self._watch(track)))
        self.channel = self.connection.createDataChannel("control")
        self.channel.on("message", self._take)
        self.connected = False
        self.captured, self._captured_since = 0, 0.0
        self.error = ""

    async def open(self, place: Place, name: str) -> int:
        """The status of the answer: 201 where it was taken."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        offer = self.connection.localDescription.sdp.encode()
        status, answer = await place.request("POST", f"/api/webrtc/{name}", offer, "application/sdp")
        if status == 201:
            await self.connection.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))
        return status

    async def until_connected(self, end: float) -> bool:
        while not (self.connected or self.error) and time.monotonic() < end:
            await asyncio.sleep(0.02)
        return self.connected

    def set(self, **params) -> None:
        self.channel.send(json.dumps({"type": "settings", "params": params}))

    async def until_still(self) -> bool:
        """Until the server's count of captured frames stays as it is."""
        end = time.monotonic() + LONGEST_S
        while time.monotonic() < end and not self.error:
            if self._captured_since and time.monotonic() - self._captured_since > STILL_S:
                return True
            await asyncio.sleep(0.1)
        return False

    def _take(self, text: str) -> None:
        message = json.loads(text)
        status = message["status"]
        self.connected = self.connected or status == "connected"
        if status == "stats" and (message["captured"] != self.captured or not self._captured_since):
            self.captured, self._captured_since = message["captured"], time.monotonic()
        elif status in ("error", "timeout"):
            self.error = message.get("message", status)

    async def _watch(self, track: MediaStreamTrack) -> None:
        last = None
        with contextlib.suppress(MediaStreamError):  # its end
            while True:
                await track.recv()
                now = time.monotonic()
                if last is not None:
                    self.book.ages.append(1e3 * (now - last))
                self.book.received, last = self.book.received + 1, now


async def video(place: Place, book: Book, name: str, fps: float, params: dict) -> None:
    """One session by WebRTC, to the end. Ages are times between two images. A frame of video may be lost on its way:
    what has arrived is what the server says, which must be no more than was sent."""
    book.clients += 1
    camera = Camera(place.images, fps, place.end)
    client = Client(book, camera)
    try:
        status = await client.open(place, name)
        if status != 201:
            return book.refuse(str(status))
        if not await client.until_connected(place.end):
            return book.refuse(client.error or "waited")
        if params:
            client.set(**params)
        camera.begin()
        await asyncio.sleep(max(place.end - time.monotonic(), 0))
        still = await client.until_still()
        book.sent += camera.sent
        book.arrived += client.captured
        if not still:
            book.problems.append(f"{name}: {client.error or 'the server did not say how many frames have come'}")
        elif not 0 < client.captured <= camera.sent:
            book.problems.append(f"{name}: {camera.sent} frames were sent, and {client.captured} have come")
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
        book.problems.append(f"{name}: {error or type(error).__name__}")
    finally:
        await client.connection.close()
