#!/usr/bin/env python3
"""What hostile clients do through HAProxy and nginx: requests of which a proxy and a server might see different ends,
and clients that send or read slowly. Usage: hostile_proxy_test.py PROGRAM DEVICE [HAProxy|Nginx]

Skipped for a proxy that is not installed."""
import json
import os
import pathlib
import re
import signal
import socket
import time
import unittest

from proxies import LAME_DUCK_S, SLOWER, Visitor, WithHAProxy, WithNginx, get, missing, wait

INNER = b"GET /api/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER)


def request(fields: bytes, body: bytes = b"", first: bytes = b"POST /api/txt2img HTTP/1.1") -> bytes:
    return first + b"\r\nHost: localhost\r\nContent-Type: application/json\r\n" + fields + b"\r\n\r\n" + body


LONG = b"Content-Length: %d" % (5 + len(INNER))
# Each carries INNER where one reader sees a body and another one a request of its own.
AMBIGUOUS = {
    "CL.TE": request(LONG + b"\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
    "TE.CL": request(b"Content-Length: 4\r\nTransfer-Encoding: chunked", CHUNKED),
    "two lengths": request(b"Content-Length: 0\r\nContent-Length: %d" % len(INNER), INNER),
    "two lengths the other way": request(b"Content-Length: %d\r\nContent-Length: 0" % len(INNER), INNER),
    "a list of lengths": request(b"Content-Length: 0, %d" % len(INNER), INNER),
    "a signed length": request(b"Content-Length: +0", INNER),
    "a negative length": request(b"Content-Length: -1", INNER),
    "a hexadecimal length": request(b"Content-Length: 0x0", INNER),
    "a length beyond 64 bits": request(b"Content-Length: 18446744073709551616", INNER),
    "space before the colon": request(LONG + b"\r\nTransfer-Encoding : chunked", b"0\r\n\r\n" + INNER),
    "a folded field": request(LONG + b"\r\nX: y\r\n Transfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
    "a folded encoding": request(LONG + b"\r\nTransfer-Encoding:\r\n chunked", b"0\r\n\r\n" + INNER),
    "chunked twice": request(LONG + b"\r\nTransfer-Encoding: chunked, chunked", b"0\r\n\r\n" + INNER),
    "an unknown encoding": request(LONG + b"\r\nTransfer-Encoding: xchunked", b"0\r\n\r\n" + INNER),
    "identity": request(LONG + b"\r\nTransfer-Encoding: identity", b"0\r\n\r\n" + INNER),
    "a vertical tab": request(LONG + b"\r\nTransfer-Encoding: \x0bchunked", b"0\r\n\r\n" + INNER),
    "a bare line feed": request(LONG + b"\nTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
    "a bare carriage return": request(LONG + b"\r\nX: a\rTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
    "a null": request(LONG + b"\r\nX: \0\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER),
    "a chunk size that overflows": request(b"Transfer-Encoding: chunked", b"10000000000000000\r\n" + INNER),
    "a chunk size with a sign": request(b"Transfer-Encoding: chunked", b"-0\r\n\r\n" + INNER),
    "a chunk that ends in a line feed": request(b"Transfer-Encoding: chunked", b"0\n\n" + INNER),
    "a chunk extension": request(b"Transfer-Encoding: chunked", b"0;a=\n\r\n\r\n" + INNER),
    "a trailer": request(b"Transfer-Encoding: chunked", b"0\r\nContent-Length: %d\r\n\r\n" % len(INNER) + INNER),
    "HTTP/1.0 chunked": request(LONG + b"\r\nTransfer-Encoding: chunked", b"0\r\n\r\n" + INNER,
                                b"POST /api/txt2img HTTP/1.0"),
    "a body of GET": request(b"Content-Length: %d" % len(INNER), INNER, b"GET /api/queue HTTP/1.1"),
    "Connection names the length": request(LONG + b"\r\nConnection: Content-Length", b"0\r\n\r\n" + INNER),
    "an upgrade with a body": request(b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 99\r\n"
                                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", INNER,
                                      b"GET /api/ws/smuggler?frames=binary HTTP/1.1"),
}


class Hostile:
    servers = 1

    def served(self) -> int:
        """Requests to no address of the server, which INNER is the only one to make."""
        _, text = get(self.engines[0].port, "/metrics")
        return sum(int(float(n)) for n in re.findall(rb'http_requests_total\{route="none",status="404"\} (\S+)', text))

    def get_patiently(self, path: str) -> tuple[int, bytes]:
        """Again after the proxy's limit of requests a second."""
        while True:
            status, body = get(self.front, path)
            if status != 429:
                return status, body
            time.sleep(0.1)

    def exchange(self, data: bytes) -> bytes:
        """All that comes back."""
        answer = b""
        with socket.create_connection(("127.0.0.1", self.front), 10) as client:
            client.settimeout(SLOWER)
            try:
                client.sendall(data)
                while more := client.recv(65536):
                    answer += more
            except OSError:
                pass
        return answer

    def test_no_request_hides_in_another(self):
        for name, data in AMBIGUOUS.items():
            with self.subTest(name):
                before = self.served()
                answer = self.exchange(data)
                inner = answer.count(b"there is no such address")
                self.assertEqual(self.served() - before, inner, f"the server saw a request that {answer[:300]} does not answer")
                for _ in range(4):  # on connections that the proxy may use again
                    status, body = self.get_patiently("/api/queue")
                    self.assertEqual(status, 200)
                    self.assertIn("queue_size", json.loads(body), "an answer that belongs to another request")

    def connect(self, data: bytes, buffer: int = 0) -> socket.socket:
        client = socket.socket()
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.settimeout(10)
        client.connect(("127.0.0.1", self.front))
        client.sendall(data)
        self.addCleanup(client.close)
        return client

    def is_over(self, client: socket.socket) -> bool:
        """Answered, or closed."""
        client.setblocking(False)
        try:
            client.recv(65536)
            return True
        except BlockingIOError:
            return False
        except OSError:
            return True

    def drip(self, clients: list[socket.socket], data: bytes) -> list[socket.socket]:
        """Sends each one more byte; returns those that are not over."""
        left = [client for client in clients if not self.is_over(client)]
        for client in left:
            try:
                client.setblocking(True)
                client.sendall(data)
            except OSError:
                pass
        return left

    def test_slow_senders_are_cut_off_while_others_draw(self):
        visitor = self.visitors(1)[0]
        heads = [self.connect(b"GET /api/queue HTTP/1.1\r\nX: ") for _ in range(8)]
        bodies = [self.connect(request(b"Content-Length: 100000", b"{")) for _ in range(8)]
        began, images = time.monotonic(), len(visitor.times)
        limit = 45 * SLOWER
        over = {}
        while (heads or bodies) and time.monotonic() - began < limit:
            heads, bodies = self.drip(heads, b"a"), self.drip(bodies, b" ")
            passed = time.monotonic() - began
            if not heads:
                over.setdefault("heads", passed)
            if not bodies:
                over.setdefault("bodies", passed)
            time.sleep(0.5)
        self.assertEqual((len(heads), len(bodies)), (0, 0), f"still held after {limit} s")
        print(f"{type(self).__name__}: slow headers cut off after {over['heads']:.0f} s, bodies after {over['bodies']:.0f} s")
        self.assertLess(over["heads"], 15 * SLOWER)
        self.assertGreater(len(visitor.times), images + 20)

    def memory_mb(self) -> float:
        text = pathlib.Path(f"/proc/{self.engines[0].process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024

    def test_slow_readers_cost_no_memory_and_do_not_hold_up_the_end(self):
        visitor = self.visitors(1)[0]
        before = self.memory_mb()
        stuck = [self.connect(b"GET /api/stream/%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % visitor.id.encode(), 4096)
                 for _ in range(8)]
        deaf = [Visitor(self.front, f"deaf{i}", self.image) for i in range(2)]
        for each in deaf:
            each.deaf = True
            self.addCleanup(lambda v=each: setattr(v, "left", True))
        images = len(visitor.times)
        wait("images beside slow readers", lambda: len(visitor.times) > images + 60, 90)
        if "SD_SANITIZED" not in os.environ:  # AddressSanitizer keeps what is freed for a while
            self.assertLess(self.memory_mb(), before + 150)
        engine = self.engines[0].process
        engine.send_signal(signal.SIGTERM)
        self.assertEqual(engine.wait((LAME_DUCK_S + 20) * SLOWER), 0)
        self.assertEqual(len(stuck), 8)


@unittest.skipIf(missing(WithHAProxy), "haproxy is not installed")
class HAProxy(Hostile, WithHAProxy, unittest.TestCase):
    pass


@unittest.skipIf(missing(WithNginx), "nginx is not installed")
class Nginx(Hostile, WithNginx, unittest.TestCase):
    pass


if __name__ == "__main__":
    unittest.main(verbosity=1)
