"""What a server says of itself: its books in /metrics, and its process in /proc."""
import dataclasses
import http.client
import json
import os
import pathlib
import re
import sys
import time
import urllib.request

DROPPED = "streamdiffusion_dropped_frames_total"
# What asking a server may raise: nobody answers, or somebody who is no such server.
NO_ANSWER = (OSError, ValueError, KeyError, http.client.HTTPException)


def get(base: str, path: str, token: str = "") -> str:
    request = urllib.request.Request(base + path)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def frame_counters(base: str, token: str = "") -> dict[str, float]:
    """Frames by outcome."""
    values = {"captured": 0.0, "processed": 0.0, "skipped": 0.0, "failed": 0.0, "dropped": 0.0}
    for line in get(base, "/metrics", token).splitlines():
        if match := re.match(r'streamdiffusion_frames_total\{outcome="(\w+)"\} (\S+)', line):
            values[match[1]] = float(match[2])
        elif line.startswith(DROPPED):
            values["dropped"] += float(line.split()[-1])
    return values


def ask_first(tool: str, base: str, token: str = "") -> dict[str, float]:
    """Its counters before anything is sent. Without an answer the tool ends at once."""
    try:
        return frame_counters(base, token)
    except NO_ANSWER as error:
        sys.exit(f"{tool}: no answer of {base}: {error}")


def wait_until_empty(base: str, token: str = "", seconds: float = 30) -> None:
    """Until the last session has ended."""
    until = time.monotonic() + seconds
    while json.loads(get(base, "/api/queue", token))["queue_size"] > 0:
        if time.monotonic() > until:
            raise TimeoutError(f"sessions are still open after {seconds:.0f} s")
        time.sleep(0.1)


def books(counters: dict[str, float]) -> tuple[str, bool]:
    """A line, and whether every captured frame has one outcome."""
    outcomes = sum(counters[name] for name in ("processed", "skipped", "dropped", "failed"))
    text = " + ".join(f"{counters[name]:.0f} {name}" for name in ("processed", "skipped", "dropped", "failed"))
    return f"captured {counters['captured']:.0f} = {text}", outcomes == counters["captured"]


class ProcessEnded(Exception):
    """Nothing of it can be read any more."""


@dataclasses.dataclass
class Process:
    """What a process holds now."""

    mib: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        """Raises ProcessEnded."""
        try:
            return cls._read(pid)
        except OSError as error:
            raise ProcessEnded(f"the server's process {pid} has ended, or is another user's") from error

    @classmethod
    def _read(cls, pid: int) -> "Process":
        proc = pathlib.Path(f"/proc/{pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return cls(pages * os.sysconf("SC_PAGESIZE") / 2**20, len(os.listdir(proc / "fd")),
                   len(os.listdir(proc / "task")))

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB, {self.descriptors} descriptors, {self.threads} threads"
