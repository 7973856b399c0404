"""Which server is asked for a place first: the one with the most free places, by what all have said lately,
and of those that a client has just left none while there is another."""
import time

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

MEMORY_S = 1.0  # places given within this time are not yet in what the servers say


class MostPlaces(RequestRouter):
    """For RequestRouterConfig. The replicas say `free` (record_routing_stats) and `url` (replica_metadata)."""

    def initialize_state(self, **_) -> None:
        self._given: dict[str, tuple[float, ReplicaID]] = {}  # by request: when, and who was asked first

    def _free(self, replica: RunningReplica) -> float:
        given = sum(name == replica.replica_id for _, name in self._given.values())
        return replica.routing_stats.get("free", 0) - given

    async def choose_replicas(self, candidate_replicas: list[RunningReplica],
                              pending_request: PendingRequest | None = None) -> list[list[RunningReplica]]:
        """Each in a rank of its own: one that does not answer at once is passed over."""
        wish = pending_request.kwargs if pending_request else {}
        now = time.monotonic()
        self._given = {request: given for request, given in self._given.items() if given[0] > now - MEMORY_S}
        order = sorted(candidate_replicas, key=lambda r: (r.replica_metadata.get("url") in wish.get("avoid", ()),
                                                          -self._free(r), r.replica_id.unique_id))
        if order and wish.get("session"):
            self._given[pending_request.metadata.internal_request_id] = now, order[0].replica_id
        return [[replica] for replica in order]
