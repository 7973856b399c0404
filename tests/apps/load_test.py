"""The load tools against the program's own model: every kind of client is served, and the books balance.
Usage: load_test.py PROGRAM DEVICE TOOLS [LoadByVideo]"""
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

PROGRAM, DEVICE, TOOLS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
LONGEST = 120
sys.path.append(str(TOOLS))
IMAGE = TOOLS.parents[1] / "samples/doodle/003.png"
NOBODY = ("--streams=0", "--visitors=0", "--viewers=0", "--posters=0")

import load  # noqa: E402


class Tool(unittest.TestCase):
    def run_tool(self, name, *arguments):
        done = subprocess.run([sys.executable, str(TOOLS / name), *arguments], text=True, capture_output=True,
                              timeout=LONGEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def serve(self, *flags) -> tuple[subprocess.Popen, str]:
        """A server, and its port."""
        server = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--device", DEVICE, "--width", "64", "--height", "64",
                                   "--max-sessions", "16", "--batching", "8", *flags], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        watchdog = threading.Timer(LONGEST, server.kill)
        watchdog.start()
        self.addCleanup(lambda: (watchdog.cancel(), server.kill(), server.communicate()))
        return server, re.search(r":(\d+)", server.stdout.readline()).group(1)

    def assert_images(self, kind: str, said: str) -> None:
        images = re.search(rf"^{kind} .* (\d+) images", said, re.MULTILINE)
        self.assertIsNotNone(images, said)
        self.assertGreater(int(images.group(1)), 0, said)


class Load(Tool):
    def test_clients_of_all_kinds_are_served(self):
        server, port = self.serve()
        said = self.run_tool("mixed.py", "--port", port, "--pid", str(server.pid), "--streams", "3", "--visitors", "2",
                             "--viewers", "4", "--posters", "2", "--pause", "0.5", "--seconds", "4")
        for kind in ("streams", "visitors", "viewers", "posters"):
            self.assert_images(kind, said)
        self.assertIn("no problem found", said)

    def test_some_clients_are_slow_and_rude(self):
        server, port = self.serve()
        said = self.run_tool("load.py", "--port", port, "--pid", str(server.pid), "--clients", "3", "--rude", "1",
                             "--slow", "1", "--seconds", "3")
        self.assertRegex(said, r"(?s)age seen .*images .*memory .*captured .*no problem found")

    def test_a_server_that_dies_is_said(self):
        for name, *clients in (("load.py",), ("mixed.py", "--visitors=0", "--viewers=0", "--posters=0")):
            server, port = self.serve()
            dies = threading.Timer(1, server.kill)
            dies.start()
            done = subprocess.run([sys.executable, str(TOOLS / name), "--port", port, "--seconds", "3", *clients],
                                  text=True, capture_output=True, timeout=LONGEST)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertNotIn("Traceback", done.stderr)
            self.assertIn(f"no answer of http://127.0.0.1:{port} in the end", done.stdout)

    def test_a_server_that_ends_waits_for_a_slow_client(self):
        def narrow(address, timeout):
            end = socket.socket()
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            end.settimeout(timeout)
            end.connect(address)
            return end

        server, port = self.serve()
        with mock.patch("socket.create_connection", narrow):
            client = load.Client("127.0.0.1", int(port), "slow")
        self.addCleanup(client.socket.close)
        for seq in range(100):
            client.send_frame(seq, IMAGE.read_bytes())
            time.sleep(0.02)
        server.send_signal(signal.SIGTERM)
        began = time.monotonic()
        with self.assertRaisesRegex(ConnectionError, "^close 1001$"):
            while True:
                client.receive()
                client.send_frame(100, IMAGE.read_bytes())  # as one that is not told yet does
                time.sleep(0.12)
        self.assertGreater(time.monotonic() - began, 2, "the client was not slow")
        self.assertEqual(server.wait(LONGEST), 0)

    def test_a_table_of_sessions_is_printed(self):
        said = self.run_tool("sessions_table.py", "--program", PROGRAM, "--sessions", "1", "2", "--seconds", "1", "--fps",
                             "4", "--", "--device", DEVICE, "--width", "64", "--height", "64")
        self.assertRegex(said, r"\| 2 \| [\d.]+ \| \d+ ms \| [\d.]+ \| \d+ ms \|")


