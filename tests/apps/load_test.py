"""The load tools against the program's own model: every kind of client is served, and the books balance."""
import pathlib
import re
import subprocess
import sys
import threading
import unittest

PROGRAM, DEVICE, TOOLS = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
LONGEST = 120


class Load(unittest.TestCase):
    def run_tool(self, name, *arguments):
        done = subprocess.run([sys.executable, str(TOOLS / name), *arguments], text=True, capture_output=True,
                              timeout=LONGEST)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_clients_of_all_kinds_are_served(self):
        server = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--device", DEVICE, "--width", "64", "--height", "64",
                                   "--max-sessions", "16", "--batching", "8"], text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL)
        watchdog = threading.Timer(LONGEST, server.kill)
        watchdog.start()
        self.addCleanup(lambda: (watchdog.cancel(), server.kill(), server.communicate()))
        port = re.search(r":(\d+)", server.stdout.readline()).group(1)
        said = self.run_tool("mixed.py", "--port", port, "--pid", str(server.pid), "--streams", "3", "--visitors", "2",
                             "--viewers", "4", "--posters", "2", "--pause", "0.5", "--seconds", "4")
        for kind in ("streams", "visitors", "viewers", "posters"):
            images = re.search(rf"^{kind} .* (\d+) images", said, re.MULTILINE)
            self.assertIsNotNone(images, said)
            self.assertGreater(int(images.group(1)), 0, said)
        self.assertIn("no problem found", said)

    def test_a_table_of_sessions_is_printed(self):
        said = self.run_tool("sessions_table.py", "--program", PROGRAM, "--sessions", "1", "2", "--seconds", "1", "--fps",
                             "4", "--", "--device", DEVICE, "--width", "64", "--height", "64")
        self.assertRegex(said, r"\| 2 \| [\d.]+ \| \d+ ms \| [\d.]+ \| \d+ ms \|")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
