"""Two servers behind HAProxy or nginx, with the files of deploy/, for the tests beside this file, which are called
with PROGRAM DEVICE [CLASS]."""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools/load"))
from load import Client  # noqa: E402

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
LAME_DUCK_S = 4
SLOWER = float(os.environ.get("SD_TEST_PATIENCE", "1"))  # how much slower a sanitizer makes the program
LONGEST_S = 120 * SLOWER


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(what: str, condition, seconds: float = 20):
    end = time.monotonic() + seconds * SLOWER
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def get(port: int, path: str, fields: dict | None = None) -> tuple[int, bytes]:
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=fields or {})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


class Engine:
    """A server of its own."""

    def __init__(self, port: int, *flags: str):
        self.port = port
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--port", str(port), "--device", DEVICE, "--threads", "1", "--width", "64",
             "--height", "64", "--max-sessions", "8", "--lame-duck", str(LAME_DUCK_S), *flags],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait("a server", lambda: get(port, "/readyz")[0] == 200, 60)

    def sessions(self) -> set[str]:
        status, body = get(self.port, "/api/sessions")
        return {session["id"] for session in json.loads(body)["sessions"]} if status == 200 else set()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Visitor(threading.Thread):
    """Draws until told to leave. Told to move, or cut off, it comes again under a new name, as the page does."""

    def __init__(self, port: int, name: str, image: bytes):
        super().__init__(daemon=True)
        self.port, self.stem, self.image = port, name, image
        self.times: list[float] = []
        self.visits = 0
        self.left = False
        self.deaf = False  # sends frames and reads nothing
        self.start()

    @property
    def id(self) -> str:
        return f"{self.stem}-{self.visits}"

    def run(self) -> None:
        while not self.left:
            self.visits += 1
            try:
                client = Client("127.0.0.1", self.port, self.id)
                with client.socket:
                    self.visit(client)
            except OSError:
                time.sleep(0.2)

    def visit(self, client: Client) -> None:
        client.socket.settimeout(10)
        sent = 0
        while not self.left:
            if self.deaf and sent > 0:
                client.send_frame(sent, self.image)
                sent += 1
                time.sleep(0.02)
                continue
            opcode, message = client.receive()
            status = json.loads(message).get("status") if opcode == 1 else None
            if status == "moving":
                break
            if opcode == 2:
                self.times.append(time.monotonic())
            if opcode == 2 or status == "connected":
                client.send_frame(sent, self.image)
                sent += 1

    def longest_gap(self, since: float) -> float:
        times = [t for t in self.times if t > since]
        return max(b - a for a, b in zip(times, times[1:]))


class Proxies:
    """What both have in common; `command` starts one on self.front."""
    servers = 2

    def setUp(self):
        self.front = free_port()
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.engines = [Engine(free_port()) for _ in range(self.servers)]
        for engine in self.engines:
            self.addCleanup(lambda e=engine: e.end())
        ports = [engine.port for engine in self.engines] + [free_port()] * (2 - self.servers)
        watchdog = threading.Timer(LONGEST_S, lambda: os.kill(os.getpid(), signal.SIGTERM))
        watchdog.start()
        self.addCleanup(watchdog.cancel)
        config = pathlib.Path(self.folder.name) / "config"
        renamed = dict(zip(("7860", "7861", "7862"), (self.front, *ports)))
        text = (ROOT / "deploy" / self.file).read_text()
        config.write_text(re.sub(r"(?<=[: ])786[012]\b", lambda found: str(renamed[found.group()]), text))
        proxy = subprocess.Popen(self.command(str(config)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(proxy.wait)
        self.addCleanup(proxy.terminate)
        wait("the proxy", lambda: get(self.front, "/readyz")[0] == 200)
        self.image = (ROOT / "samples/doodle/023.png").read_bytes()

    def visitors(self, count: int) -> list[Visitor]:
        visitors = [Visitor(self.front, f"v{i}", self.image) for i in range(count)]
        for visitor in visitors:
            self.addCleanup(lambda v=visitor: setattr(v, "left", True))
        wait("images for all", lambda: all(len(v.times) > 2 for v in visitors), 60)
        return visitors


class WithHAProxy(Proxies):
    program = "/usr/sbin/haproxy"
    file = "haproxy.cfg"

    def command(self, config):
        return [self.program, "-f", config]


class WithNginx(Proxies):
    program = "/usr/sbin/nginx"
    file = "nginx.conf"

    def command(self, config):
        return [self.program, "-c", config, "-p", self.folder.name, "-g",
                f"daemon off; pid {self.folder.name}/pid; error_log {self.folder.name}/error.log;"]


def missing(proxy: type) -> bool:
    return not os.path.exists(proxy.program)
