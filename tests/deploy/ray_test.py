#!/usr/bin/env python3
"""Eight streams on a Ray cluster of two machines (network namespaces) while servers, replicas and a link fail, all
servers are replaced, and their number goes from one to three and back. Usage: ray_test.py PROGRAM

Prints how long streams were without images, for docs/scale.md. `make ray` runs it; needs root and Ray."""
import json
import os
import signal
import sys
import time
import unittest
import urllib.error
import urllib.request

import ray_cluster
from ray_cluster import MACHINES, PACKAGE, PLACEMENTS, ROOT, Cluster, Server, wait

sys.path[:0] = [str(ROOT / "tools/load"), str(PACKAGE)]
from load import percentile  # noqa: E402
from placed_stream import DirectStream, PlacedStream  # noqa: E402
from streamdiffusion_ray.places import PROMISE_S  # noqa: E402

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else ""
TOKEN = "a-token-for-the-test"
SERVE = "--device auto --width 64 --height 64 --threads 1 --t-index-list 32"
STREAMS, FPS = 8, 5
WATCHDOG_S = 3
HEAD_GONE_S = 40  # Ray's machines wait a minute for their head


def get(url: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read()


def answers(url: str) -> bool:
    try:
        return bool(get(url))
    except OSError:
        return False


def say(text: str) -> None:
    print(text, flush=True)


@unittest.skipIf(ray_cluster.missing(), ray_cluster.missing())
class RayCluster(unittest.TestCase):
    """One cluster for all; the tests run in the order of their names, and each leaves two servers or more."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.image = (ROOT / "samples/doodle/023.png").read_bytes()
        cls.cluster = Cluster(PROGRAM, TOKEN)
        cls.addClassCleanup(cls.cluster.end)
        began = time.monotonic()
        cls.cluster.start()
        say(f"cluster of two machines: {time.monotonic() - began:.1f} s")
        began = time.monotonic()
        cls.deploy()
        say(f"two servers and the placement: {time.monotonic() - began:.1f} s")

    @classmethod
    def deploy(cls, more: str = "") -> str:
        """A server on each machine, with room for all streams on each; `more` flags change that."""
        return cls.cluster.deploy(f"--places {STREAMS} --min 2 --max 2 --entries 2 --lame-duck 10 "
                                  f"--up-after 1 --down-after 5 --watchdog {WATCHDOG_S} --max-age 5000 {more}", SERVE)

    def streams(self, count: int, first: int = 0) -> list[PlacedStream]:
        """Streams with a prompt each, once all have images. Those of the test before have left by then."""
        streams = [PlacedStream(f"stream {i}", PLACEMENTS, self.image, {"prompt": f"cat number {i}"}, TOKEN,
                                most_fps=FPS) for i in range(first, first + count)]
        for stream in streams:
            self.addCleanup(stream.leave)
            stream.start()
        self.wait_for_images(streams, 5, 90)
        return streams

    def wait_for_images(self, streams: list[PlacedStream], count: int = 10, seconds: float = 60) -> None:
        enough = [len(s.times) + count for s in streams]
        wait("images of all streams", lambda: all(len(s.times) >= n for s, n in zip(streams, enough)), seconds)

    def check_settings(self, streams: list[PlacedStream]) -> None:
        """Each stream's server has its prompt."""
        for stream in streams:
            _, server, session = stream.visits[-1]
            content = json.loads(get(f"{server}/api/sessions/{session}"))
            self.assertEqual(content["params"]["prompt"], stream.params["prompt"], stream.name)

    def figures(self, what: str, streams: list[PlacedStream], since: float, most_s: float) -> None:
        """Prints the longest time without images of those that moved and of the others; checks the first."""
        until = time.monotonic()
        moved = [s for s in streams if s.visits[-1][0] > since]
        gaps = sorted(s.longest_gap(since, until) for s in moved)
        others = max((s.longest_gap(since, until) for s in streams if s not in moved), default=0.0)
        self.assertTrue(moved, "nobody moved")
        say(f"{what}: {len(moved)} of {len(streams)} streams moved, without images for {gaps[len(gaps) // 2]:.2f} s "
            f"(half of them) and {gaps[-1]:.2f} s (all); the others {others:.2f} s")
        self.assertLess(gaps[-1], most_s)
        self.check_settings(streams)

    def placed(self, server: Server) -> bool:
        """Whether clients that want no other server are sent to this one."""
        others = [s.url for s in self.cluster.servers() if s.url != server.url]
        wish = json.dumps({"session": "asks", "avoid": others}).encode()
        return self.post(wish, TOKEN)[1].get("url") == server.url

    def wait_for_idle(self, count: int) -> None:
        """So many servers run, all of them get clients, and none has one now."""
        self.wait_for_servers(count)
        for server in self.cluster.servers():
            wait(f"{server.url} in the placement", lambda: self.placed(server), 90)
            wait(f"{server.url} without sessions", lambda: not json.loads(get(f"{server.url}/api/sessions"))["sessions"])
        time.sleep(PROMISE_S)

    def wait_for_servers(self, count: int, seconds: float = 90) -> None:
        wait(f"{count} servers", lambda: len(self.cluster.servers()) == count, seconds)

    def busiest(self, streams: list[PlacedStream]) -> Server:
        """The server of most streams."""
        servers = {server.url: server for server in self.cluster.servers()}
        used = [s.server for s in streams]
        url = max(set(used), key=used.count)
        return servers[url]

    def test_0_the_placement_lets_in_who_has_the_token_and_has_the_page(self) -> None:
        base = PLACEMENTS[0].removesuffix("api/place")
        wish = {"session": "a"}
        for body, token, status, code in ((wish, "", 401, "unauthorized"),
                                          (wish, "wrong-token", 401, "unauthorized"),
                                          ({}, TOKEN, 400, "bad_request"),
                                          ({"session": "a b"}, TOKEN, 400, "bad_request"),
                                          ({**wish, "avoid": "all"}, TOKEN, 400, "bad_request"),
                                          ({**wish, "places": 1}, TOKEN, 400, "unknown_parameter"),
                                          ({"session": "a" * 9000}, TOKEN, 413, "too_large")):
            got, answer = self.post(json.dumps(body).encode(), token)
            self.assertEqual((got, answer["error"]["code"]), (status, code), body)
        for body in (b"", b"{", b"\xff", b"[" * 8000):
            self.assertEqual(self.post(body, TOKEN)[0], 400)
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with browser.open(f"{base}?token={TOKEN}", timeout=10) as answer:
            self.assertEqual(answer.url, f"{base}?place=api/place")  # without the token
            self.assertIn(b"<!doctype html>", answer.read())
            self.assertIn("connect-src 'self' http: https:", answer.headers["Content-Security-Policy"])
        self.assertIn("input_params", json.load(browser.open(f"{base}api/settings", timeout=10)))
        with self.assertRaises(urllib.error.HTTPError) as caught:
            browser.open(f"{base}api/sessions", timeout=10)
        self.assertEqual(caught.exception.code, 404)

    @staticmethod
    def post(body: bytes, token: str) -> tuple[int, dict]:
        fields = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(PLACEMENTS[0], body, fields, method="POST"),
                                        timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def test_1_streams_are_spread_and_frames_go_straight_to_their_server(self) -> None:
        self.wait_for_idle(2)
        streams = self.streams(STREAMS)
        shares = [sum(s.server == url for s in streams) for url in {s.server for s in streams}]
        say(f"spread: {sorted(shares)} streams on {len(shares)} servers")
        self.assertEqual(len(shares), 2)
        self.assertLessEqual(max(shares) - min(shares), 2)
        self.check_settings(streams)
        asked = [1e3 * seconds for s in streams for seconds in s.asked_s]
        say(f"POST /api/place: p50 {percentile(asked, 0.5):.0f} ms, most {max(asked):.0f} ms, once a visit; all at once")

    def test_2_a_frame_costs_nothing_more_than_without_ray(self) -> None:
        server = self.cluster.servers()[0]
        ways = {"placed": PlacedStream("placed", PLACEMENTS, self.image, token=TOKEN),
                "direct": DirectStream("direct", [server.url], self.image, token=TOKEN)}
        extra = {}
        for name, stream in ways.items():
            stream.start()
            self.wait_for_images([stream], 200, 120)
            stream.leave()
            stream.join()
            extra[name] = stream.extra_ms
            say(f"{name}: beside the server's own age p50 {percentile(stream.extra_ms, 0.5):.2f} ms, "
                f"p95 {percentile(stream.extra_ms, 0.95):.2f} ms over {len(stream.extra_ms)} images")
        self.assertLess(percentile(extra["placed"], 0.5), percentile(extra["direct"], 0.5) + 5)

    def test_3_a_server_is_killed(self) -> None:
        server = self.kill("server killed", lambda server: server.pid)
        wait("the server at its old address", lambda: answers(f"{server.url}/readyz"), 60)

    def test_4_a_replica_is_killed(self) -> None:
        server = self.kill("replica killed", lambda server: server.replica)
        wait("another server in its place",
             lambda: len(servers := self.cluster.servers()) == 2 and server.pid not in [s.pid for s in servers], 90)

    def kill(self, what: str, pid_of) -> Server:
        """The process `pid_of` the busiest server. Gives that server when its streams go on elsewhere."""
        self.wait_for_idle(2)
        streams = self.streams(STREAMS)
        server = self.busiest(streams)
        since = time.monotonic()
        os.kill(pid_of(server), signal.SIGKILL)
        wait("streams elsewhere", lambda: all(s.server != server.url for s in streams), 60)
        self.wait_for_images(streams)
        self.figures(what, streams, since, 5)
        return server

    def test_5_a_machine_dies(self) -> None:
        self.lose("sdray-b", "machine dies", lambda: self.cluster.end_processes("sdray-b"), 5)

    def test_6_a_link_is_cut(self) -> None:
        self.lose("sdray-b", "link cut", lambda: self.cluster.cut("sdray-b"), WATCHDOG_S + 5)

    def lose(self, machine: str, what: str, fault, most_s: float) -> None:
        """A machine by `fault`; joins it again at the end."""
        self.wait_for_idle(2)
        streams = self.streams(STREAMS)
        lost = [s.url for s in self.cluster.servers() if s.machine == machine]
        self.assertTrue([s for s in streams if s.server in lost], f"no stream on {machine}")
        self.assertEqual(self.cluster.placements(), list(MACHINES))  # one on each, whatever was lost before
        since = time.monotonic()
        try:
            fault()
            wait("streams elsewhere", lambda: all(s.server not in lost for s in streams), 60)
            self.wait_for_images(streams)
            self.figures(what, streams, since, most_s)
        finally:
            self.cluster.mend(machine)
            self.deploy()

    def test_7_all_servers_are_replaced(self) -> None:
        self.wait_for_idle(2)
        streams = self.streams(STREAMS)
        before = {server.pid for server in self.cluster.servers()}
        since = time.monotonic()
        self.deploy("--release next")
        wait("old servers to end", lambda: not before & {s.pid for s in self.cluster.servers()}, 120)
        took = time.monotonic() - since
        self.wait_for_images(streams)
        self.figures(f"rolling update, {took:.0f} s", streams, since, 5)

    def test_8_from_one_server_to_three_and_back(self) -> None:
        self.deploy("--places 3 --spare 1 --min 1 --max 3 --per-machine 2")
        self.wait_for_servers(1, 180)
        streams = self.streams(2)
        self.assertEqual(len(self.cluster.servers()), 1)
        began = time.monotonic()
        streams += self.streams(STREAMS - 2, first=2)
        took = time.monotonic() - began
        self.wait_for_servers(3)
        waits = sorted(s.times[0] - began for s in streams[2:])
        say(f"from 1 to 3 servers: {STREAMS - 2} more streams had images after {waits[0]:.1f} to {waits[-1]:.1f} s")
        self.assertLess(took, 90)
        since = time.monotonic()
        for stream in streams[2:]:
            stream.leave()
        self.wait_for_servers(1, 180)
        say(f"from 3 to 1 servers: {time.monotonic() - since:.1f} s after 6 of 8 streams had left")
        self.wait_for_images(streams[:2])
        gaps = [s.longest_gap(since, time.monotonic()) for s in streams[:2]]
        say(f"    the two that stayed were without images for {max(gaps):.2f} s at most, moved "
            f"{sum(t > since for s in streams[:2] for t, _, _ in s.visits)} times")
        self.assertLess(max(gaps), 5)
        self.check_settings(streams[:2])

    def test_9_the_head_machine_dies(self) -> None:
        """Nothing is started, replaced or placed any more, but streams of other machines go on."""
        self.deploy("--release last")
        self.wait_for_idle(2)
        streams = self.streams(STREAMS)
        kept = [s for s in streams if s.server.startswith(f"http://{MACHINES['sdray-b']}:")]
        self.assertTrue(kept, "no stream on the other machine")
        since = time.monotonic()
        self.cluster.end_processes("sdray-a")
        time.sleep(HEAD_GONE_S)
        self.wait_for_images(kept)
        gap = max(s.longest_gap(since, time.monotonic()) for s in kept)
        say(f"head machine dies: {len(kept)} streams of the other machine go on for {HEAD_GONE_S} s or longer, without "
            f"images for {gap:.2f} s at most")
        self.assertLess(gap, 3)


if __name__ == "__main__":
    if not PROGRAM:
        sys.exit(__doc__)
    unittest.main(verbosity=2)
