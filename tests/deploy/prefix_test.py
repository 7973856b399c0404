#!/usr/bin/env python3
"""A server behind a proxy that serves it under a path prefix. Usage: prefix_test.py PROGRAM DEVICE"""
import http.client
import http.cookiejar
import http.server
import re
import threading
import unittest
import urllib.parse
import urllib.request

from proxies import Engine, free_port

TOKEN = "open-sesame-1234"


class Mount(http.server.BaseHTTPRequestHandler):
    """A proxy that serves the server on port `behind` under /draw."""

    def do_GET(self):
        if not self.path.startswith("/draw/"):
            return self.send_error(404)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=60)
        connection.request("GET", self.path.removeprefix("/draw"), headers=dict(self.headers))
        answer = connection.getresponse()
        body = answer.read()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    def log_message(self, *_):
        pass


class UnderAPrefix(unittest.TestCase):
    def test_a_link_with_a_token_leads_to_the_page_and_all_its_parts(self):
        engine = Engine(free_port(), "--token", TOKEN)
        self.addCleanup(engine.end)
        proxy = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mount)
        proxy.behind = engine.port
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        self.addCleanup(lambda: (proxy.shutdown(), proxy.server_close()))
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        mount = f"http://127.0.0.1:{proxy.server_port}/draw/"
        with browser.open(f"{mount}?token={TOKEN}", timeout=60) as answer:
            self.assertEqual(answer.url, mount)
            page = answer.read().decode()
        parts = set(re.findall(r'(?:src|href)="([^"#:?]+)"', page))
        self.assertGreater(len(parts), 3, page)
        for part in [*parts, "api/queue"]:
            with browser.open(urllib.parse.urljoin(mount, part), timeout=60) as answer:
                self.assertEqual(answer.status, 200, part)
                self.assertTrue(answer.url.startswith(mount), part)


if __name__ == "__main__":
    unittest.main()
