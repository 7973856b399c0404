"""How live sessions end, and programs with them."""
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import streamdiffusion_cpp as sd
from streamdiffusion_cpp import _live

SMALL = {"width": 64, "height": 64, "t_index_list": [18, 32], "prompt": "red apple", "policy": "block", "depth": 8}
FRAME = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def engine():
    return sd.Engine.open(threads=1)


def test_the_end_of_a_block_delivers_the_frames_in_flight(engine):
    seen = []
    with engine.live(**SMALL, output=lambda output: seen.append(output.frame_id)) as live:
        for _ in range(6):
            live.submit(FRAME)
    assert seen == list(range(6))


def test_an_exception_ends_a_block_at_once(engine):
    seen = []

    def slow(output):
        seen.append(output.frame_id)
        time.sleep(0.5)

    with pytest.raises(KeyError, match="mine"), engine.live(**SMALL, output=slow) as live:
        for _ in range(8):
            live.submit(FRAME)
        raise KeyError("mine")
    assert len(seen) < 3


def test_the_end_of_a_block_does_not_wait_for_ever(engine, monkeypatch):
    monkeypatch.setattr(_live, "_LONGEST_IMAGE_S", 0.4)
    called, released = threading.Event(), threading.Event()

    def stuck(output):
        called.set()
        released.wait(60)

    began = time.monotonic()
    with pytest.warns(RuntimeWarning, match="frames in flight: for 0.4 s no image came"):
        with engine.live(**SMALL, output=stuck) as live:
            for _ in range(8):
                live.submit(FRAME)
            called.wait(60)
    assert time.monotonic() - began < 50 and live.submit(FRAME) is None
    released.set()


def test_what_a_callback_raises_leaves_the_block(engine):
    def broken(output):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), engine.live(**SMALL, output=broken) as live:
        live.submit(FRAME)
        live.submit(FRAME)


@pytest.mark.parametrize("output", [None, "lambda output: None"])
def test_a_program_may_end_while_a_thread_submits(output):
    script = ("import threading, time, numpy as np, streamdiffusion_cpp as sd\n"
              f"live = sd.Engine.open(threads=1).live(width=64, height=64, steps=1, output={output})\n"
              "def feed():\n"
              "    while True: live.submit(np.zeros((64, 64, 3), np.uint8))\n"
              "threading.Thread(target=feed, daemon=True).start()\n"
              "time.sleep(0.5)\n")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
