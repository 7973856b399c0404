"""What a server says of itself: its books in /metrics, and its process in /proc."""
import dataclasses
import json
import os
import pathlib
import re
import time
import urllib.request

DROPPED = "streamdiffusion_dropped_frames_total"


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


@dataclasses.dataclass
class Process:
    """What a process holds now."""

    mib: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Process":
        proc = pathlib.Path(f"/proc/{pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return cls(pages * os.sysconf("SC_PAGESIZE") / 2**20, len(os.listdir(proc / "fd")),
                   len(os.listdir(proc / "task")))

    def __str__(self) -> str:
        return f"{self.mib:.0f} MiB, {self.descriptors} descriptors, {self.threads} threads"
