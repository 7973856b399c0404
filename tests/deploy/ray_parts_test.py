#!/usr/bin/env python3
"""The parts of deploy/ray that need no Ray: places, the scaling policy, the flags, and the supervisor of a server,
with the real program. Usage: ray_parts_test.py PROGRAM DEVICE"""
import argparse
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools/load"), str(ROOT / "deploy/ray")]
from load import Client  # noqa: E402
from streamdiffusion_ray import server_process, settings  # noqa: E402
from streamdiffusion_ray.places import PROMISE_S, REFUSED_S, Places  # noqa: E402
from streamdiffusion_ray.policy import ByPlaces  # noqa: E402

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
SLOWER = float(os.environ.get("SD_TEST_PATIENCE", "1"))
NOBODY = frozenset()


def wait(what: str, condition, seconds: float = 60):
    end = time.monotonic() + seconds * SLOWER
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


class PlacesTest(unittest.TestCase):
    def test_a_promise_holds_until_its_session_comes_or_it_is_late(self):
        places = Places(2)
        self.assertTrue(places.take("a", NOBODY, now=0))
        self.assertEqual(places.free(NOBODY, now=0), 1)
        self.assertEqual(places.free(frozenset("a"), now=0.1), 1)  # it came: not counted twice
        self.assertTrue(places.take("b", frozenset("a"), now=0.2))
        self.assertFalse(places.take("c", frozenset("a"), now=0.3))
        self.assertTrue(places.take("b", frozenset("a"), now=0.4))  # asks again, as its answer was lost
        self.assertEqual(places.free(frozenset("a"), now=0.4 + PROMISE_S + 0.1), 1)

    def test_who_is_refused_counts_once_and_is_forgotten(self):
        places = Places(1)
        places.take("a", NOBODY, now=0)
        for now in (0.1, 0.2):
            self.assertFalse(places.take("b", frozenset("a"), now=now))
        self.assertFalse(places.take("c", frozenset("a"), now=0.3))
        self.assertEqual(places.refused(now=0.4), 2)
        self.assertTrue(places.take("b", NOBODY, now=0.5))
        self.assertEqual(places.refused(now=0.6), 1)
        self.assertEqual(places.refused(now=0.6 + REFUSED_S), 0)


class PolicyTest(unittest.TestCase):
    def test_there_is_room_for_sessions_for_who_waits_and_for_the_spare(self):
        policy = ByPlaces(places=4, spare=1, most_age_ms=500)
        for present, sessions, waiting, wanted in ((1, [3], [0], 1), (1, [4], [0], 2), (1, [4], [2], 2),
                                                   (2, [4, 4], [3, 1], 3), (3, [1, 1, 1], [0, 0, 0], 1)):
            self.assertEqual(policy.wanted(present, sessions, waiting, []), wanted, (present, sessions, waiting))

    def test_old_images_add_a_server_and_keep_those_that_are_there(self):
        policy = ByPlaces(places=4, spare=0, most_age_ms=500)
        self.assertEqual(policy.wanted(2, [1, 1], [0, 0], [120, 501]), 3)
        self.assertEqual(policy.wanted(2, [1, 1], [0, 0], [120, 300]), 2)
        self.assertEqual(policy.wanted(2, [1, 1], [0, 0], [120, 200]), 1)

    def test_without_a_report_nothing_changes(self):
        self.assertEqual(ByPlaces(4, 1, 500).wanted(3, [], [], []), 3)


class PortTest(unittest.TestCase):
    def test_replicas_of_a_machine_that_start_together_take_different_ports(self):
        first = server_process.Port(21860, 21862)
        second = server_process.Port(21860, 21862)  # nothing listens yet on the first one's
        self.assertNotEqual(first.number, second.number)
        with server_process.socket.socket() as listener:
            third = server_process.Port(21860, 21862)
            listener.bind(("", third.number))
            listener.listen()
            with self.assertRaises(OSError) as caught:
                server_process.Port(21860, 21862)
            self.assertIn("21860 to 21862", str(caught.exception))
        for port in (first, second, third):
            port.close()
        again = server_process.Port(21860, 21862)
        self.assertEqual(again.number, 21860)
        again.close()


class SettingsTest(unittest.TestCase):
    def read(self, *words: str, flags: tuple[str, ...] = ()) -> settings.Settings:
        parser = argparse.ArgumentParser(exit_on_error=False)
        settings.add_flags(parser)
        return settings.from_flags(parser.parse_args(words), list(flags))

    def test_what_cannot_be_meant_is_refused_with_its_flag(self):
        for words, flags, named in (((), (), "--token-file"), (("--insecure", "--min", "3"), (), "--min 3"),
                                    (("--token-file", "/nonexistent/token"), (), "--token-file /nonexistent/token"),
                                    (("--insecure", "--spare", "4"), (), "--spare 4"),
                                    (("--insecure", "--advertise", "http://{ip}"), (), "--advertise"),
                                    (("--insecure", "--advertise", "http://{name}:{port}"), (), "--advertise"),
                                    (("--insecure",), ("--port=1",), "--port")):
            with self.assertRaises(settings.Mistake) as caught:
                self.read(*words, flags=flags)
            self.assertIn(named, str(caught.exception))

    def test_a_token_file_is_read_or_named(self):
        with self.assertRaises(settings.Mistake) as caught:
            settings.read_token("/nonexistent/token")
        self.assertIn("/nonexistent/token", str(caught.exception))
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("# of the lab\n\nfirst-token sessions=2\nother-token\n")
            file.flush()
            self.assertEqual(settings.read_token(file.name), "first-token")
        self.assertEqual(self.read("--insecure", "--ports", "7860-7899", "--max", "3").ports, (7860, 7899))


class CommandTest(unittest.TestCase):
    def test_without_ray_a_line_says_what_brings_it(self):
        package = pathlib.Path(settings.__file__).parent.parent
        # -S: without the packages that are installed
        done = subprocess.run([sys.executable, "-S", "-m", "streamdiffusion_ray", "status"], cwd=package, text=True,
                              capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertRegex(done.stderr, r"\Astreamdiffusion_ray: Python finds no ray.*\n\Z")


class ServerProcessTest(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def start(self, *flags: str, program: str = PROGRAM) -> server_process.ServerProcess:
        lock = server_process.Port()
        self.addCleanup(lock.close)
        self.port = lock.number
        process = server_process.ServerProcess(
            [program, "serve", "--port", str(self.port), "--device", DEVICE, "--threads", "1", "--width", "64",
             "--height", "64", *flags], self.port)
        self.addCleanup(process.end, 30 * SLOWER)
        return process

    def connect(self) -> Client:
        client = Client("127.0.0.1", self.port, "a")
        self.addCleanup(client.socket.close)
        return client

    def test_a_server_that_is_killed_starts_again_on_its_port(self):
        process = self.start()
        process.wait_ready()
        client = self.connect()
        wait("its session", lambda: process.report.sessions == {"a"})
        process._child.kill()
        wait("no report", lambda: not process.report.ready)
        process.wait_ready()
        self.assertEqual((process.starts, process.report.sessions), (2, NOBODY))
        client.socket.close()

    def test_a_server_that_hangs_is_ended_and_starts_again(self):
        process = self.start()
        process.wait_ready()
        process._child.send_signal(signal.SIGSTOP)
        wait("another one", lambda: process.starts == 2 and process.report.ready, server_process.HUNG_S + 60)

    def test_clients_are_told_to_move_when_it_ends(self):
        process = self.start("--lame-duck", "20")
        process.wait_ready()
        client = self.connect()
        wait("its session", lambda: process.report.sessions == {"a"})
        ending = ServerEnd(process)
        said = b""
        while b'"moving"' not in said:  # a server that got SIGTERM twice closes without it
            said = client.receive()[1]
        client.socket.close()
        ending.join(20 * SLOWER)
        self.assertEqual(ending.status, 0)

    def test_a_program_that_cannot_start_is_given_up_with_its_words(self):
        process = self.start("--width", "7")
        with self.assertRaises(RuntimeError) as caught:
            process.wait_ready()
        self.assertIn("--width", str(caught.exception))
        self.assertEqual(process.starts, server_process.MOST_FAILURES)
        with self.assertRaises(RuntimeError) as caught:
            self.start(program="/nonexistent/streamdiffusion").wait_ready()
        self.assertIn("/nonexistent/streamdiffusion", str(caught.exception))


class ServerEnd(threading.Thread):
    """Ends a server beside the test."""

    def __init__(self, process: server_process.ServerProcess):
        super().__init__(daemon=True)
        self.process, self.status = process, None
        self.start()

    def run(self) -> None:
        self.status = self.process.end(60 * SLOWER)


if __name__ == "__main__":
    unittest.main(verbosity=1)
