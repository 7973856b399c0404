"""A replica of Ray Serve that owns one server and its device, and says where it is and what is free."""
import platform

import ray

from .places import Places
from .server_process import Port, ServerProcess
from .settings import Settings, read_token


def command_of(settings: Settings, port: int) -> list[str]:
    """The command line of a server."""
    access = ["--token-file", settings.token_file] if settings.token_file else ["--insecure"]
    origins = [word for origin in settings.origins for word in ("--allow-origin", origin)]
    return [settings.program, "serve", "--host", "0.0.0.0", "--port", str(port), *access, *origins,
            "--max-sessions", str(settings.places), "--lame-duck", f"{settings.lame_duck_s:g}",
            "--drain-timeout", f"{settings.drain_s:g}", *settings.flags]


class Server:
    """Methods are called by Ray and by the placement, in one thread."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._port = Port(*settings.ports)
        port = self._port.number
        self._url = settings.advertise.format(ip=ray.util.get_node_ip_address(), host=platform.node(), port=port)
        self._places = Places(settings.places)
        self._process = ServerProcess(command_of(settings, port), port, read_token(settings.token_file),
                                      self._url.startswith("https"), settings.start_s)
        self._process.wait_ready()

    async def place(self, session: str = "", avoid: tuple[str, ...] = ()) -> dict:
        """`url`, and `given`: whether a place was promised to this session. `avoid` is for the router. Without a
        session it only says where a server is."""
        report = self._process.report
        given = report.ready and (not session or self._places.take(session, report.sessions))
        return {"url": self._url, "given": given}

    def record_replica_metadata(self) -> dict:
        return {"url": self._url}

    async def record_routing_stats(self) -> dict:
        report = self._process.report
        return {"free": self._places.free(report.sessions) if report.ready else 0}

    async def record_autoscaling_stats(self) -> dict:
        report = self._process.report
        return {"sessions": len(report.sessions), "waiting": max(report.waiting, self._places.refused()),
                "age_p95_ms": report.age_p95_ms}

    def check_health(self) -> None:
        """Ray replaces this replica when it raises. A server that ends is started again here, which is faster."""
        if self._process.failure:
            raise RuntimeError(self._process.failure)

    def __del__(self) -> None:
        """Ray calls it before a replica ends: the server tells its clients to move, and waits for that."""
        if process := getattr(self, "_process", None):
            process.end(self._settings.end_s)
