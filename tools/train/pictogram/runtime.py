"""What every stage shares: folders, device, seeds, atomic checkpoints, logs and a time limit.

Checkpoint keys keep their first spelling ("optimiser", "aligner", "encoder_mark", "scaling"), so
that existing work folders stay usable.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[3]


def parser(description):
    """An argument parser with the flags of all stages."""
    result = argparse.ArgumentParser(description=description)
    work = os.environ.get("PICTOGRAM_WORK", REPOSITORY.parent / "train-pictogram")
    result.add_argument("--work", type=Path, default=Path(work), help="caches, checkpoints, logs")
    result.add_argument("--data", type=Path, default=os.environ.get("PICTOGRAM_DATA"),
                        help="unpacked pictograms.tar.xz (default: WORK/data)")
    result.add_argument("--seed", type=int, default=0)
    result.add_argument("--minutes", type=float, default=0,
                        help="save and stop after this many minutes (0: run to the planned end)")
    result.add_argument("--threads", type=int, default=0, help="CPU threads (0: all)")
    result.add_argument("--shared", action="store_true",
                        help="use only as many CPU threads as cores are free")
    result.add_argument("--no-compile", action="store_true", help="do not use torch.compile")
    return result


def prepare(args):
    """Seed everything, make the work folder and return the device."""
    if args.data is None:
        args.data = args.work / "data"
    args.data = Path(args.data)
    args.work.mkdir(parents=True, exist_ok=True)
    random.seed(args.seed)
    np.random.seed(args.seed)
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    # TF32 stays off for matmuls: Muon's Gram matrices need full float32.
    if torch.cuda.is_available():
        torch.backends.cudnn.benchmark = True
        return torch.device("cuda")
    return torch.device("cpu")


def has_fast_bf16(device):
    """Whether the device multiplies bf16 in hardware. PyTorch's emulation is many times slower than
    float32."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


def autocast(device):
    """bf16 autocast where it is faster."""
    return torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device))


def maybe_compile(module, args):
    """torch.compile, unless --no-compile was given."""
    if args.no_compile:
        return module
    return torch.compile(module)


def save_atomic(state, path):
    """torch.save through a temporary file, so that a killed run never leaves half a checkpoint. The
    checkpoint before is kept."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    torch.save(state, temporary)
    if path.exists():
        os.replace(path, path.with_name(path.name + ".previous"))
    os.replace(temporary, path)


def load_checkpoint(path):
    """The newest readable checkpoint at `path`, or None. Falls back to the previous one."""
    path = Path(path)
    for candidate in (path, path.with_name(path.name + ".previous")):
        if candidate.exists():
            with contextlib.suppress(Exception):
                return torch.load(candidate, map_location="cpu", weights_only=False)
            print(f"{candidate} is not readable, trying the one before it", flush=True)
    return None


def write_json(value, path):
    """JSON through a temporary file."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    os.replace(temporary, path)


def add_schedule(parser, steps, rate, cool):
    """The flags of the stages that train."""
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--within", type=float, default=0,
                        help="plan the run for this many minutes instead of --steps")
    parser.add_argument("--rate", type=float, default=rate, help="learning rate")
    parser.add_argument("--cool", type=float, default=cool,
                        help="share of the run, at its end, over which the learning rate decays")
    parser.add_argument("--save-every", type=float, default=600,
                        help="seconds between checkpoints")


def learning_rate(args, step, clock):
    """Warm-up over 100 steps, constant, then linear decay."""
    remaining = (1 - clock.progress(step)) / args.cool
    return args.rate * min(1.0, (step + 1) / 100, max(remaining, 0.01))


class Clock:
    """Tells when to save and when to stop: time limit, planned end, or SIGTERM or SIGINT."""

    def __init__(self, args):
        self.start = self.saved = time.time()
        self.limit_seconds = args.minutes * 60
        self.planned_seconds = getattr(args, "within", 0) * 60
        self.steps = getattr(args, "steps", 0)
        self.save_every = getattr(args, "save_every", 0)
        self.stopping = False
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)

    def _stop(self, *_):
        self.stopping = True

    def seconds(self):
        """Seconds since the stage started."""
        return time.time() - self.start

    def progress(self, step):
        """Share of the planned run, in time or in steps."""
        return self.seconds() / self.planned_seconds if self.planned_seconds else step / self.steps

    def finished(self, step):
        """True at the planned end."""
        return self.progress(step) >= 1

    def should_stop(self):
        """True once the time limit has passed or a signal has come."""
        return self.stopping or (self.limit_seconds > 0 and self.seconds() > self.limit_seconds)

    def should_save(self):
        """True every `save_every` seconds."""
        if time.time() - self.saved < self.save_every:
            return False
        self.saved = time.time()
        return True


