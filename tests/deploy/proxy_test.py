#!/usr/bin/env python3
"""Two servers behind HAProxy and behind nginx, with the files of deploy/: sessions are spread, their requests
find their server, and a server that ends hands its sessions over. Usage: proxy_test.py PROGRAM DEVICE [HAProxy|Nginx]

Prints how long clients were without images. Skipped for a proxy that is not installed."""
import json
import re
import signal
import socket
import threading
import time
import unittest

from proxies import LAME_DUCK_S, ROOT, Engine, Visitor, WithHAProxy, WithNginx, get, missing, wait


class Spread:
    def test_sessions_are_spread_and_a_server_that_ends_hands_them_over(self):
        visitors = self.visitors(6)
        shares = [len(engine.sessions()) for engine in self.engines]
        self.assertEqual(sum(shares), 6)
        self.check_shares(shares)
        leaving, staying = sorted(self.engines, key=lambda engine: -len(engine.sessions()))
        for visitor in visitors:  # another connection finds the session
            status, body = get(self.front, f"/api/sessions/{visitor.id}")
            self.assertEqual((status, json.loads(body)["id"]), (200, visitor.id))
        moved = [v for v in visitors if v.id in leaving.sessions()]
        began = time.monotonic()
        leaving.process.send_signal(signal.SIGTERM)
        wait("all sessions on the other server",
             lambda: {v.id for v in visitors} <= staying.sessions(), LAME_DUCK_S + 15)
        enough = [len(v.times) + 5 for v in visitors]
        wait("images after that", lambda: all(len(v.times) >= n for v, n in zip(visitors, enough)))
        self.assertEqual(leaving.process.wait(LAME_DUCK_S + 15), 0)
        gaps = [v.longest_gap(began) for v in moved] or [0]
        print(f"{type(self).__name__}: {len(moved)} of {len(visitors)} sessions moved, at most {max(gaps):.2f} s "
              "without an image")
        self.assertLess(max(gaps), 5)

    def test_what_a_client_may_do(self):
        self.check_a_page_is_taken_and_a_stranger_is_not()
        self.check_every_route_of_a_session_finds_it()
        self.check_a_long_prompt_passes()
        self.check_refusals_put_no_server_aside()
        self.check_one_address_has_a_limit()

    def check_a_page_is_taken_and_a_stranger_is_not(self):
        own = f"http://127.0.0.1:{self.front}"
        self.assertEqual(get(self.front, "/api/queue", {"Origin": own})[0], 200)
        self.assertEqual(get(self.front, "/api/queue", {"Origin": "http://evil.example"})[0], 403)
        self.assertEqual(get(self.front, "/api/queue", {"Host": "evil.example"})[0], 403)

    def check_every_route_of_a_session_finds_it(self):
        visitors = self.visitors(2)
        _, body = get(self.front, "/api/openapi.json")
        paths = [path for path, methods in json.loads(body)["paths"].items()
                 if path.startswith("/api/") and "{id}" in path and "get" in methods
                 and "/ws/" not in path and "/stream/" not in path]
        self.assertGreaterEqual(len(paths), 4)
        for path in paths:
            for visitor in visitors:
                for _ in range(4):
                    self.assertNotIn(b"no session with this id", get(self.front, path.replace("{id}", visitor.id))[1])
        text = (ROOT / "deploy" / self.file).read_text()
        kinds = set(re.search(r"\^/api/\(([a-z_|]+)\)/", text).group(1).split("|"))
        # any server sends /view/ID on to the page, and what the page asks for finds its session
        self.assertEqual(kinds, {path.split("/")[2] for path in json.loads(body)["paths"]
                                 if path.startswith("/api/") and "{id}" in path} - {"peers"})

    def check_a_long_prompt_passes(self):
        address = "/api/queue?" + "prompt=" + "%20" * 4096  # it has no such name, and a server says so
        status, body = get(self.front, address)
        self.assertEqual((status, json.loads(body)["error"]["code"]), (400, "unknown_parameter"))

    def check_refusals_put_no_server_aside(self):
        """Nine watchers of one session: the ninth is refused (503)."""
        visitor = self.visitors(1)[0]
        request = f"GET /api/stream/{visitor.id} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        watchers, statuses = [], []
        for _ in range(9):
            watchers.append(socket.create_connection(("127.0.0.1", self.front), 10))
            self.addCleanup(watchers[-1].close)
            watchers[-1].sendall(request)
            statuses.append(watchers[-1].recv(12))
        self.assertEqual(statuses[-1], b"HTTP/1.1 503")
        for watcher in watchers:
            watcher.close()
        for _ in range(8):
            status, _ = get(self.front, f"/api/sessions/{visitor.id}")
            self.assertEqual(status, 200)

    def check_one_address_has_a_limit(self):
        """So many requests at once that some are refused; a moment later all is as before."""
        statuses = []
        threads = [threading.Thread(target=lambda: statuses.extend(get(self.front, "/api/queue")[0] for _ in range(30)))
                   for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertIn(429, statuses)
        wait("an answer", lambda: get(self.front, "/api/queue")[0] == 200)

    def test_a_server_that_is_killed_is_left(self):
        visitors = self.visitors(4)
        killed, staying = sorted(self.engines, key=lambda engine: -len(engine.sessions()))
        moved = [v for v in visitors if v.id in killed.sessions()]
        began = time.monotonic()
        killed.end()
        wait("all sessions on the other server", lambda: {v.id for v in visitors} <= staying.sessions(), 20)
        enough = [len(v.times) + 5 for v in visitors]
        wait("images after that", lambda: all(len(v.times) >= n for v, n in zip(visitors, enough)))
        gaps = [v.longest_gap(began) for v in moved] or [0]
        print(f"{type(self).__name__}: {len(moved)} sessions of a server that was killed, at most {max(gaps):.2f} s "
              "without an image")
        back = Engine(killed.port)
        self.addCleanup(back.end)
        newcomer = [Visitor(self.front, f"n{i}", self.image) for i in range(12)]
        for visitor in newcomer:
            self.addCleanup(lambda v=visitor: setattr(v, "left", True))
        wait("sessions on the server that came back", back.sessions, 30)


@unittest.skipIf(missing(WithHAProxy), "haproxy is not installed")
class HAProxy(Spread, WithHAProxy, unittest.TestCase):
    def check_shares(self, shares):
        self.assertLessEqual(abs(shares[0] - shares[1]), 2, "the fewest connections first")


@unittest.skipIf(missing(WithNginx), "nginx is not installed")
class Nginx(Spread, WithNginx, unittest.TestCase):
    def check_shares(self, shares):
        pass  # by the hash of the id, which may be uneven for six


if __name__ == "__main__":
    unittest.main(verbosity=1)
