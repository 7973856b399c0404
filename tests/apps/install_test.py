#!/usr/bin/env python3
"""What an installed program has beside itself: completion for shells, manual pages, the service.
Usage: install_test.py PROGRAM SOURCE_FOLDER"""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

PROGRAM, SOURCE = sys.argv.pop(1), pathlib.Path(sys.argv.pop(1))


def run(*command, **options):
    return subprocess.run(command, text=True, capture_output=True, check=True, **options).stdout


def commands():
    listed = run(PROGRAM, "--help").split("Subcommands:")[1].split("Without a command")[0]
    return re.findall(r"^  (\w+)", listed, re.M)


class Version(unittest.TestCase):
    def test_a_report_of_a_defect_can_quote_it(self):
        first, *rest = run(PROGRAM, "--version").splitlines()
        self.assertRegex(first, r"^streamdiffusion \d+\.\d+\.\d+$")
        self.assertEqual([line.split()[0] for line in rest if line.split()[0] != "commit"], ["backends", "license"])
        self.assertRegex("\n".join(rest), r"(?m)^backends .*ref$")


class Completion(unittest.TestCase):
    def complete(self, *words):
        """What bash offers for the last of the words."""
        script = run(PROGRAM, "completion", "bash")
        typed = " ".join(f"'{word}'" for word in ("streamdiffusion", *words))
        script += f"COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _streamdiffusion; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return run("bash", "-c", script, cwd="/").split()

    def test_commands_flags_and_words(self):
        self.assertGreater(len(commands()), 8)
        self.assertLessEqual(set(commands()), set(self.complete("")))
        self.assertEqual(self.complete("ser"), ["serve"])
        self.assertEqual(self.complete("serve", "--lame"), ["--lame-duck"])
        self.assertEqual(self.complete("run", "--fit", "co"), ["cover", "contain"])
        self.assertEqual(self.complete("run", "--fit", "=", "co"), ["cover", "contain"], "as bash splits --fit=co")
        self.assertEqual(self.complete("run", "--fit", "="), self.complete("run", "--fit", ""))
        self.assertEqual(self.complete("run", "--quiet", "="), [], "it takes no value")
        self.assertEqual(self.complete("completion", "z"), ["zsh"])
        self.assertIn("/etc/passwd", self.complete("image", "--model", "/etc/pass"))
        self.assertEqual(self.complete("serve", "--port", ""), [], "nobody can guess a port")

    def test_every_flag_of_the_help_is_known_to_every_shell(self):
        scripts = {shell: run(PROGRAM, "completion", shell) for shell in ("bash", "zsh", "fish")}
        for command in commands():
            flags = re.findall(r"^  (?:-\w,)?--([\w-]+)", run(PROGRAM, command, "--help"), re.M)
            self.assertIn("help", flags)
            for flag in flags:
                for shell, script in scripts.items():
                    written = f"-l {flag}" if shell == "fish" else f"--{flag}"
                    self.assertIn(written, script, f"{command} in {shell}")

    def test_the_shells_can_read_it(self):
        for shell in ("bash", "zsh", "fish"):
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=run(PROGRAM, "completion", shell), text=True, check=True)

    def test_another_shell_is_refused(self):
        refused = subprocess.run([PROGRAM, "completion", "csh"], text=True, capture_output=True)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("bash, zsh", refused.stderr)


class ManualPages(unittest.TestCase):
    @unittest.skipUnless(shutil.which("help2man"), "help2man is not installed")
    def test_they_say_what_the_help_says(self):
        with tempfile.TemporaryDirectory() as folder:
            for command in ("", "serve"):
                page = f"{folder}/page.1"
                run(SOURCE / "packaging/man_page.sh", "help2man", PROGRAM, page, "0.1.0", *filter(None, [command]))
                text = pathlib.Path(page).read_text()
                title = "STREAMDIFFUSION-SERVE" if command else "STREAMDIFFUSION"
                self.assertTrue(re.search(rf"^\.TH {title} ", text, re.M), text[:300])
                expected = r"\-\-lame\-duck" if command else "serve"
                self.assertIn(expected, text)
                if shutil.which("man"):
                    rendered = subprocess.run(["man", "--warnings", "-l", page], text=True, capture_output=True,
                                              env=os.environ | {"MANROFFSEQ": "", "MANWIDTH": "120", "LC_ALL": "C.UTF-8"})
                    self.assertEqual((rendered.returncode, rendered.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("help2man") and shutil.which("man"), "help2man or man is not installed")
    def test_examples_can_be_copied_and_no_name_is_cut(self):
        for command in ("", *commands()):
            help_text = run(PROGRAM, *filter(None, [command]), "--help")
            with tempfile.TemporaryDirectory() as folder:
                page = f"{folder}/page.1"
                run(SOURCE / "packaging/man_page.sh", "help2man", PROGRAM, page, "0.1.0", *filter(None, [command]))
                shown = run("man", "--nh", "--nj", "-l", page, env=os.environ | {"MANROFFSEQ": "", "MANWIDTH": "80", "LC_ALL": "C.UTF-8"})
            name = re.search(r"^NAME\n\s*\S+ +- (.*?)\n\n", shown, re.M | re.S).group(1)
            self.assertIn(" ".join(name.split()), " ".join(help_text.split()))
            self.assertRegex(" ".join(help_text.split()), re.escape(" ".join(name.split())) + r"(\.| Usage:)")
            lines = {line.strip() for line in shown.splitlines()}
            for line in help_text.partition("\nExamples:\n")[2].splitlines():
                self.assertIn(line.strip(), lines, command)


class Service(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_its_exposure_is_low(self):
        unit = SOURCE / "packaging/systemd/streamdiffusion.service"
        said = run("systemd-analyze", "security", "--offline=true", unit)
        exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said).group(1))
        self.assertLessEqual(exposure, 2)

    def test_it_is_told_when_the_server_is_ready(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"{folder}/notify")
            manager.settimeout(90)
            server = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--width", "64", "--height", "64"],
                                      env=os.environ | {"NOTIFY_SOCKET": f"{folder}/notify"},
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(server.wait)
            self.addCleanup(server.kill)
            self.assertEqual(manager.recv(100), b"READY=1")


if __name__ == "__main__":
    unittest.main()
