"""How many servers there should be. Ray asks ten times a second, and waits before it follows."""
import math

AGE_IS_LOW = 0.5  # below this share of the age that is allowed, a server may be ended


class ByPlaces:
    """For AutoscalingConfig: counts sessions and clients that wait, keeps places free, and minds the images'
    ages. Ray may end any server: its sessions then move, so that there must be room for all of them."""

    def __init__(self, places: int, spare: int, most_age_ms: float):
        self.places, self.spare, self.most_age_ms = places, spare, most_age_ms

    def __call__(self, context) -> tuple[int, dict]:
        latest = context.aggregated_metrics or {}
        running = {str(replica) for replica in context.running_replicas}

        def of(name: str) -> list[float]:
            return [v for replica, v in latest.get(name, {}).items() if str(replica) in running]

        return self.wanted(context.target_num_replicas, of("sessions"), of("waiting"), of("age_p95_ms")), {}

    def wanted(self, present: int, sessions: list[float], waiting: list[float], ages: list[float]) -> int:
        """Servers, from what each of those that report has. Without a report it stays as it is."""
        if not sessions:
            return present
        # Who is refused may have asked every server; the most that one has seen is not too many.
        clients = sum(sessions) + max(waiting, default=0)
        enough = max(1, math.ceil((clients + self.spare) / self.places))
        age = max(ages, default=0.0)
        if age > self.most_age_ms:
            return max(enough, present + 1)
        if age > AGE_IS_LOW * self.most_age_ms:
            return max(enough, present)
        return enough
