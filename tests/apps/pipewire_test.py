"""The camera of `run --output pipewire`, read by GStreamer, in a PipeWire of the test's own. Arguments: PROGRAM DEVICE."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from desktop_case import LONGEST, DesktopCase

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
NEEDED = ["dbus-run-session", "pipewire", "wireplumber", "pw-dump", "gst-launch-1.0"]
SIZE, FRAMES = 64, 5

for needed in NEEDED:
    if shutil.which(needed) is None:
        print(f"skipped: {needed} is not installed")
        sys.exit(77)


def camera(title):
    """The number of the camera in PipeWire; None while there is none."""
    dump = subprocess.run(["pw-dump"], capture_output=True, text=True, timeout=LONGEST).stdout
    for thing in json.loads(dump or "[]"):
        if thing["type"] != "PipeWire:Interface:Node":
            continue
        properties = (thing.get("info") or {}).get("props") or {}
        if properties.get("node.description") == title:
            return thing["id"]
    return None


class PipeWireTest(DesktopCase):
    def setUp(self):
        super().setUp()
        self.environment = os.environ | {"XDG_RUNTIME_DIR": str(self.folder / "run"), "HOME": str(self.folder)}
        self.environment.pop("PIPEWIRE_REMOTE", None)

    def run_pipewire(self):
        os.environ["XDG_RUNTIME_DIR"] = self.environment["XDG_RUNTIME_DIR"]  # of pw-dump
        self.pipewire = self.start("pipewire", "pipewire")
        self.wait_for(lambda: (self.folder / "run/pipewire-0").exists())
        self.start("wireplumber", "dbus-run-session", "wireplumber")

    def stream(self, output):
        return self.start("streamdiffusion", PROGRAM, "run", "--device", DEVICE, "--threads", "1", "--width", str(SIZE),
                          "--height", str(SIZE), "--t-index-list", "30", "--prompt", "red apple", "--input",
                          f"lavfi:color=c=white:s={SIZE}x{SIZE}:r=10", "--realtime", "--output", output)

    def test_other_programs_read_the_images_in_the_format_that_they_ask_for(self):
        self.run_pipewire()
        self.stream("pipewire:Red apples")
        number = self.wait_for(lambda: camera("Red apples"))
        for pixels, bytes_of_frame in (("BGRx", 4 * SIZE * SIZE), ("NV12", SIZE * SIZE * 3 // 2)):
            raw = self.folder / f"{pixels}.raw"
            subprocess.run(["gst-launch-1.0", "-q", "pipewiresrc", f"path={number}", f"num-buffers={FRAMES}", "!",
                            f"video/x-raw,format={pixels},width={SIZE},height={SIZE}", "!", "filesink",
                            f"location={raw}"], env=self.environment, timeout=LONGEST, check=True)
            content = raw.read_bytes()
            self.assertEqual(len(content), FRAMES * bytes_of_frame, self.said())
            last = content[-bytes_of_frame:]
            self.assertGreater(len(set(last)), 16)  # an image, not one color

    def test_a_pipewire_that_ends_is_an_error_and_not_a_silent_camera(self):
        self.run_pipewire()
        stream = self.stream("pipewire:Red apples")
        self.wait_for(lambda: camera("Red apples"))
        self.pipewire.terminate()
        self.assertEqual(stream.wait(LONGEST), 1, self.said())
        self.assertIn("pipewire: ", self.said()["streamdiffusion.log"])

    def test_where_no_pipewire_runs_that_is_said_before_the_model_is_opened(self):
        done = subprocess.run([PROGRAM, "run", "--input", "lavfi:color", "--output", "pipewire"], env=self.environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LONGEST)
        self.assertEqual(done.returncode, 1)
        self.assertIn("pipewire: no PipeWire can be reached", done.stderr)


if __name__ == "__main__":
    unittest.main()
