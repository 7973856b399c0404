"""Calls of several threads, and awaits that are canceled."""
import asyncio
import threading

import numpy as np
import pytest

import streamdiffusion_cpp as sd

SMALL = {"width": 64, "height": 64, "t_index_list": [30], "prompt": "red apple"}
FRAME = np.zeros((64, 64, 3), np.uint8)


@pytest.fixture(scope="module")
def engine():
    return sd.Engine.open(threads=1)


def test_a_session_may_be_closed_while_another_thread_is_in_a_call(engine):
    for _ in range(3):
        session, called, errors = engine.session(**SMALL), threading.Event(), []

        def work(session=session, called=called, errors=errors):
            try:
                while True:
                    session.process(FRAME)
                    called.set()
            except sd.Error as error:
                errors.append(str(error))

        worker = threading.Thread(target=work)
        worker.start()
        assert called.wait(60)
        session.close()
        worker.join(60)
        assert errors == ["the session is closed"]


def test_threads_of_one_session_take_turns(engine):
    with engine.session(**SMALL) as session:
        got = []
        workers = [threading.Thread(target=lambda tag=tag: got.extend(
            (tag, output.tag) for _ in range(5) for output in session.process(FRAME, tag=tag))) for tag in "abc"]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(got) == 15 and all(mine == given for mine, given in got)


def test_a_live_session_may_be_stopped_while_other_threads_are_in_calls(engine):
    live = engine.live(**SMALL, policy="block", depth=2)
    ends = []
    workers = [threading.Thread(target=lambda call=call: ends.append(next(iter(call, None), None)))
               for call in (lambda: live.submit(FRAME), lambda: live.take())]
    for worker in workers:
        worker.start()
    live.stop()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


@pytest.mark.parametrize("same_iterator", [True, False])
def test_what_a_canceled_await_has_fetched_goes_to_the_next(engine, same_iterator):
    async def run():
        with engine.live(**SMALL, policy="block", depth=16) as live:
            for _ in range(12):
                live.submit(FRAME)
            live.close()
            got, outputs = [], live.__aiter__()
            while True:
                try:
                    got.append((await asyncio.wait_for(outputs.__anext__(), 0.01)).frame_id)
                except asyncio.TimeoutError:
                    outputs = outputs if same_iterator else live.__aiter__()
                except StopAsyncIteration:
                    return got

    assert asyncio.run(asyncio.wait_for(run(), 60)) == list(range(12))


def test_what_a_canceled_await_has_fetched_may_be_taken(engine):
    async def run():
        with engine.live(**SMALL, policy="block", depth=4) as live:
            waiting = asyncio.ensure_future(live.__aiter__().__anext__())
            await asyncio.sleep(0)  # the await has begun
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            live.submit(FRAME)
            return live.take(timeout=60).frame_id

    assert asyncio.run(run()) == 0
