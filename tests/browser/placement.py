"""A placement as that of deploy/ray, with as many servers as a test wants: POST /api/place names the first that is
ready and not to be avoided, and everything else comes from the first server of all."""
import contextlib
import http.server
import json
import threading
import urllib.error
import urllib.request


class Placement(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.servers: list[str] = []  # addresses, without a slash at the end
        self.wishes: list[dict] = []  # the bodies of POST /api/place
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.server_address[1]}"

    @property
    def address(self) -> str:
        """For the browser."""
        return f"{self.origin}/"

    def find(self, avoid: list[str]) -> str | None:
        for server in sorted(self.servers, key=lambda server: server in avoid):
            with contextlib.suppress(OSError):  # an HTTP error is one too
                urllib.request.urlopen(f"{server}/readyz", timeout=0.5).close()
                return server
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    server: Placement

    def do_POST(self) -> None:
        wish = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.wishes.append(wish)
        found = self.server.find(wish["avoid"])
        if found:
            return self.answer(200, {"url": found, "token": "", "watchdog_s": 2})
        self.answer(503, {"error": {"code": "full", "message": "no server has a free place now"}})

    def do_GET(self) -> None:
        try:
            with urllib.request.urlopen(self.server.servers[-1] + self.path.split("?")[0], timeout=10) as answer:
                body, status, kind = answer.read(), answer.status, answer.headers["Content-Type"]
        except urllib.error.HTTPError as error:
            body, status, kind = error.read(), error.code, error.headers["Content-Type"]
        self.write(status, body, {"Content-Type": kind})

    def answer(self, status: int, content: dict) -> None:
        self.write(status, json.dumps(content).encode(), {"Content-Type": "application/json", "Retry-After": "1"})

    def write(self, status: int, body: bytes, fields: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (fields | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass
