#!/usr/bin/env python3
"""The real program serves over TLS with a token, and ends in time on SIGTERM. Usage: serve_test.py PROGRAM DEVICE"""
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
TOKEN = "open-sesame-1234"
LONGEST = 90 * float(os.environ.get("SD_TEST_PATIENCE", "1"))  # seconds that the program may live


class Served(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([PROGRAM, "serve", "--port", "0", "--self-signed", "--token", TOKEN,
                                       "--device", DEVICE, "--width", "64", "--height", "64"],
                                      text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        cls.watchdog = threading.Timer(LONGEST, cls.server.kill)  # then reading ends, and the test fails
        cls.watchdog.start()
        cls.said = ""
        address = None
        while address is None:
            line = cls.server.stdout.readline()
            if not line:
                cls.watchdog.cancel()
                raise RuntimeError(f"the server ended, or said no address in {LONGEST} s: {cls.said}")
            cls.said += line
            address = re.search(r"https://\S+:\d+", line)
        cls.address = address.group()

    @classmethod
    def tearDownClass(cls):
        cls.watchdog.cancel()
        cls.server.kill()
        cls.server.wait()
        cls.server.stdout.close()

    def get(self, path, token=None, **request):
        trust = ssl.create_default_context()
        trust.check_hostname = False
        trust.verify_mode = ssl.CERT_NONE
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        call = urllib.request.Request(self.address + path, headers=headers, **request)
        try:
            with urllib.request.urlopen(call, context=trust, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def test_1_health_asks_for_no_token(self):
        self.assertEqual(self.get("/healthz")[0], 200)

    def test_2_everything_else_does(self):
        self.assertEqual(self.get("/api/queue")[0], 401)
        self.assertEqual(self.get("/api/queue", "wrong-sesame-123")[0], 401)
        self.assertEqual(self.get("/api/queue", TOKEN)[0], 200)

    def test_3_the_page_and_a_picture_come_over_tls(self):
        self.assertIn(b"<html", self.get("/", TOKEN)[1])
        body = json.dumps({"prompt": "red apple", "format": "png"}).encode()
        status, image = self.get("/api/txt2img", TOKEN, data=body)
        self.assertEqual((status, image[:4]), (200, b"\x89PNG"))

    def test_4_plain_http_on_the_tls_port_is_told_so(self):
        with self.assertRaises((urllib.error.URLError, ConnectionError)):
            with urllib.request.urlopen(self.address.replace("https", "http") + "/healthz", timeout=30) as answer:
                self.fail(f"answered {answer.status}")

    def test_5_sigterm_ends_it_in_order(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(timeout=30), 0)


LARGE = json.dumps({"width": 1024, "height": 1024, "steps": 8, "cfg_type": "full", "guidance_scale": 2}).encode()


POLL = 0.1  # seconds; a client may ask only so often


def post_large(port):
    """A connection on which an image that takes long is in flight."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"POST /api/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                       b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    return connection


class Started(unittest.TestCase):
    """A test with a server of its own."""

    def start(self, *flags, before=()):
        device = [] if "--device" in flags else ["--device", DEVICE]
        server = subprocess.Popen([*before, PROGRAM, "serve", "--port", "0", *device, "--width", "64", "--height", "64",
                                   *flags], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        watchdog = threading.Timer(LONGEST, server.kill)
        watchdog.start()
        self.addCleanup(lambda: (watchdog.cancel(), server.kill(), server.communicate()))
        address = re.search(r":(\d+)", server.stdout.readline())
        self.assertIsNotNone(address, "the server said no address")
        return server, int(address.group(1))


@unittest.skipIf("SD_SANITIZED" in os.environ, "UBSan opens a pipe to check the type of an object")
class Descriptors(Started):
    def healthy(self, port):
        """Asks again where its own connection gave way to others before its request was read, as a balancer does."""
        for _ in range(9):
            with contextlib.suppress(ConnectionError, http.client.RemoteDisconnected):
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
                    return answer.status == 200
        return False

    def test_where_they_are_short_idle_clients_give_way(self):
        limit = ["prlimit", "--nofile=24:24"]
        server, port = self.start("--max-connections-per-address", "64", before=limit)
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
        for _ in range(3):  # while they are open, and then without them
            self.assertTrue(self.healthy(port))
        for connection in idle:
            connection.close()
        self.assertTrue(self.healthy(port))
        server.terminate()
        said = server.communicate(timeout=30)[1]
        self.assertIn("at most 24 files may be open (ulimit -n)", said)
        self.assertIn("all file descriptors are in use: idle connections are closed", said)


class Browser(unittest.TestCase):
    """`serve --open`, with a stand-in for xdg-open that tells its arguments."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.told = self.folder / "told"
        os.mkfifo(self.told)  # reading waits until the stand-in writes
        opener = self.folder / "xdg-open"
        opener.write_text(f'#!/bin/sh\necho "$@" > {self.told}\n')
        opener.chmod(0o755)

    def serve(self, *flags, **environment):
        kept = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
        server = subprocess.Popen(
            [PROGRAM, *flags], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=kept | {"PATH": f"{self.folder}:{os.environ['PATH']}"} | environment)
        watchdog = threading.Timer(LONGEST, server.kill)
        watchdog.start()
        self.addCleanup(lambda: (watchdog.cancel(), server.kill(), server.communicate()))
        return server

    def small(self, *flags):
        return ("serve", "--open", "--port", "0", "--device", DEVICE, "--width", "64", "--height", "64", *flags)

    def said(self, server, words):
        """The first line on stderr with these words; fails if the server ends without."""
        for line in server.stderr:
            if words in line:
                return line
        self.fail(f"the server ended without saying: {words}")

    def test_it_opens_the_address_and_ends_by_ctrl_c(self):
        server = self.serve(*self.small(), DISPLAY=":0")
        address = server.stdout.readline().strip()
        self.assertEqual(self.told.read_text().strip(), address)
        server.send_signal(signal.SIGINT)
        self.assertEqual(server.wait(timeout=30), 0)

    def test_without_a_display_it_says_what_to_do(self):
        server = self.serve(*self.small())
        self.said(server, "no display here: open the address above")

    def test_the_token_is_not_shown_to_other_programs(self):
        server = self.serve(*self.small("--token", TOKEN), DISPLAY=":0")
        self.said(server, "not opened: the address above needs the token")

    def test_without_a_command_it_is_what_runs(self):
        with socket.socket() as taken:
            with contextlib.suppress(OSError):  # another program may have the port already
                taken.bind(("127.0.0.1", 7860))
                taken.listen()
            server = self.serve()
            self.said(server, "7860")
            self.assertNotEqual(server.wait(timeout=LONGEST), 0)


class Ended(Started):
    """However busy it is, the server ends when it has promised to."""

    def active(self, port):
        with urllib.request.urlopen(f"http://localhost:{port}/api/queue", timeout=60) as answer:
            return json.load(answer)["queue_size"]

    def busy(self, *flags):
        server, port = self.start("--max-work", "100000000", *flags)
        connections = [post_large(port) for _ in range(4)]
        self.addCleanup(lambda: [connection.close() for connection in connections])
        while self.active(port) < 4:
            time.sleep(POLL)
        return server, port

    def test_sigterm_cuts_off_what_is_not_done(self):
        server, _ = self.busy("--drain-timeout", "1")
        begin = time.monotonic()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=LONGEST), 0)
        self.assertLess(time.monotonic() - begin, 10)  # of the one second; the machine may be busy

    def test_a_second_signal_ends_the_lame_duck_too(self):
        server, port = self.busy("--lame-duck", "3600", "--device", "ref")
        server.send_signal(signal.SIGTERM)
        while "a second signal ends them at once" not in server.stderr.readline():
            self.assertIsNone(server.poll())
        with self.assertRaises(urllib.error.HTTPError) as ready:
            urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=60).close()
        self.assertEqual((ready.exception.code, ready.exception.headers["Retry-After"]), (503, "5"))
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=LONGEST), -signal.SIGTERM)

    def test_a_second_signal_ends_it_at_once(self):
        # One op of the reference lasts long enough, and nothing can end it.
        server, port = self.busy("--drain-timeout", "3600", "--device", "ref")
        server.send_signal(signal.SIGTERM)
        with self.assertRaises(urllib.error.HTTPError):
            while True:  # until it has heard the first one
                urllib.request.urlopen(f"http://localhost:{port}/readyz", timeout=60).close()
                time.sleep(POLL)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=LONGEST), -signal.SIGTERM)


