"""`run --input screen` under Wayland: a stand-in for the desktop's portal, and screens by GStreamer, on a session bus and in a PipeWire of
the test's own. Arguments: PROGRAM DEVICE."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
PORTAL = pathlib.Path(__file__).parent / "fake_portal.py"
PYTHON = "/usr/bin/python3"  # which has Debian's python3-gi
LONGEST = 60 * float(os.environ.get("SD_TEST_PATIENCE", "1"))  # seconds that anything may take
SIZE = 64
# Without the services of this machine, whose portal would else be started.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""

for needed in ["dbus-daemon", "pipewire", "wireplumber", "pw-dump", "gst-launch-1.0", PYTHON]:
    if shutil.which(needed) is None:
        print(f"skipped: {needed} is not installed")
        sys.exit(77)
if subprocess.run([PYTHON, "-c", "from gi.repository import Gio"], capture_output=True).returncode != 0:
    print("skipped: python3-gi is not installed")
    sys.exit(77)


def write_png(path, color):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    rows = (b"\0" + bytes(color) * SIZE) * SIZE
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


class PortalTest(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(contextlib.ExitStack())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.calls = self.folder / "calls.txt"
        self.token = self.folder / ".cache/streamdiffusion/screen-cast-token"
        (self.folder / "run").mkdir(mode=0o700)
        kept = {k: v for k, v in os.environ.items()
                if k not in ("PIPEWIRE_REMOTE", "XDG_CACHE_HOME", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
        self.environment = kept | {"XDG_RUNTIME_DIR": str(self.folder / "run"), "HOME": str(self.folder),
                                   "WAYLAND_DISPLAY": "wayland-0"}

    def start(self, name, *command):
        log = self.stack.enter_context(open(self.folder / f"{name}.log", "w+"))
        process = subprocess.Popen(command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
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

    def start_bus(self):
        settings = self.folder / "bus.conf"
        settings.write_text(BUS.format(self.folder / "run/bus"))
        self.bus = self.start("dbus", "dbus-daemon", f"--config-file={settings}", "--nofork")
        self.wait_for((self.folder / "run/bus").exists)

    def start_pipewire(self):
        self.pipewire = self.start("pipewire", "pipewire")
        self.wait_for((self.folder / "run/pipewire-0").exists)
        self.start("wireplumber", "wireplumber")

    def node(self, name):
        """The number of a node of PipeWire; None while there is none."""
        dump = subprocess.run(["pw-dump"], env=self.environment, capture_output=True, text=True, timeout=LONGEST).stdout
        for thing in json.loads(dump or "[]"):
            properties = (thing.get("info") or {}).get("props") or {}
            if thing["type"] == "PipeWire:Interface:Node" and properties.get("node.name") == name:
                return thing["id"]
        return None

    def start_screen(self, pixels="BGRx", pattern="red", width=SIZE, height=SIZE, frames=-1):
        """A node as a desktop makes it."""
        self.screen = self.start("screen", "gst-launch-1.0", "-e", "videotestsrc", "is-live=true", f"pattern={pattern}",
                                 f"num-buffers={frames}", "!",
                                 f"video/x-raw,format={pixels},width={width},height={height},framerate=20/1", "!", "pipewiresink",
                                 "mode=provide", "stream-properties=props,node.name=screen,media.class=Video/Source")
        return self.wait_for(lambda: self.node("screen"))

    def start_portal(self, how, node=0):
        before = self.calls.read_text().count("ready") if self.calls.exists() else 0
        self.portal = self.start("portal", PYTHON, str(PORTAL), how, str(node), str(self.calls))
        self.wait_for(lambda: self.calls.exists() and self.calls.read_text().count("ready") > before)

    def share(self, how="share", **screen):
        self.start_bus()
        self.start_pipewire()
        self.start_portal(how, self.start_screen(**screen))

    def command(self, *arguments, input="screen"):
        return [PROGRAM, "run", "--device", DEVICE, "--threads", "1", "--width", str(SIZE), "--height", str(SIZE), "--t-index-list",
                "30", "--prompt", "red apple", "--input", input, "--output", str(self.folder / "out"), *arguments]

    def run_to_end(self, *arguments, input="screen"):
        return subprocess.run(self.command(*arguments, input=input), env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LONGEST)

    def images(self):
        return sorted((self.folder / "out").glob("*.png"))

    def assert_refused(self, done, *texts):
        self.assertEqual(done.returncode, 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    def image_of(self, input):
        """The bytes of the image that one frame of the input gives."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        done = self.run_to_end("--frames", "1", "--no-realtime", input=input)
        self.assertEqual(done.returncode, 0, [done.stderr, self.said()])
        return self.images()[0].read_bytes()

    def test_the_shared_screen_is_the_input_in_every_format(self):
        self.start_bus()
        self.start_pipewire()
        expected = self.image_of(str(write_png(self.folder / "red.png", (255, 0, 0))))
        for pixels, pattern in (("BGRx", "red"), ("RGBx", "red"), ("BGRA", "red"), ("RGBA", "red"), ("BGRx", "blue")):
            with self.subTest(pixels=pixels, pattern=pattern):
                self.start_portal("share", self.start_screen(pixels, pattern))
                self.assertEqual(self.image_of("screen") == expected, pattern == "red")
                for process in (self.screen, self.portal):
                    process.kill()
                    process.wait()
                self.wait_for(lambda: self.node("screen") is None)

    def test_the_user_is_asked_once_and_again_where_that_is_wished(self):
        self.share()
        for text, restored in (("screen", False), ("screen", True), ("screen:portal", False)):
            self.calls.write_text("")
            done = self.run_to_end("--frames", "1", input=text)
            self.assertEqual(done.returncode, 0, done.stderr)
            calls = self.calls.read_text()
            self.assertIn("persist_mode=2", calls)
            self.assertIn("cursor_mode=2", calls)
            self.assertEqual(f"restore_token=token-{self.portal.pid}" in calls, restored, calls)
            self.assertEqual(self.token.read_text(), f"token-{self.portal.pid}")
            self.wait_for(lambda: "left" in self.calls.read_text())
            self.portal.kill()
            self.portal.wait()
            self.start_portal("share", self.node("screen"))
            self.token.write_text(f"token-{self.portal.pid}")

    def test_a_part_of_the_screen(self):
        self.share(width=96, height=80)
        done = self.run_to_end("--frames", "1", input="screen:32,16,64x64")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_to_end("--frames", "1", input="screen:33,16,64x64")
        self.assert_refused(done, "screen:33,16,64x64: the part is not inside what is shared, of 96x80")

    def test_a_refusal_and_failures_are_told(self):
        self.start_bus()
        for how, text in (("refuse", "screen: the user or the desktop has refused to share a screen"),
                          ("fail", "screen: the desktop's portal has failed: Start has ended with the code 2"),
                          ("leave", "screen: the desktop's portal has ended before it answered Start"),
                          ("nothing", "screen: the desktop's portal has shared nothing"),
                          ("no-screens", "screen: the desktop's portal shares no screens")):
            with self.subTest(how):
                self.start_portal(how)
                self.assert_refused(self.run_to_end(), text)
                self.portal.kill()
                self.portal.wait()

    def test_a_desktop_without_a_portal_is_told_and_what_helps(self):
        self.assert_refused(self.run_to_end(), "screen: there is no session bus")
        self.start_bus()
        self.assert_refused(self.run_to_end(), "screen: this desktop has no portal", "install xdg-desktop-portal")

    def test_a_pipewire_without_the_node_is_told(self):
        self.start_bus()
        self.start_pipewire()
        self.start_portal("share", 4711)
        self.assert_refused(self.run_to_end(), "screen: the desktop shows nothing: PipeWire says")

    def test_ctrl_c_ends_the_program_while_the_dialog_is_open(self):
        self.start_bus()
        self.start_portal("wait")
        program = self.start("program", *self.command())
        self.wait_for(lambda: "Start" in self.calls.read_text())
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(LONGEST), 130, self.said())
        self.wait_for(lambda: "left" in self.calls.read_text())  # whereupon a portal closes its dialog

    def stop_in_stream(self, stop, how="share"):
        self.share(how)
        program = self.start("program", *self.command("--no-realtime"))
        self.wait_for(lambda: len(self.images()) > 2)
        stop()
        return program.wait(LONGEST), (self.folder / "program.log").read_text()

    def test_a_sharing_that_the_user_ends_is_the_end_of_the_input(self):
        code, said = self.stop_in_stream(lambda: self.portal.send_signal(signal.SIGUSR1))
        self.assertEqual(code, 0, said)
        self.assertIn("screen: the user or the desktop has ended the sharing", said)

    def test_a_screen_that_goes_away_is_the_end_of_the_input(self):
        code, said = self.stop_in_stream(lambda: self.screen.kill())
        self.assertEqual(code, 0, said)
        self.assertIn("screen: the user or the desktop has ended the sharing", said)

    def test_a_pipewire_that_ends_is_an_error(self):
        code, said = self.stop_in_stream(lambda: self.pipewire.kill())
        self.assertEqual(code, 1, said)
        self.assertIn("screen: PipeWire has ended", said)

    def test_a_bus_that_ends_is_an_error(self):
        code, said = self.stop_in_stream(lambda: self.bus.kill())
        self.assertEqual(code, 1, said)
        self.assertIn("screen: the session bus has ended", said)

    def test_a_screen_that_stands_still_goes_on(self):
        self.start_bus()
        self.start_pipewire()
        self.start_portal("share", self.start_screen(frames=-1))
        program = self.start("program", *self.command("--frames", "12"))
        self.wait_for(lambda: len(self.images()) > 2)
        self.screen.send_signal(signal.SIGSTOP)
        self.stack.callback(self.screen.send_signal, signal.SIGCONT)
        self.assertEqual(program.wait(LONGEST), 0, self.said())


if __name__ == "__main__":
    unittest.main()
