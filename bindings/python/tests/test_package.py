"""The package as its users have it: installed, on the included model."""
import asyncio
import ctypes
import gc
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

import streamdiffusion_cpp as sd

SIZE = 64
STEPS_1 = {"width": SIZE, "height": SIZE, "t_index_list": [30], "prompt": "red apple"}
STEPS_2 = STEPS_1 | {"t_index_list": [18, 32]}


@pytest.fixture(scope="module")
def engine():
    return sd.Engine.open(threads=2, dtype="f32")


def drawing(number=0, size=SIZE):
    pixels = np.full((size, size, 3), 255, np.uint8)
    y, x = np.mgrid[:size, :size]
    pixels[(x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 3 + number) ** 2] = (220, 30, 30)
    return pixels


def one(engine, frame, **more):
    with engine.session(**STEPS_1 | more) as session:
        output, = session.process(frame)
        return output.image.copy()


def test_a_frame_becomes_an_image(engine):
    image = one(engine, drawing())
    assert image.shape == (SIZE, SIZE, 3) and image.dtype == np.uint8
    middle = image[SIZE // 2, SIZE // 2].astype(int)
    assert middle[0] > middle[1] + 50


def test_every_form_of_the_same_pixels_gives_the_same_bits(engine):
    plain = one(engine, drawing())
    rgba = np.dstack([drawing(), np.zeros((SIZE, SIZE), np.uint8)])
    wide = np.zeros((SIZE, 2 * SIZE, 3), np.uint8)
    wide[:, :SIZE] = drawing()
    forms = [Image.fromarray(drawing()), rgba, wide[:, :SIZE], drawing()[::-1].copy()[::-1], drawing().astype(np.float32) / 255,
             np.moveaxis(drawing(), 2, 0), drawing()[None], memoryview(drawing())]
    for form in forms:
        assert np.array_equal(one(engine, form), plain), type(form)
    with engine.session(**STEPS_1) as session:
        output, = session.process(np.ascontiguousarray(drawing()[:, :, ::-1]), format="bgr")
        assert np.array_equal(output.image, plain)


@pytest.mark.parametrize("frame, error, says", [
    (np.zeros((4, 4), np.uint8), ValueError, "shape (4, 4)"),
    (np.zeros((4, 4, 3), np.int32), TypeError, "int32"),
    (np.full((4, 4, 3), np.nan), ValueError, "not finite"),
    (np.zeros((6, 6, 5), np.uint8), ValueError, "(6, 6, 5)"),
    (np.zeros((0, 4, 3), np.uint8), ValueError, "(0, 4, 3)"),
])
def test_a_frame_that_is_none_is_named(engine, frame, error, says):
    with engine.session(**STEPS_1) as session, pytest.raises(error, match=says.replace("(", r"\(").replace(")", r"\)")):
        session.process(frame)


class OnCard:
    """Says that its pixels lie on a card; there is none."""

    def __init__(self, pixels):
        self.pixels, self.shape, self.dtype = pixels, pixels.shape, pixels.dtype

    def __dlpack_device__(self):
        return (2, 0)

    def __dlpack__(self, **_):
        capsule = self.pixels.__dlpack__()
        address = ctypes.pythonapi.PyCapsule_GetPointer
        address.restype, address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
        ctypes.c_int32.from_address(address(capsule, b"dltensor") + ctypes.sizeof(ctypes.c_void_p)).value = 2
        return capsule


def test_a_frame_on_a_card_needs_an_engine_on_one(engine):
    with engine.session(**STEPS_1) as session:
        with pytest.raises(sd.Error, match="memory of a card, and the engine's device is"):
            session.process(OnCard(drawing()))
        with pytest.raises(ValueError, match="float32 of the shape"):
            session.process(OnCard(drawing().astype(np.float32)))


def test_outputs_keep_order_and_tags(engine):
    with engine.session(**STEPS_2) as session:
        outputs = [o for i in range(4) for o in session.process(drawing(i), tag={"number": i})] + session.flush()
    assert [o.frame_id for o in outputs] == [0, 1, 2, 3]
    assert [o.tag["number"] for o in outputs] == [0, 1, 2, 3]


def test_parameters_change_and_errors_name_them(engine):
    with engine.session(**STEPS_2) as session:
        session.change(prompt="green tree", guidance_scale=1.5)
        assert session.parameters["prompt"] == "green tree"
        with pytest.raises(sd.InvalidArgument, match="did you mean") as caught:
            session.change(promt="cat")
        assert isinstance(caught.value, ValueError) and caught.value.parameter == "promt"
        session.change(width=SIZE + 16)
        outputs = session.process(drawing()) + session.flush()
    assert outputs[-1].image.shape == (SIZE, SIZE + 16, 3)


def test_a_model_that_is_missing_is_an_os_error():
    with pytest.raises(FileNotFoundError, match="/no/such") as caught:
        sd.Engine.open("/no/such")
    assert isinstance(caught.value, sd.NotFound)


def test_an_image_outlives_its_session_and_takes_no_copy(engine):
    with engine.session(**STEPS_1) as session:
        output, = session.process(drawing())
    image = output.image
    expected = image.copy()
    assert not image.flags.owndata and not image.flags.writeable
    del output, session
    gc.collect()
    assert np.array_equal(image, expected)


def test_text_to_image(engine):
    with engine.session(**STEPS_1 | {"mode": "txt2img", "cfg_type": "none"}) as session:
        assert (session.process() + session.flush())[0].image.shape == (SIZE, SIZE, 3)


def test_a_live_session_calls_back_in_order(engine):
    seen = []
    with engine.live(output=lambda o: seen.append(o.tag), policy="block", depth=2, **STEPS_2) as live:
        for i in range(6):
            assert live.submit(drawing(i), tag=i) == i
        live.drain()
        assert seen == list(range(6))
        assert live.counters["processed"] == 6 and live.submit(drawing()) is None


def test_what_a_callback_raises_reaches_the_caller(engine):
    def broken(output):
        raise KeyError("mine")

    live = engine.live(output=broken, policy="block", **STEPS_1)
    live.submit(drawing())
    with pytest.raises(KeyError, match="mine"):
        live.drain()


def test_a_stream_of_frames(engine):
    with engine.live(policy="block", **STEPS_2) as live:
        assert [o.frame_id for o in live.stream(drawing(i) for i in range(5))] == list(range(5))

    def vanishing():
        yield drawing()
        raise OSError("the camera is gone")

    with engine.live(policy="block", **STEPS_1) as live, pytest.raises(OSError, match="camera"):
        list(live.stream(vanishing()))


def test_take_has_a_time_limit(engine):
    with engine.live(**STEPS_1) as live:
        with pytest.raises(TimeoutError):
            live.take(timeout=0.01)
        live.submit(drawing())
        assert live.take(timeout=30).frame_id == 0
        live.close()
        assert live.take(timeout=30) is None


def test_asyncio(engine):
    async def frames():
        for i in range(4):
            yield drawing(i)

    async def run():
        with engine.live(policy="block", **STEPS_2) as live:
            return [o.frame_id async for o in live.astream(frames())]

    assert asyncio.run(run()) == list(range(4))


def test_threads_use_sessions_of_one_engine_side_by_side(engine):
    expected = [one(engine, drawing(i)) for i in range(2)]
    wrong = []

    def work(i):
        with engine.session(**STEPS_1) as session:
            for _ in range(20):
                output, = session.process(drawing(i))
                if not np.array_equal(output.image, expected[i]):
                    wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def _in_child(queue, engine, live):
    for call in (sd.Engine.open, lambda: engine.info, lambda: engine.session(**STEPS_1), lambda: live.submit(drawing()),
                 live.take, lambda: live.change(prompt="dog")):
        try:
            call()
            queue.put("done")
        except sd.Error as error:
            queue.put(f"{error.code}: {error}")


def test_a_forked_process_is_told_so(engine):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with engine.live(**STEPS_1) as live:
        child = context.Process(target=_in_child, args=(queue, engine, live))
        child.start()
        for _ in range(6):
            assert re.match("unsupported: .*fork", said := queue.get(timeout=30)), said
        child.join()


def test_a_program_may_end_while_a_stream_runs():
    script = ("import numpy as np, streamdiffusion_cpp as sd\n"
              "live = sd.Engine.open(threads=1).live(width=64, height=64, steps=1, output=lambda o: None)\n"
              "for _ in range(5): live.submit(np.zeros((64, 64, 3), np.uint8))\n")
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_a_program_may_end_while_threads_wait_for_images():
    script = ("import threading, time, streamdiffusion_cpp as sd\n"
              "class Slow:\n"
              "    def __del__(self, sleep=time.sleep): sleep(1)\n"
              "slow = Slow()\n"
              "engine = sd.Engine.open(threads=1)\n"
              "live = engine.live(width=64, height=64, steps=1)\n"
              "core = engine.live(width=64, height=64, steps=1, output=lambda o: None)._core\n"
              "threading.Thread(target=live.take, daemon=True).start()\n"
              "threading.Thread(target=lambda: [core.take(100) for _ in range(99)], daemon=True).start()\n"
              "time.sleep(0.5)\n")
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


def test_ten_thousand_frames_leave_no_memory_behind(engine):
    frames = int(os.environ.get("SD_TEST_FRAMES", "400"))

    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    frame = drawing(size=16)
    with engine.session(**STEPS_1 | {"width": 16, "height": 16}) as session:
        for _ in range(frames // 4):
            session.process(frame, tag=object())
        before = resident()
        for _ in range(frames):
            session.process(frame, tag=object())
        after = resident()
    print(f"{frames} frames: {before / 2**20:.1f} MiB before, {after / 2**20:.1f} MiB after")
    assert after - before < 8 << 20


@pytest.mark.parametrize("document, made", [("docs/python.md", ["smile.png", "live.png"]), ("README.md", ["out.png"])])
def test_the_lines_of_the_documentation_run_as_printed(tmp_path, document, made):
    """All of a document's blocks, one after the other, as one program."""
    text = (pathlib.Path(__file__).parents[3] / document).read_text()
    program = "".join(block.split("```")[0] for block in text.split("```python\n")[1:])
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for name in made:
        assert np.asarray(Image.open(tmp_path / name).convert("L")).std() > 10, name
