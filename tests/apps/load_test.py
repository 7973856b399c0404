"""The load tools against the program's own model: every kind of client is served, and the books balance.
Usage: load_test.py PROGRAM DEVICE TOOLS [LoadByVideo]"""
import pathlib
import re
import subprocess
import sys
import threading
import unittest

PROGRAM, DEVICE, TOOLS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
LONGEST = 120


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

    def test_a_table_of_sessions_is_printed(self):
        said = self.run_tool("sessions_table.py", "--program", PROGRAM, "--sessions", "1", "2", "--seconds", "1", "--fps",
                             "4", "--", "--device", DEVICE, "--width", "64", "--height", "64")
        self.assertRegex(said, r"\| 2 \| [\d.]+ \| \d+ ms \| [\d.]+ \| \d+ ms \|")


class WithoutAServer(Tool):
    """A port on which nobody listens."""

    def fails(self, name, *arguments) -> str:
        done = subprocess.run([sys.executable, str(TOOLS / name), *arguments], text=True, capture_output=True,
                              timeout=LONGEST)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done.stdout + done.stderr

    def test_what_was_not_measured_is_not_printed_as_a_number(self):
        said = self.fails("fleet.py", "--server", "http://localhost:1", "--clients", "1", "--seconds", "1")
        self.assertIn("no image", said)
        self.assertNotRegex(said, "gap|overhead")
        said = self.fails("load.py", "--port", "1", "--clients", "3", "--rude", "0", "--seconds", "1")
        self.assertIn("no image", said)
        self.assertIn("no answer of http://127.0.0.1:1", said)
        self.assertNotRegex(said, "p95")

    def test_what_is_missing_is_said_in_a_line(self):
        said = self.fails("mixed.py", "--port", "1", "--seconds", "1")
        self.assertRegex(said, r"\Amixed.py: no answer of http://127.0.0.1:1: .*\n\Z")
        said = self.fails("fleet.py", "--server", "http://localhost:1", "--token-file", "/nonexistent/token")
        self.assertRegex(said, r"\Afleet.py: /nonexistent/token: .*\n\Z")


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
