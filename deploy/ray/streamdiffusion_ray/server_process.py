"""One `streamdiffusion serve` and its supervisor: a thread that starts the program, asks it twice a second
how it is, ends it where it no longer answers, and starts it again, each time a little later."""
import collections
import dataclasses
import json
import logging
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

POLL_S = 0.5
HUNG_S = 5.0  # a server that was ready and has not answered for so long is ended
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 10.0
MOST_FAILURES = 5  # starts in a row that did not get ready; then somebody else must decide
KEPT_LINES = 20  # of what the server wrote last, for messages
OCCUPYING = ("opening", "live", "paused")

log = logging.getLogger("ray.serve")


@dataclasses.dataclass(frozen=True)
class Report:
    """What a server said of itself last."""

    ready: bool = False
    sessions: frozenset[str] = frozenset()  # ids of those that have a place
    waiting: int = 0  # clients
    age_p95_ms: float = 0.0  # of the slowest session


class Port:
    """A port that nobody listens on, and that no other replica of this machine takes until `close`.

    The lock is a socket in Linux's abstract namespace: it ends with the process, however that ends."""

    def __init__(self, first: int = 0, last: int = 0):
        """Of a range; any where `first` is 0. Raises OSError where none is free."""
        for wanted in range(first, last + 1):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                lock = socket.socket(socket.AF_UNIX)
                try:
                    probe.bind(("", wanted))
                    lock.bind(f"\0streamdiffusion-port-{probe.getsockname()[1]}")
                except OSError:
                    lock.close()
                    continue
                self.number, self._lock = probe.getsockname()[1], lock
                return
        raise OSError(f"no free port from {first} to {last}")

    def close(self) -> None:
        """Others may take it."""
        self._lock.close()


def read_report(text: bytes) -> Report:
    """The answer of /api/sessions."""
    sessions = json.loads(text)["sessions"]
    ages = [((s["stats"] or {}).get("age_ms") or {}).get("p95") or 0.0 for s in sessions if s["state"] == "live"]
    return Report(True, frozenset(s["id"] for s in sessions if s["state"] in OCCUPYING),
                  sum(s["state"] == "waiting" for s in sessions), float(max(ages, default=0.0)))


class ServerProcess:
    """Raises nothing once it is started: `report` and `failure` say how it is."""

    def __init__(self, command: list[str], port: int, token: str = "", tls: bool = False, start_s: float = 300.0):
        self.command, self.port, self.token, self.start_s = command, port, token, start_s
        self.base = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self.report = Report()
        self.failure = ""  # why it is not started again
        self.starts = 0
        self._lines: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
        self._child: subprocess.Popen | None = None
        self._told_to_end = threading.Event()
        self._end_s = 0.0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._thread.start()

    def wait_ready(self) -> None:
        """Returns once the server accepts sessions. Raises RuntimeError with what it wrote if it cannot."""
        with self._changed:
            self._changed.wait_for(lambda: self.report.ready or self.failure)
        if self.failure:
            raise RuntimeError(self.failure)

    def end(self, seconds: float) -> int | None:
        """Sends SIGTERM and waits: the server tells its clients to move first. Returns its exit status, or None
        where none runs."""
        self._end_s = seconds
        self._told_to_end.set()
        self._thread.join()
        return self._child.returncode if self._child else None

    def _set(self, report: Report, failure: str = "") -> None:
        with self._changed:
            self.report, self.failure = report, failure
            self._changed.notify_all()

    def _supervise(self) -> None:
        failures, retry_s = 0, FIRST_RETRY_S
        while not self._told_to_end.is_set():
            was_ready, why = self._run_once()
            if self._told_to_end.is_set():
                return self._end_child()
            failures, retry_s = (0, FIRST_RETRY_S) if was_ready else (failures + 1, min(2 * retry_s, LONGEST_RETRY_S))
            log.warning("server %s: %s", self.base, why)
            gone = f"{' '.join(self.command)}: {why}" if failures >= MOST_FAILURES else ""
            self._set(Report(), gone)
            if gone:
                return
            self._told_to_end.wait(retry_s)

    def _run_once(self) -> tuple[bool, str]:
        """Starts the server and watches it. Returns whether it got ready, and why it was given up."""
        self.starts += 1
        self._lines.clear()
        try:
            # Without its supervisor a server shall end, and tell its clients to move; Linux sends this signal.
            self._child = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", "--", *self.command],
                                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except OSError as error:
            return False, str(error)
        reader = threading.Thread(target=self._read_lines, args=(self._child,), daemon=True)
        reader.start()
        was_ready, answered = False, time.monotonic()
        while not self._told_to_end.wait(POLL_S if was_ready else POLL_S / 5):
            if self._child.poll() is not None:
                reader.join(1)  # not for ever: what the server has started may hold the pipe
                return was_ready, self._last_words()
            report = self._ask()
            if report is not None:
                answered = time.monotonic()
                was_ready |= report.ready
                self._set(report)
            elif time.monotonic() - answered > (HUNG_S if was_ready else self.start_s):
                self._child.kill()
                self._child.wait()
                return was_ready, f"has not answered for {HUNG_S if was_ready else self.start_s:g} s and was killed"
        return was_ready, ""

    def _end_child(self) -> None:
        """By this thread: Linux sends the signal again when the thread that has started a process is gone, and
        a second one would end the server at once."""
        if self._child.poll() is not None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(self._end_s)
        except subprocess.TimeoutExpired:
            log.warning("server %s has not ended within %g s after SIGTERM and is killed", self.base, self._end_s)
            self._child.kill()
            self._child.wait()

    def _read_lines(self, child: subprocess.Popen) -> None:
        with child.stdout:
            for line in child.stdout:
                text = line.decode(errors="replace").rstrip()
                self._lines.append(text)
                log.info("server %d: %s", self.port, text)

    def _last_words(self) -> str:
        status = self._child.returncode
        how = f"was ended by signal {-status}" if status < 0 else f"has ended with status {status}"
        return "; ".join([how, *list(self._lines)[-3:]])

    def _ask(self) -> Report | None:
        """None where the server does not answer."""
        try:
            if self._get("/readyz")[0] != 200:
                return Report()
            return read_report(self._get("/api/sessions")[1])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _get(self, path: str) -> tuple[int, bytes]:
        request = urllib.request.Request(self.base + path)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        context = ssl._create_unverified_context() if self.base.startswith("https") else None  # this machine itself
        try:
            with urllib.request.urlopen(request, timeout=2, context=context) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
