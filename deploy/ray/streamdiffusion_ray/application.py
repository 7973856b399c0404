"""The two deployments of Ray Serve: servers, as many as are needed, and the placement before them."""
import dataclasses

from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy, RequestRouterConfig

from .placement import Placement
from .policy import ByPlaces
from .router import MostPlaces
from .server import Server
from .settings import Settings

NAME = "streamdiffusion"
ROUTE_ASKS = 64  # at a time, of one server; each takes microseconds


def scaling(settings: Settings) -> AutoscalingConfig:
    """Ray's own numbers count requests, and streams are none: the policy takes what the servers say."""
    policy = AutoscalingPolicy(policy_function=ByPlaces, policy_kwargs={
        "places": settings.places, "spare": settings.spare, "most_age_ms": settings.most_age_ms})
    return AutoscalingConfig(min_replicas=settings.least, max_replicas=settings.most, policy=policy,
                             metrics_interval_s=1.0, look_back_period_s=2.0, upscale_delay_s=settings.up_after_s,
                             downscale_delay_s=settings.down_after_s)


def servers(settings: Settings) -> serve.Deployment:
    """`Server`, with what Ray must know of it."""
    return serve.deployment(
        name="servers", autoscaling_config=scaling(settings), max_ongoing_requests=ROUTE_ASKS,
        max_surge_percent=settings.surge, max_replicas_per_node=settings.per_machine or None,
        ray_actor_options={"num_cpus": settings.cpus, "num_gpus": settings.gpus},
        health_check_period_s=1.0, health_check_timeout_s=5.0, graceful_shutdown_wait_loop_s=0.05,
        graceful_shutdown_timeout_s=settings.end_s,
        request_router_config=RequestRouterConfig(request_router_class=MostPlaces, request_routing_stats_period_s=0.5,
                                                  request_routing_stats_timeout_s=2.0))(Server)


def application(settings: Settings) -> serve.Application:
    """What `serve.run` takes. Several placements are on different machines, so that one of them outlives any machine;
    one alone is replaced before it ends."""
    of_placement = dataclasses.replace(Settings(), token_file=settings.token_file, origins=settings.origins,
                                       watchdog_s=settings.watchdog_s,
                                       flags=tuple(f for f in settings.flags if f == "--self-signed"))
    placement = serve.deployment(name="placement", num_replicas=settings.entries, max_ongoing_requests=1000,
                                 max_surge_percent=100 if settings.entries == 1 else 0,
                                 max_replicas_per_node=None if settings.entries == 1 else 1,
                                 health_check_period_s=1.0, health_check_timeout_s=5.0,
                                 ray_actor_options={"num_cpus": 0.1})(Placement)
    return placement.bind(of_placement, servers(settings).bind(settings))
