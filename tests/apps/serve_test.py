#!/usr/bin/env python3
"""The real program serves over TLS with a token, and ends in order on SIGTERM. Usage: serve_test.py PROGRAM DEVICE"""
import json
import re
import signal
import ssl
import subprocess
import sys
import threading
import unittest
import urllib.error
import urllib.request

PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
TOKEN = "open-sesame-1234"
LONGEST = 90  # seconds that the program may live


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
        status, picture = self.get("/api/txt2img", TOKEN, data=body)
        self.assertEqual((status, picture[:4]), (200, b"\x89PNG"))

    def test_4_plain_http_on_the_tls_port_is_told_so(self):
        with self.assertRaises((urllib.error.URLError, ConnectionError)):
            with urllib.request.urlopen(self.address.replace("https", "http") + "/healthz", timeout=30) as answer:
                self.fail(f"answered {answer.status}")

    def test_5_sigterm_ends_it_in_order(self):
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(timeout=30), 0)


if __name__ == "__main__":
    unittest.main()
