"""Which server is asked for a place first: the one with the most free places, by what all have said lately,
and of those that a client has just left none while there is another."""
import time

from ray.serve.request_router import PendingRequest, ReplicaID, RequestRouter, RunningReplica

MEMORY_S = 1.0  # places given within this time are not yet in what the servers say


class MostPlaces(RequestRouter):
    """For RequestRouterConfig. The replicas say `free` (record_routing_stats) and `url` (replica_metadata)."""

    def initialize_state(self, **_) -> None:
        self._given: list[tuple[float, ReplicaID]] = []

    def _free(self, replica: RunningReplica) -> float:
        given = sum(1 for _, name in self._given if name == replica.replica_id)
        return replica.routing_stats.get("free", 0) - given

    async def choose_replicas(self, candidate_replicas: list[RunningReplica],
                              pending_request: PendingRequest | None = None) -> list[list[RunningReplica]]:
        """Each in a rank of its own: one that does not answer at once is passed over."""
        avoid = pending_request.kwargs.get("avoid", ()) if pending_request else ()
        recent = time.monotonic() - MEMORY_S
        self._given = [given for given in self._given if given[0] > recent]
        order = sorted(candidate_replicas,
                       key=lambda r: (r.replica_metadata.get("url") in avoid, -self._free(r), r.replica_id.unique_id))
        return [[replica] for replica in order]

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result) -> None:
        if pending_request.kwargs.get("session"):
            self._given.append((time.monotonic(), replica_id))
