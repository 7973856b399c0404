"""Programs of a desktop that a test starts for itself, in a folder of its own."""
import contextlib
import os
import pathlib
import subprocess
import tempfile
import time
import unittest

LONGEST = 60 * float(os.environ.get("SD_TEST_PATIENCE", "1"))  # seconds that anything may take


class DesktopCase(unittest.TestCase):
    """A subclass sets `environment`, in which its programs run."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.stack = self.enterContext(contextlib.ExitStack())
        (self.folder / "run").mkdir(mode=0o700)

    def start(self, name, *command, stdin=subprocess.DEVNULL):
        log = self.stack.enter_context(open(self.folder / f"{name}.log", "w+"))
        process = subprocess.Popen(command, env=self.environment, stdin=stdin, stdout=log, stderr=log)
        self.stack.callback(process.wait)
        self.stack.callback(process.kill)
        return process

    def wait_for(self, condition):
        end = time.monotonic() + LONGEST
        while not (found := condition()):
            self.assertLess(time.monotonic(), end, self.said())
            time.sleep(0.05)
        return found

    def said(self):
        return {path.name: path.read_text()[-2000:] for path in [*self.folder.glob("*.log"), *self.folder.glob("*.txt")]}
