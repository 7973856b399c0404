"""`run --input screen` under Wayland: stand-ins for the desktop's portal and for its screen, on a session bus and in a PipeWire of the
test's own. Arguments: PROGRAM DEVICE SCREEN."""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import unittest
import zlib

from desktop_case import LONGEST, DesktopCase

PROGRAM, DEVICE, SCREEN = sys.argv.pop(1), sys.argv.pop(1), sys.argv.pop(1)
PORTAL = pathlib.Path(__file__).parent / "fake_portal.py"
PYTHON = "/usr/bin/python3"  # which has Debian's python3-gi
SIZE = 64
# Without the services of this machine, whose portal would else be started.
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>"""

for needed in ["dbus-daemon", "pipewire", "wireplumber", "pw-dump", PYTHON]:
    if shutil.which(needed) is None:
        print(f"skipped: {needed} is not installed")
        sys.exit(77)
if subprocess.run([PYTHON, "-c", "from gi.repository import Gio"], capture_output=True).returncode != 0:
    print("skipped: python3-gi is not installed")
    sys.exit(77)


RED, GREEN, BLUE, WHITE = b"\xff\0\0", b"\0\xff\0", b"\0\0\xff", b"\xff\xff\xff"
# What the screen draws as "quarters", by rows.
QUARTERS = ((RED, GREEN), (BLUE, WHITE))


def write_png(path, rows):
    """Each color becomes a block of the image, which is SIZE wide and high."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 2, 0, 0, 0)
    pixels = b"".join((b"\0" + b"".join(color * (SIZE // len(row)) for color in row)) * (SIZE // len(rows)) for row in rows)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))
    return path


def rotated(rows):
    """By 90 degrees, counter-clockwise."""
    return tuple(zip(*rows))[::-1]


def flipped(rows):
    """Left is right."""
    return tuple(row[::-1] for row in rows)


class PortalTest(DesktopCase):
    def setUp(self):
        super().setUp()
        self.calls = self.folder / "calls.txt"
        self.shared = self.folder / "node.txt"
        self.shared.write_text("0")
        self.screen = None
        self.made = {}
        self.token = self.folder / ".cache/streamdiffusion/screen-cast-token"
        kept = {k: v for k, v in os.environ.items()
                if k not in ("PIPEWIRE_REMOTE", "XDG_CACHE_HOME", "DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
        self.environment = kept | {"XDG_RUNTIME_DIR": str(self.folder / "run"), "HOME": str(self.folder),
                                   "WAYLAND_DISPLAY": "wayland-0"}

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

    def start_screen(self, *lines, options=()):
        """A node as a desktop makes it, one for each sharing: who leaves keeps a buffer or two. It obeys these lines."""
        if self.screen:
            self.screen.kill()
            self.screen.wait()
            self.wait_for(lambda: self.node("screen") is None)
        self.screen = self.start("screen", SCREEN, *options, stdin=subprocess.PIPE)
        self.stack.callback(self.screen.stdin.close)
        self.tell(*lines)
        self.shared.write_text(str(self.wait_for(lambda: self.node("screen"))))

    def tell(self, *lines):
        self.screen.stdin.write("".join(line + "\n" for line in lines).encode())
        self.screen.stdin.flush()

    def start_portal(self, how):
        before = self.calls.read_text().count("ready") if self.calls.exists() else 0
        self.portal = self.start("portal", PYTHON, str(PORTAL), how, str(self.shared), str(self.calls))
        self.wait_for(lambda: self.calls.exists() and self.calls.read_text().count("ready") > before)

    def share(self, *lines, how="share"):
        self.start_bus()
        self.start_pipewire()
        self.start_screen(*lines)
        self.start_portal(how)

    def command(self, *arguments, input="screen"):
        return [PROGRAM, "run", "--device", DEVICE, "--threads", "1", "--width", str(SIZE), "--height", str(SIZE), "--t-index-list",
                "30", "--prompt", "red apple", "--input", input, "--output", str(self.folder / "out"), *arguments]

    def run_to_end(self, *arguments, input="screen"):
        return subprocess.run(self.command(*arguments, input=input), env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LONGEST)

    def images(self):
        return sorted((self.folder / "out").glob("*.png"))

    def assert_refused(self, done, *texts, code=1):
        self.assertEqual(done.returncode, code, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    def image_of(self, input):
        """The bytes of the image that one frame of the input gives."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        done = self.run_to_end("--frames", "1", "--no-realtime", input=input)
        self.assertEqual(done.returncode, 0, [done.stderr, self.said()])
        return self.images()[0].read_bytes()

    def image_of_rows(self, *rows):
        if rows not in self.made:
            self.made[rows] = self.image_of(str(write_png(self.folder / "drawn.png", rows)))
        return self.made[rows]

    def test_the_shared_screen_is_the_input_in_every_format(self):
        self.share()
        expected = self.image_of_rows((RED,))
        for pixels, drawing in (("BGRx", "red"), ("RGBx", "red"), ("BGRA", "red"), ("RGBA", "red"), ("BGRx", "blue")):
            with self.subTest(pixels=pixels, drawing=drawing):
                self.tell(f"format {pixels}", f"draw {drawing}")
                self.assertEqual(self.image_of("screen") == expected, drawing == "red")

    def test_a_turned_screen_is_upright(self):
        self.share()
        expected = [self.image_of_rows(*QUARTERS), self.image_of_rows((GREEN,))]
        # As Wayland names them: the screen is flipped first, then rotated, so often by 90 degrees.
        for flips in (0, 1):
            for turns in (0, 1, 2, 3):
                # What is upright when that is undone.
                undone = QUARTERS
                for _ in range(turns):
                    undone = rotated(rotated(rotated(undone)))
                undone = flipped(undone) if flips else undone
                with self.subTest(flips=flips, turns=turns):
                    self.start_screen("draw quarters", f"turn {4 * flips + turns}")
                    self.assertEqual(self.image_of("screen"), self.image_of_rows(*undone))
                    # The quarter that is green in memory, by its place in the upright image.
                    y = [GREEN in row for row in undone].index(True)
                    x = undone[y].index(GREEN)
                    self.assertEqual(self.image_of(f"screen:{32 * x},{32 * y},32x32"), expected[1])
        self.assertNotEqual(*expected)

    def test_a_window_in_a_larger_image(self):
        self.share("draw quarters", "stride 320", "crop 32 0 32 32")
        self.assertEqual(self.image_of("screen"), self.image_of_rows((GREEN,)))
        self.tell("crop 0 0 0 0")
        self.assertEqual(self.image_of("screen"), self.image_of_rows(*QUARTERS))
        self.tell("crop 16 0 64 64")
        self.assert_refused(self.run_to_end(), "screen: the desktop shows 64x64 at 16,0, which is not inside its image of 64x64")
        self.tell("crop 0 0 0 0", "stride 32")
        self.assert_refused(self.run_to_end(), "screen: PipeWire gives an image of ", "with rows of 256 at least")

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
            self.assertEqual(self.token.stat().st_mode & 0o777, 0o600)
            self.assertIn("shared last time" if restored else "asks what to share", done.stderr)
            self.wait_for(lambda: "left" in self.calls.read_text())
            self.portal.kill()
            self.portal.wait()
            self.start_portal("share")
            self.token.write_text(f"token-{self.portal.pid}")

    def test_a_choice_that_cannot_be_kept_or_read_is_told(self):
        self.share()
        self.token.parent.mkdir(parents=True)
        for content, text in ((b"\xff", "is no token"), (b"x" * 5000, "screen-cast-token")):
            self.token.write_bytes(content)
            done = self.run_to_end("--frames", "1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stderr, "screen: the desktop asks anew: .*" + text)
        for made in (lambda: self.token.mkdir(), lambda: self.environment.pop("HOME")):
            self.token.unlink(missing_ok=True) if not self.token.is_dir() else None
            made()
            done = self.run_to_end("--frames", "1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("screen: the desktop will ask again next time: ", done.stderr)

    def test_an_old_portal_asks_each_time(self):
        self.share(how="old")
        for _ in range(2):
            self.assertEqual(self.run_to_end("--frames", "1").returncode, 0)
        self.assertNotIn("token", self.calls.read_text().replace("handle_token", "").replace("session_handle_", ""))
        self.assertFalse(self.token.exists())

    def test_a_part_of_the_screen(self):
        self.share("size 96 80")
        done = self.run_to_end("--frames", "1", input="screen:32,16,64x64")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.run_to_end("--frames", "1", input="screen:33,16,64x64")
        self.assert_refused(done, "screen:33,16,64x64: the part is not inside what is shared, of 96x80", code=2)

    def test_a_refusal_and_failures_are_told(self):
        self.start_bus()
        for how, text in (("refuse", "screen: the user or the desktop has refused to share a screen"),
                          ("fail", "screen: the desktop's portal has failed: Start has ended with the code 2"),
                          ("leave", "screen: the desktop's portal has ended before it answered Start"),
                          ("nothing", "screen: the desktop's portal has shared nothing"),
                          ("no-screens", "screen: the desktop's portal shares no screens"),
                          ("odd", "screen: the desktop's portal has answered CreateSession in another way"),
                          ("no-session", "screen: the desktop's portal has made no session"),
                          ("silent", "screen: the desktop's portal has not answered CreateSession within 10 s")):
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
        self.shared.write_text("4711")
        self.start_portal("share")
        self.assert_refused(self.run_to_end(), "screen: the desktop shows nothing: PipeWire says")

    def test_a_screen_in_the_memory_of_a_card_is_an_error(self):
        self.start_bus()
        self.start_pipewire()
        self.start_screen(options=["--dmabuf"])
        self.start_portal("share")
        # PipeWire says that no format suits both, or nothing at all.
        self.assert_refused(self.run_to_end(), "error: screen: ", "; expected images in shared memory, of BGRx, RGBx, BGRA or RGBA")

    def test_ctrl_c_ends_the_program_while_the_dialog_is_open(self):
        self.start_bus()
        self.start_portal("wait")
        program = self.start("program", *self.command())
        self.wait_for(lambda: "Start" in self.calls.read_text())
        program.send_signal(signal.SIGINT)
        self.assertEqual(program.wait(LONGEST), 130, self.said())
        self.wait_for(lambda: "left" in self.calls.read_text())  # whereupon a portal closes its dialog

    def stream(self, *lines, input="screen"):
        """A program that reads the screen; it has made images."""
        self.share(*lines)
        program = self.start("program", *self.command(input=input))
        self.wait_for(lambda: len(self.images()) > 2)
        return program

    def program_said(self):
        return (self.folder / "program.log").read_text()

    def wait_for_more(self):
        """Until an image is there that was begun after this call."""
        count = len(self.images())
        self.wait_for(lambda: len(self.images()) > count + 3)

    def end_of(self, program):
        return program.wait(LONGEST), self.program_said()

    def last_image(self, program):
        """What the program had made when it was stopped."""
        program.send_signal(signal.SIGINT)
        code, said = self.end_of(program)
        self.assertEqual(code, 130, said)
        return self.images()[-1].read_bytes()

    def stop_in_stream(self, stop):
        program = self.stream()
        stop()
        return self.end_of(program)

    def test_a_size_that_changes(self):
        program = self.stream("size 96 80")
        before = "96x80"
        for width, height, drawing in ((128, 112, "blue"), (32, 48, "red"), (64, 64, "blue")):
            self.tell(f"size {width} {height}", f"draw {drawing}")
            text = f"screen: what is shared has changed its size, from {before} to {width}x{height}"
            self.wait_for(lambda: text in self.program_said())
            before = f"{width}x{height}"
        self.wait_for_more()
        self.assertEqual(self.last_image(program), self.image_of_rows((BLUE,)))

    def test_a_part_that_a_new_size_has_not_is_an_error(self):
        program = self.stream("size 96 80", input="screen:32,16,64x64")
        self.tell("size 64 64")
        code, said = self.end_of(program)
        self.assertEqual(code, 2, said)
        self.assertIn("screen:32,16,64x64: the part is not inside what is shared, of 64x64", said)

    def test_buffers_without_an_image_are_none(self):
        program = self.stream()
        for sent in ("empty", "corrupt"):
            self.tell(f"send {sent}")
            self.wait_for_more()
        self.assertEqual(self.last_image(program), self.image_of_rows((RED,)))

    def test_a_desktop_that_ends_the_stream_is_the_end_of_the_input(self):
        code, said = self.stop_in_stream(lambda: self.tell("end"))
        self.assertEqual(code, 0, said)
        self.assertIn("screen: the user or the desktop has ended the sharing", said)

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
        self.share()
        program = self.start("program", *self.command("--frames", "12"))
        self.wait_for(lambda: len(self.images()) > 2)
        self.screen.send_signal(signal.SIGSTOP)
        self.stack.callback(self.screen.send_signal, signal.SIGCONT)
        self.assertEqual(program.wait(LONGEST), 0, self.said())


if __name__ == "__main__":
    unittest.main()
