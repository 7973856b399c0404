"""All that is refused is streamdiffusion_cpp.Error, and says what was found."""
import asyncio
import pathlib

import numpy as np
import pytest

import streamdiffusion_cpp as sd

SMALL = {"width": 64, "height": 64, "t_index_list": [30], "prompt": "red apple"}
FRAME = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def engine():
    return sd.Engine.open(threads=1)


@pytest.fixture(params=["session", "live"])
def stream(engine, request):
    with getattr(engine, request.param)(**SMALL) as opened:
        yield opened


def give(stream, frame, **more):
    return stream.submit(frame, **more) if isinstance(stream, sd.LiveSession) else stream.process(frame, **more)


@pytest.mark.parametrize("change, says", [({"promt": "dog"}, 'did you mean "prompt"'), ({"width": 3}, '"width" is 3'),
                                          ({"width": 1000}, "width is 1000, expected a multiple")])
def test_a_change_that_is_refused_says_why(stream, change, says):
    with pytest.raises(sd.InvalidArgument, match=says):
        stream.change(**change)


def test_a_change_that_is_refused_says_why_in_asyncio(engine):
    async def frames():
        yield FRAME

    async def run():
        with engine.live(**SMALL) as live:
            async for _ in live.astream(frames()):
                live.change(promt="dog")

    with pytest.raises(sd.InvalidArgument, match='did you mean "prompt"') as caught:
        asyncio.run(run())
    assert caught.value.parameter == "promt"


@pytest.mark.parametrize("frame, kind, says", [
    (np.zeros((4, 4), np.uint8), ValueError, r"shape \(4, 4\)"),
    (np.zeros((6, 6, 5), np.uint8), ValueError, r"\(6, 6, 5\)"),
    (np.zeros((4, 4, 3), np.int32), TypeError, "int32"),
    (object(), TypeError, "type object"),
    ("camera.png", TypeError, "type str"),
    ([[1, 2], [3]], TypeError, "type list"),
    (open, TypeError, "type builtin_function"),
    (np.full((4, 4, 3), np.nan), ValueError, "not finite"),
    (np.full((4, 4, 3), 255.0), ValueError, "values from 255 to 255, expected 0..1"),
    (np.linspace(-1, 1, 48, dtype=np.float32).reshape(4, 4, 3), ValueError, "values from -1 to 1, expected 0..1"),
])
def test_a_frame_that_is_refused(stream, frame, kind, says):
    with pytest.raises(sd.Error, match=says) as caught:
        give(stream, frame)
    assert isinstance(caught.value, kind) and caught.value.code == "invalid_argument"


def test_a_resized_frame_overshoots_a_little():
    pixels = np.float32([[[-0.1, 0.5, 1.1]]])
    assert sd.to_pixels(pixels).tolist() == [[[0, 128, 255]]]


def test_a_format_that_is_unknown(stream):
    for format in ("rbg", 3):
        with pytest.raises(sd.InvalidArgument, match=f"format is {format!r}, expected one of rgb, bgr") as caught:
            give(stream, FRAME, format=format)
        assert caught.value.parameter == "format"


def test_numbers_and_arrays_of_numpy_are_numbers_and_lists(engine):
    with engine.session(width=np.int32(64), height=np.uint16(64), t_index_list=np.array([18, 32]), seed=np.int64(3),
                        guidance_scale=np.float32(1.5), prompt=np.str_("red apple")) as session:
        taken = session.parameters
        session.change(delta=np.float64(0.5), enable_similar_image_filter=np.bool_(True))
        assert session.parameters["delta"] == 0.5 and session.parameters["enable_similar_image_filter"] is True
    assert (taken["width"], taken["height"], taken["seed"], taken["t_index_list"]) == (64, 64, 3, [18, 32])
    assert taken["guidance_scale"] == 1.5 and taken["prompt"] == "red apple"


@pytest.mark.parametrize("value, kind, says", [
    (object(), TypeError, "seed is <object"), (3j, TypeError, r"seed is 3j: expected numbers, text, paths"),
    ({1, 2}, TypeError, "not set"), (float("nan"), ValueError, "seed is nan"), (np.float32("inf"), ValueError, "seed is "),
    (b"3", TypeError, "not bytes"), (np.array([None]), ValueError, "seed"), ({pathlib.Path("a"): 1}, TypeError, "keys"),
])
def test_a_value_that_is_no_parameter(engine, value, kind, says):
    for call in (engine.session, engine.live, sd.Engine.open):
        with pytest.raises(sd.InvalidArgument, match=says) as caught:
            call(seed=value)
        assert isinstance(caught.value, kind) and caught.value.parameter == "seed"


def test_options_of_live_sessions(engine):
    for option, value in [("policy", "oldest"), ("policy", 1), ("depth", "two"), ("depth", 1.5), ("depth", 0),
                          ("depth", 2**40)]:
        with pytest.raises(sd.InvalidArgument, match=option):
            engine.live(**SMALL | {option: value})
    assert engine.live(**SMALL, depth=np.int64(2)).counters["captured"] == 0


def test_a_time_limit(engine):
    with engine.live(**SMALL) as live:
        with pytest.raises(sd.Timeout, match="no output in 0.01 s") as caught:
            live.take(timeout=0.01)
        assert isinstance(caught.value, TimeoutError) and isinstance(caught.value, sd.Error)
        assert caught.value.code == "timeout"
        for timeout in ("long", float("nan"), [1]):
            with pytest.raises(sd.InvalidArgument, match="timeout is "):
                live.take(timeout=timeout)
        with pytest.raises(sd.Timeout):
            live.take(timeout=-float("inf"))
        live.submit(FRAME)
        assert live.take(timeout=float("inf")).frame_id == 0


def test_a_session_that_is_closed_says_so(engine):
    session = engine.session(**SMALL)
    session.close()
    for call in (lambda: session.process(FRAME), session.flush, lambda: session.change(seed=1), lambda: session.parameters):
        with pytest.raises(sd.InvalidArgument, match="the session is closed"):
            call()
    session.close()
