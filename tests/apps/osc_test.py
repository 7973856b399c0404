#!/usr/bin/env python3
"""`run --osc`: a stream is changed and asked while it runs. Usage: osc_test.py PROGRAM DEVICE"""
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
LONGEST = 90 * float(os.environ.get("SD_TEST_PATIENCE", "1"))  # seconds


def padded(text):
    data = text.encode() + b"\0"
    return data + b"\0" * (-len(data) % 4)


def message(address, types="", *values):
    data = padded(address) + padded("," + types)
    for kind, value in zip(types, values, strict=True):
        data += padded(value) if kind == "s" else struct.pack(">" + kind, value)
    return data


class Controlled(unittest.TestCase):
    def start(self, *flags):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        command = [PROGRAM, "run", "--input", "lavfi:testsrc=size=64x64:rate=20", "--output", f"{folder.name}/out.mp4",
                   "--realtime", "--width", "64", "--height", "64", "--device", DEVICE, *flags]
        program = subprocess.Popen(command, text=True, stderr=subprocess.PIPE)
        watchdog = threading.Timer(LONGEST, program.kill)
        watchdog.start()
        self.addCleanup(lambda: (watchdog.cancel(), program.kill(), program.wait(), program.stderr.close()))
        return program

    def test_parameters_change_and_are_told(self):
        program = self.start("--osc", "0", "--seed", "5")
        line = ""
        while "OSC on" not in line:
            line = program.stderr.readline()
            self.assertTrue(line, "the program ended")
        port = int(re.search(r"OSC on 127.0.0.1:(\d+)", line).group(1))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as controller:
            controller.settimeout(30)

            def ask(*words):
                controller.sendto(message(*words), ("127.0.0.1", port))
                return controller.recv(8192)

            self.assertEqual(ask("/streamdiffusion/seed"), message("/streamdiffusion/seed", "i", 5))
            bundle = b"#bundle\0" + struct.pack(">q", 1)
            for part in (message("/seed", "f", 9), message("/prompt", "s", "blue fish")):
                bundle += struct.pack(">i", len(part)) + part
            controller.sendto(bundle, ("127.0.0.1", port))
            self.assertEqual(ask("/seed"), message("/streamdiffusion/seed", "i", 9))
            self.assertEqual(ask("/prompt"), message("/streamdiffusion/prompt", "s", "blue fish"))
            self.assertIn(b"/streamdiffusion/error", ask("/width", "i", 128))
            self.assertIn(b"/streamdiffusion/error", ask("/delta", "f", -1))
            self.assertIn(b"live", ask("/get_status"))
        program.terminate()
        program.communicate()
        self.assertEqual(program.returncode, 143)

    def test_other_machines_need_a_word(self):
        program = self.start("--osc", "0.0.0.0:9000")
        said = program.communicate()[1]
        self.assertEqual(program.returncode, 2)
        self.assertIn("expected --osc-insecure", said)

    def test_flags_that_do_nothing_are_named(self):
        program = self.start("--osc-reply", "9000", "--duration", "0.2")
        self.assertIn("--osc-reply", program.communicate()[1])


if __name__ == "__main__":
    unittest.main()