class Certificate(Started):
    """Its files are read again at SIGHUP."""

    def make(self, folder, name):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", f"/CN={name}", "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem"],
                       check=True, capture_output=True)
        return ssl.PEM_cert_to_DER_cert(pathlib.Path(folder, "cert.pem").read_text())

    def served(self, port):
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", port)) as plain, context.wrap_socket(plain) as wrapped:
            return wrapped.getpeercert(binary_form=True)

    def test_a_new_certificate_is_served_and_a_broken_one_is_not(self):
        with tempfile.TemporaryDirectory() as folder:
            first = self.make(folder, "first")
            token = pathlib.Path(folder) / "token"
            token.write_text("from-a-file-123\n")
            server, port = self.start("--cert", f"{folder}/cert.pem", "--key", f"{folder}/key.pem",
                                      "--token-file", str(token))
            self.assertEqual(self.served(port), first)
            second = self.make(folder, "second")
            server.send_signal(signal.SIGHUP)
            while self.served(port) != second:  # the watchdog ends this
                pass
            pathlib.Path(folder, "cert.pem").write_text("no certificate")
            server.send_signal(signal.SIGHUP)
            while "is kept" not in server.stderr.readline():
                pass
            self.assertEqual(self.served(port), second)


class Promise(Started):
    """--min-fps on the program's own model: what the device has no time for is refused, with what would fit."""

    def ask(self, port, path, body=None, token=None):
        request = urllib.request.Request(f"http://localhost:{port}{path}", data=body)
        if body:
            request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=LONGEST) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def test_more_than_the_device_can_is_refused_with_what_fits(self):
        server, port = self.start("--min-fps", "1", "--max-work", "100000000")
        while "a frame of what sessions start with takes" not in (line := server.stderr.readline()):
            self.assertIsNone(server.poll())
        self.assertRegex(line, "if nothing else needs this machine; less beside other work|one such session at a time")
        queue = json.loads(self.ask(port, "/api/queue")[1])
        self.assertEqual((queue["load"], queue["min_fps"]), (0, 1))
        status, body = self.ask(port, "/api/txt2img", LARGE)
        error = json.loads(body)["error"]
        self.assertEqual((status, error["code"]), (503, "too_much_load"))
        self.assertIn("1024x1024 with 8 steps takes about", error["message"])
        self.assertGreater(error["load"], error["free_load"])
        self.assertLessEqual(error["free_load"], 1)
        fitting = json.loads(LARGE) | {"width": error["fitting_width"], "height": error["fitting_height"]}
        self.assertEqual(self.ask(port, "/api/txt2img", json.dumps(fitting).encode())[0], 200)

    def test_a_token_has_its_limits(self):
        with tempfile.TemporaryDirectory() as folder:
            tokens = pathlib.Path(folder) / "tokens"
            tokens.write_text("# of the lab\nfirst-token load=0.0001\nother-token sessions=1\n")
            server, port = self.start("--min-fps", "1", "--token-file", str(tokens))
            while "1 of the tokens may take less of the device" not in server.stderr.readline():
                self.assertIsNone(server.poll())
            small = json.dumps({"width": 64, "height": 64}).encode()
            status, body = self.ask(port, "/api/txt2img", small, "first-token")
            self.assertEqual((status, json.loads(body)["error"]["code"]), (403, "token_limit"))
            self.assertEqual(self.ask(port, "/api/txt2img", small, "other-token")[0], 200)
            self.assertEqual(self.ask(port, "/api/queue", token="third-token")[0], 401)

    def test_a_share_needs_a_promise(self):
        with tempfile.TemporaryDirectory() as folder:
            tokens = pathlib.Path(folder) / "tokens"
            tokens.write_text("first-token load=0.5\n")
            said = subprocess.run([PROGRAM, "serve", "--port", "0", "--token-file", str(tokens)], text=True,
                                  capture_output=True, timeout=LONGEST)
            self.assertNotEqual(said.returncode, 0)
            self.assertIn("expected --min-fps", said.stderr)
            tokens.write_text("first-token seats=2\n")
            said = subprocess.run([PROGRAM, "serve", "--port", "0", "--token-file", str(tokens)], text=True,
                                  capture_output=True, timeout=LONGEST)
            self.assertIn("line 1", said.stderr)
            self.assertNotIn("first-token", said.stderr)

    def test_a_bad_word_for_batching_is_named(self):
        said = subprocess.run([PROGRAM, "serve", "--port", "0", "--batching", "sometimes"], text=True,
                              capture_output=True, timeout=LONGEST)
        self.assertNotEqual(said.returncode, 0)
        self.assertIn("sometimes", said.stderr)
        self.assertIn("auto", said.stderr)


class HangUp(Started):
    """A terminal that is closed does not end the server."""

    def test_without_a_certificate_it_is_ignored_with_a_line(self):
        server, port = self.start()
        with urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60) as answer:
            self.assertEqual(answer.status, 200)
        server.send_signal(signal.SIGHUP)
        while "without --cert there is nothing to read again" not in server.stderr.readline():
            self.assertIsNone(server.poll())
        with urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=60) as answer:
            self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
