"""A reverse proxy that serves the page under a path prefix, as an operator's proxy may."""
import socket
import socketserver
import threading


class PrefixProxy(socketserver.ThreadingTCPServer):
    """Takes `prefix` from the path of each request and forwards the rest to `port` of this machine. A request
    without the prefix is answered 404, as by another application of the same host."""

    daemon_threads = True

    def __init__(self, prefix: str, port: int):
        super().__init__(("127.0.0.1", 0), Connection)
        self.prefix, self.target = prefix.encode(), port
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://localhost:{self.server_address[1]}{self.prefix.decode()}/"


class Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = self.request.recv(65536)
            if not part:
                return
            head += part
        method, path, rest = head.split(b" ", 2)
        if not path.startswith(self.server.prefix + b"/"):
            self.request.sendall(b"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return
        path = path.removeprefix(self.server.prefix)
        if b"Upgrade: websocket" not in rest:  # one request for each connection, so that each is seen here
            rest = rest.replace(b"Connection: keep-alive", b"Connection: close")
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:
            upstream.sendall(b" ".join((method, path, rest)))
            back = threading.Thread(target=pump, args=(upstream, self.request), daemon=True)
            back.start()
            pump(self.request, upstream)
            back.join()


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while part := source.recv(65536):
            sink.sendall(part)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass
