"""cmake/parts.cmake: what AUTO, ON and OFF do, and that AUTO looks again. Arguments: CMAKE PARTS_CMAKE."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

CMAKE, PARTS = sys.argv.pop(1), sys.argv.pop(1)
PROJECT = """cmake_minimum_required(VERSION 3.25)
project(parts LANGUAGES NONE)
set(SD_PYTHON ON)
include({})
message(STATUS "SD_OSC is ${{SD_OSC}}")
"""


class PartsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / "CMakeLists.txt").write_text(PROJECT.format(PARTS))
        self.modules = self.folder / "modules"
        self.modules.mkdir()

    def install(self):
        (self.modules / "liblo.pc").write_text("Name: liblo\nDescription: OSC\nVersion: 1\nLibs:\nCflags:\n")

    def configure(self, *options):
        environment = os.environ | {"PKG_CONFIG_LIBDIR": str(self.modules)}
        environment.pop("PKG_CONFIG_PATH", None)
        done = subprocess.run([CMAKE, "-S", str(self.folder), "-B", str(self.folder / "build"), "-DSD_BACKEND_CUDA=OFF", *options],
                              env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def assert_configured(self, value, *options):
        code, said = self.configure(*options)
        self.assertEqual(code, 0, said)
        self.assertIn(f"SD_OSC is {value}", said)
        return said

    def test_auto_builds_what_is_installed_later(self):
        self.assertIn("SD_OSC=AUTO: built without control by OSC (--osc); it needs liblo-dev", self.assert_configured("OFF"))
        self.install()
        self.assertNotIn("SD_OSC=AUTO", self.assert_configured("ON"))
        (self.modules / "liblo.pc").unlink()
        self.assert_configured("OFF")

    def test_off_stays_off(self):
        self.install()
        for value in ("OFF", "off", "0"):
            self.assertNotIn("SD_OSC=AUTO", self.assert_configured("OFF", f"-DSD_OSC={value}"))
        self.assert_configured("OFF")
        self.assert_configured("ON", "-DSD_OSC=AUTO")

    def test_on_without_what_it_needs_is_an_error(self):
        code, said = self.configure("-DSD_OSC=ON")
        self.assertEqual(code, 1, said)
        self.assertIn("SD_OSC is ON, but liblo-dev is not found", said)
        self.install()
        self.assert_configured("ON")

    def test_another_value_is_an_error(self):
        code, said = self.configure("-DSD_OSC=perhaps")
        self.assertEqual(code, 1, said)
        self.assertIn('SD_OSC is "perhaps", expected AUTO, ON or OFF', said)


if __name__ == "__main__":
    unittest.main()
