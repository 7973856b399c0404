"""A stream that a placement (deploy/ray) puts on one of many servers, and that goes on elsewhere with its
settings where its server says that it will end, ends, or falls silent. Needs only Python's standard library."""
import dataclasses
import json
import math
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from load import Client, image_header

RETRY_S = 0.1  # after an attempt that failed at once
FOLLOW_S = 0.5  # between attempts to find another server before the present one ends
LONGEST_MOVE_S = 60.0
AVOIDED_S = 10.0  # a server that was left
ASK_S = 2.0  # for an answer of the placement


def describe(error: Exception) -> str:
    return str(error) or type(error).__name__


class NoPlace(ConnectionError):
    """Nobody gives a place now."""

    def __init__(self, why: str, retry_after_s: float):
        super().__init__(why)
        self.retry_after_s = retry_after_s


@dataclasses.dataclass
class Seat:
    """A connection that has a session."""

    client: Client
    server: str
    session: str


class PlacedStream(threading.Thread):
    """Draws the same image until `leave`, at most `most_fps` times a second. `on_event` is told in words what
    happens."""

    def __init__(self, name: str, placements: list[str], image: bytes, params: dict | None = None, token: str = "",
                 on_event=lambda text: None, most_fps: float = 1000):
        """`placements` are the addresses of POST /api/place; another one is asked where one does not answer."""
        super().__init__(daemon=True, name=name)
        self.placements, self.image, self.params, self.token = list(placements), image, dict(params or {}), token
        self.pause_s = 1 / most_fps
        self._on_event, self._said = on_event, ""
        self.times: list[float] = []  # of each image, by time.monotonic()
        self.extra_ms: list[float] = []  # of each image: from sending to reading, without the server's own age
        self.asked_s: list[float] = []  # of each question for a place that was answered with one
        self.visits: list[tuple[float, str, str]] = []  # time, server, session
        self._left = threading.Event()
        self._avoid: dict[str, float] = {}  # servers and until when
        self._silence_s = 3.0

    @property
    def server(self) -> str:
        """Where it was placed last; empty before that."""
        return self.visits[-1][1] if self.visits else ""

    def leave(self) -> None:
        self._left.set()

    def longest_gap(self, since: float, until: float) -> float:
        """Seconds without an image, at most, between two times."""
        times = [since, *(t for t in self.times if since < t < until), until]
        return max(b - a for a, b in zip(times, times[1:]))

    def _say(self, text: str) -> None:
        """Once, however often it happens."""
        if text != self._said:
            self._said = text
            self._on_event(f"{self.name}: {text}")

    def run(self) -> None:
        seat = None
        while not self._left.is_set():
            try:
                seat = seat or self._enter()
                self.visits.append((time.monotonic(), seat.server, seat.session))
                seat = self._draw(seat)
            except NoPlace as error:
                self._say(str(error))
                self._left.wait(error.retry_after_s)
            except (OSError, ValueError) as error:
                self._say(f"{seat.server + ': ' if seat else ''}{describe(error)}")
                seat = self._give_up(seat)
                self._left.wait(RETRY_S)
        self._give_up(seat)

    def _give_up(self, seat: Seat | None) -> None:
        """Closes a connection whose server is not wanted again for a while."""
        if seat:
            self._avoid[seat.server] = time.monotonic() + AVOIDED_S
            seat.client.socket.close()

    def _enter(self) -> Seat:
        """A place, and a connection to its server that has a session, the stream's settings and a frame."""
        session = uuid.uuid4().hex
        place = self._ask(session)
        address = urllib.parse.urlsplit(place["url"])
        self._silence_s = place["watchdog_s"]
        tls = ssl.create_default_context() if address.scheme == "https" else None
        try:
            client = Client(address.hostname, address.port or (443 if tls else 80), session, place["token"],
                            self._silence_s, tls)
            while self._status_of(client.receive()) != "connected":
                pass
            client.send(1, json.dumps({"type": "settings", "params": self.params}).encode())
            client.send_frame(0, self.image)
        except (OSError, ValueError) as error:
            self._avoid[place["url"]] = time.monotonic() + AVOIDED_S
            raise ConnectionError(f"{place['url']}: {describe(error)}") from error
        return Seat(client, place["url"], session)

    def _ask(self, session: str) -> dict:
        now = time.monotonic()
        self._avoid = {url: end for url, end in self._avoid.items() if end > now}
        body = json.dumps({"session": session, "avoid": list(self._avoid)[-16:]}).encode()
        fields = {"Content-Type": "application/json"}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(self.placements[0], body, fields, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=ASK_S) as answer:
                place = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise NoPlace(f"{self.placements[0]}: {error.code}: {error.read(300).decode(errors='replace')}", 5) \
                    from error
            raise NoPlace("no free place", float(error.headers.get("Retry-After", 1))) from error
        except (OSError, ValueError) as error:
            asked = self.placements[0]
            self.placements = [*self.placements[1:], asked]
            raise NoPlace(f"{asked}: {error}", RETRY_S) from error
        self.asked_s.append(time.monotonic() - now)
        return place

    def _draw(self, seat: Seat) -> Seat | None:
        """Sends and reads until the server is left; returns the one to go on with, if there is one."""
        sent, began, following = 1, time.monotonic(), None
        while not self._left.is_set():
            try:
                message = seat.client.receive()
            except OSError:
                if not (following and following.found()):
                    raise
                seat.client.socket.close()
                return following.seat
            if self._status_of(message) == "moving":
                following = Following(self, seat)
            if message[0] == 2:
                self._note_image(message[1])
                time.sleep(max(0.0, began + sent * self.pause_s - time.monotonic()))
                seat.client.send_frame(sent, self.image)
                sent += 1
            if following and following.seat:
                self._say(f"{seat.server} will end; moved to {following.seat.server}")
                seat.client.socket.close()
                return following.seat
        return seat

    def _note_image(self, message: bytes) -> None:
        header, now = image_header(message), time.monotonic()
        self.times.append(now)
        if "captured" in header:
            self.extra_ms.append(now * 1e3 - header["captured"] - header["age_ms"])

    @staticmethod
    def _status_of(message: tuple[int, bytes]) -> str:
        if message[0] != 1:
            return ""
        content = json.loads(message[1])
        if content.get("status") == "error" and content.get("fatal"):
            raise ConnectionError(f"{content.get('code')}: {content.get('message')}")
        return content.get("status", "")


class Following(threading.Thread):
    """Looks for another server while the present one still draws; `seat` is there once it is found."""

    def __init__(self, stream: PlacedStream, leaving: Seat):
        super().__init__(daemon=True)
        self.seat: Seat | None = None
        self._over = False
        self._stream, self._leaving = stream, leaving
        self.start()

    def found(self) -> bool:
        """Whether there is one; nothing more is tried."""
        self._over = True
        self.join()
        return self.seat is not None

    def run(self) -> None:
        end = time.monotonic() + LONGEST_MOVE_S
        while time.monotonic() < end and not self._over:
            self._stream._avoid[self._leaving.server] = end
            try:
                self.seat = self._stream._enter()
                return
            except (OSError, ValueError) as error:
                self._stream._say(f"{self._leaving.server} will end, and {describe(error)}")
                time.sleep(FOLLOW_S)


class DirectStream(PlacedStream):
    """The same on one server, without a placement."""

    def _ask(self, session: str) -> dict:
        return {"url": self.placements[0], "token": self.token, "watchdog_s": self._silence_s}