class AdaptiveThreads:
    """Sets the number of threads to that of the free cores. Threads wait for each other after every
    layer, so one that has to share its core slows down all. Without --shared this does nothing."""

    def __init__(self, args):
        self.active = args.shared and Path("/proc/stat").exists()
        self.max_threads = torch.get_num_threads()
        self.last_sample = self._times() if self.active else None

    @staticmethod
    def _times():
        """(now, busy seconds of all cores, CPU seconds of this process)."""
        fields = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        return time.time(), busy, time.process_time()

    def adapt(self):
        """Look at the load of the last seconds and set the number of threads."""
        if not self.active or time.time() - self.last_sample[0] < 2:
            return
        now = self._times()
        seconds, busy, own_seconds = (b - a for a, b in zip(self.last_sample, now))
        self.last_sample = now
        others = max(0.0, busy - own_seconds) / seconds
        torch.set_num_threads(max(1, min(self.max_threads, round(self.max_threads - others))))


class Log:
    """Writes one line a report to the screen, and as JSON to WORK/logs."""

    def __init__(self, work, stage):
        self.path = Path(work) / "logs" / f"{stage}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stage = stage

    def __call__(self, **fields):
        row = {"time": time.strftime("%Y-%m-%d %H:%M:%S"), **fields}
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")
        text = " ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                        for k, v in row.items())
        print(f"[{self.stage}] {text}", flush=True)


class Meter:
    """Mean loss and speed since the last report. Between reports it reads nothing from the device.
    """

    def __init__(self, log, batch, every=50):
        self.log, self.batch, self.every = log, batch, every
        self.reset()

    def reset(self):
        """Start over; leaves out the time until now (of a save, for example)."""
        self.total, self.count, self.since = 0.0, 0, time.time()

    def add(self, loss, **fields):
        """Add one step's loss, a number or a tensor. Every `every` steps it writes a line to the
        log."""
        self.total = self.total + loss
        self.count += 1
        if self.count >= self.every:
            speed = self.count * self.batch / (time.time() - self.since)
            fields = {k: float(v) if torch.is_tensor(v) else v for k, v in fields.items()}
            self.log(**fields, loss=float(self.total) / self.count, images_per_second=speed)
            self.reset()


class EMA:
    """Exponential moving average of parameters, updated every `every` steps."""

    def __init__(self, modules, decay=0.999, every=8):
        self.modules = modules
        self.decay = decay ** every
        self.every = every
        self.restart()

    def parameters(self):
        """The modules' parameters, in the order of the averages."""
        return [p for module in self.modules for p in module.parameters()]

    def restart(self):
        """Set the averages to the current parameters."""
        self.shadow = [p.detach().clone() for p in self.parameters()]

    @torch.no_grad()
    def update(self, step):
        """Add the current parameters to the average. In the first 200 steps the decay is smaller.
        """
        if step % self.every:
            return
        decay = min(self.decay, (1 + step) / (10 + step) if step < 200 else self.decay)
        torch._foreach_lerp_(self.shadow, [p.detach() for p in self.parameters()], 1 - decay)

    @contextlib.contextmanager
    def applied(self):
        """Within this context the modules hold the averaged parameters."""
        parameters = self.parameters()
        live = [p.detach().clone() for p in parameters]
        with torch.no_grad():
            torch._foreach_copy_(parameters, self.shadow)
        try:
            yield
        finally:
            with torch.no_grad():
                torch._foreach_copy_(parameters, live)

    def state_dict(self):
        """For a checkpoint."""
        return {"shadow": self.shadow}

    def load_state_dict(self, state):
        """From a checkpoint."""
        for shadow, stored in zip(self.shadow, state["shadow"], strict=True):
            shadow.copy_(stored.to(shadow.device))
