"""What goes wrong beside the calls is heard: by logging, or by `error` of a live session."""
import logging
import subprocess
import sys

import pytest

import streamdiffusion_cpp as sd

SMALL = {"width": 64, "height": 64, "t_index_list": [30], "prompt": "red apple"}
LONG_PROMPT = "red apple " * 120
# A change for which there is no memory: the address space may grow by 200 MiB alone.
NO_MEMORY = """
import resource, time, numpy as np, streamdiffusion_cpp as sd
heard = []
frame = np.zeros((64, 64, 3), np.uint8)
live = sd.Engine.open(threads=1).live(width=64, height=64, t_index_list=[30], **(MORE))
live.submit(frame)
while live.counters["processed"] == 0: time.sleep(0.01)
used = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize"))
resource.setrlimit(resource.RLIMIT_AS, ((used + 200 * 1024) * 1024,) * 2)
live.change(width=2048, height=2048)
while live.parameters["width"] == 2048: time.sleep(0.01)
live.submit(frame)
live.stop()
for error in heard: print(error.code, error.frame_id)
"""


@pytest.fixture(scope="module")
def engine():
    return sd.Engine.open(threads=1)


def run(script):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


def test_the_librarys_warnings_are_those_of_a_logger(engine, caplog):
    with caplog.at_level(logging.INFO, "streamdiffusion_cpp"), engine.session(**SMALL | {"prompt": LONG_PROMPT, "seed": -1}):
        pass
    told = {(record.name, record.levelname, record.getMessage().split()[0]) for record in caplog.records}
    assert {("streamdiffusion_cpp", "WARNING", "prompt"), ("streamdiffusion_cpp", "INFO", "seed")} <= told


def test_warnings_are_seen_though_nobody_set_logging_up():
    done = run(f"import streamdiffusion_cpp as sd\nsd.Engine.open(threads=1).session(**{SMALL | {'prompt': LONG_PROMPT}})")
    assert "prompt is cut" in done.stderr


def test_a_change_that_cannot_be_prepared_is_a_warning():
    done = run(NO_MEMORY.replace("MORE", "{}"))
    assert done.stderr != "" and done.stdout == ""


@pytest.mark.parametrize("output", ["None", "lambda output: None"])
def test_a_change_that_cannot_be_prepared_is_told_to_who_asked(output):
    done = run(NO_MEMORY.replace("MORE", f"{{'error': heard.append, 'output': {output}}}"))
    assert done.stdout == "internal None\n"


def test_what_error_raises_ends_the_stream():
    script = NO_MEMORY.replace("MORE", "{'error': refuse, 'output': lambda output: None}")
    script = script.replace("heard = []", "heard = []\ndef refuse(error): raise KeyError('mine')")
    script = script.replace("live.stop()", "live._thread.join()\ntry: live.stop()\nexcept KeyError as error: print(error)")
    assert run(script).stdout == "'mine'\n"
