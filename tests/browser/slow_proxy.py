"""A network with a delay, for TCP alone: what the page's WebSocket goes over, and its video does not."""
import contextlib
import queue
import socket
import socketserver
import threading
import time


class SlowProxy(socketserver.ThreadingTCPServer):
    """Forwards to `port` of this machine. Each byte takes `delay_s` in each direction."""

    daemon_threads = True

    def __init__(self, port: int, delay_s: float):
        super().__init__(("127.0.0.1", 0), Connection)
        self.target, self.delay_s = port, delay_s
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_address[1]}/"


class Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:
            back = threading.Thread(target=pump, daemon=True,
                                    args=(upstream, self.request, self.server.delay_s))
            back.start()
            pump(self.request, upstream, self.server.delay_s)
            back.join()


def pump(source: socket.socket, sink: socket.socket, delay_s: float) -> None:
    waiting: queue.Queue = queue.Queue()

    def read() -> None:
        part = b"-"
        while part:
            try:
                part = source.recv(65536)
            except OSError:
                part = b""
            waiting.put((time.monotonic() + delay_s, part))

    threading.Thread(target=read, daemon=True).start()
    with contextlib.suppress(OSError):
        while True:
            due, part = waiting.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not part:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(part)
