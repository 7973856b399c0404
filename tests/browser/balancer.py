"""A load balancer that sends new connections to the first server that is ready, as an operator's may."""
import contextlib
import socket
import socketserver
import threading
import urllib.request

from prefix_proxy import pump


class Balancer(socketserver.ThreadingTCPServer):
    """Forwards each connection to the first of `ports` of this machine whose /readyz answers 200."""

    daemon_threads = True

    def __init__(self, *ports: int):
        super().__init__(("127.0.0.1", 0), Connection)
        self.ports = ports
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_address[1]}/"

    def ready(self) -> int | None:
        for port in self.ports:
            with contextlib.suppress(OSError):  # an HTTP error is one too
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5).close()
                return port
        return None


class Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        port = self.server.ready()
        if port is None:
            return
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            back = threading.Thread(target=pump, args=(upstream, self.request), daemon=True)
            back.start()
            pump(self.request, upstream)
            back.join()