class WithoutAServer(Tool):
    """A port on which nobody listens, and arguments that are wrong."""

    def fails(self, status, name, *arguments) -> str:
        done = subprocess.run([sys.executable, str(TOOLS / name), *arguments], text=True, capture_output=True,
                              timeout=LONGEST)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout + done.stderr

    def test_what_was_not_measured_is_not_printed_as_a_number(self):
        said = self.fails(1, "fleet.py", "--server", "http://localhost:1", "--clients", "1", "--seconds", "1")
        self.assertIn("no image", said)
        self.assertNotRegex(said, "gap|overhead")

    def test_a_server_that_is_not_there_is_said_at_once(self):
        for name in ("mixed.py", "load.py"):
            said = self.fails(1, name, "--port", "1", "--seconds", "100000")
            self.assertRegex(said, rf"\A{name}: no answer of http://127.0.0.1:1: .*\n\Z")

    def test_a_server_that_does_not_start_says_why(self):
        said = self.fails(1, "sessions_table.py", "--program", PROGRAM, "--batching", "banana")
        self.assertRegex(said, "(?s)the server did not start: .*--batching.*banana.*expected")

    def test_numbers_that_measure_nothing_are_refused(self):
        for number in ("nan", "inf", "0", "-3", "1e300", "many", ""):
            for flag in ("--seconds", "--fps"):
                for name, *others in (("mixed.py",), ("load.py",), ("sessions_table.py", "--program", PROGRAM),
                                      ("fleet.py", "--server", "http://localhost:1")):
                    with self.subTest(name=name, flag=flag, number=number):
                        self.assertIn(f"argument {flag}: '{number}', expected a number above 0",
                                      self.fails(2, name, *others, f"{flag}={number}"))

    def test_what_else_is_wrong_is_said_in_a_line(self):
        with tempfile.TemporaryDirectory() as folder:
            nested = pathlib.Path(folder, "nested")
            pathlib.Path(nested, "inside").mkdir(parents=True)
            empty, text = pathlib.Path(folder, "empty"), pathlib.Path(folder, "text")
            for path in (empty, text):
                path.mkdir()
            pathlib.Path(text, "words.png").write_text("no image")
            for name, *arguments, said in (
                    ("mixed.py", "--images", "/nonexistent", "--images: /nonexistent: No such file"),
                    ("mixed.py", "--images", str(empty), "it is empty"),
                    ("load.py", "--images", str(nested), "inside: Is a directory"),
                    ("load.py", "--images", str(text), "words.png', expected a JPEG, PNG or WebP"),
                    ("mixed.py", "--pid", "2147483647", "expected the id of a process that runs"),
                    ("mixed.py", "--port", "0", "expected a whole number from 1 to 65535"),
                    ("mixed.py", "--streams", "-1", "expected a whole number from 0"),
                    ("mixed.py", "--streams", "0", "--viewers watch streams"),
                    ("mixed.py", *NOBODY, "no client"),
                    ("load.py", "--clients", "2", "expected one more at least"),
                    ("sessions_table.py", "--program", PROGRAM, "--sessions", "0", "expected a whole number from 1 to 64"),
                    ("sessions_table.py", "--program", "/nonexistent", "expected a program that can be run"),
                    ("fleet.py", "--server", "localhost:1", "expected an address"),
                    ("fleet.py", "--server", "http://localhost:1", "--clients", "0", "expected a whole number from 1"),
                    ("fleet.py", "--server", "http://localhost:1", "--image", "/nonexistent", "No such file"),
                    ("fleet.py", "--server", "http://localhost:1", "--token-file", "/nonexistent/token",
                     "--token-file: /nonexistent/token: No such file")):
                with self.subTest(name=name, arguments=arguments):
                    self.assertIn(said, self.fails(2, name, *arguments).splitlines()[-1])


class LoadByVideo(Tool):
    """Needs aiortc, and a program with WebRTC."""

    def test_clients_by_webrtc_are_in_the_same_books(self):
        _, port = self.serve("--webrtc", "on")
        said = self.run_tool("mixed.py", "--port", port, "--streams", "1", "--visitors", "0", "--viewers", "0",
                             "--posters", "0", "--webrtc", "2", "--seconds", "6")
        for kind in ("streams", "webrtc"):
            self.assert_images(kind, said)
        self.assertIn("no problem found", said)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *(sys.argv[4:] or ["Load", "WithoutAServer"])])
