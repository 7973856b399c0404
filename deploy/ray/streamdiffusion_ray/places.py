"""The places of one server: which are free, which were promised to clients that have not come yet, and how
many clients were refused lately."""
import time

PROMISE_S = 2.0  # a client that was given a place has so long to come
REFUSED_S = 3.0  # a client that was refused asks again before that


class Places:
    """Not for several threads at once."""

    def __init__(self, count: int):
        self.count = count
        self._promised: dict[str, float] = {}  # session id to the time when the promise ends
        self._refused: dict[str, float] = {}  # client to the time when it is forgotten

    def free(self, sessions: frozenset[str], now: float | None = None) -> int:
        """Places left beside the server's sessions and the promises."""
        now = time.monotonic() if now is None else now
        self._promised = {name: end for name, end in self._promised.items() if end > now and name not in sessions}
        return self.count - len(sessions) - len(self._promised)

    def take(self, session: str, sessions: frozenset[str], now: float | None = None) -> bool:
        """Promises a place, or renews the promise; false, and counted as refused, where none is free."""
        now = time.monotonic() if now is None else now
        if self.free(sessions, now) <= 0 and session not in self._promised:
            self._refused[session] = now + REFUSED_S
            return False
        self._promised[session] = now + PROMISE_S
        self._refused.pop(session, None)
        return True

    def refused(self, now: float | None = None) -> int:
        """Clients that were refused lately and have not been given a place here."""
        now = time.monotonic() if now is None else now
        self._refused = {name: end for name, end in self._refused.items() if end > now}
        return len(self._refused)
