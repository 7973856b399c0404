"""The command: starts, changes, shows and ends the deployment on a running Ray cluster."""
import argparse
import logging
import pathlib
import sys

from .settings import Mistake, Settings, add_flags, from_flags, number

EXAMPLES = """
examples, on any machine of a cluster that `ray start` has made (docs/scale.md says how):
  # one server with four places on each of up to three machines; clients ask http://HEAD:8000/api/place
  python3 -m streamdiffusion_ray deploy --token-file /etc/streamdiffusion/token --max 3
  # a card and a model for each server; flags after -- are those of `streamdiffusion serve`
  python3 -m streamdiffusion_ray deploy --token-file /etc/streamdiffusion/token --max 8 --gpus 1 --places 8 \\
      -- --model stabilityai/sd-turbo
  # a rolling update: a new program at the same place
  python3 -m streamdiffusion_ray deploy --token-file /etc/streamdiffusion/token --max 3 --release 2026-11-29
  python3 -m streamdiffusion_ray status
  python3 -m streamdiffusion_ray end
"""


def read_command_line(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The arguments, and what stands after --."""
    own, flags = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])
    parser = argparse.ArgumentParser(prog="python3 -m streamdiffusion_ray", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    deploy = commands.add_parser("deploy", help="start it, or change what runs; returns when all is ready",
                                 epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_flags(deploy)
    deploy.add_argument("--http-host", default="0.0.0.0", help="address of the placement (%(default)s)", metavar="HOST")
    deploy.add_argument("--http-port", default=8000, type=number(int, 1, 65535), metavar="PORT",
                        help="its port on every machine (%(default)s); only a new cluster takes another one")
    commands.add_parser("status", help="what runs, and what Ray says of it")
    commands.add_parser("end", help="end it; sessions have --lame-duck to finish")
    arguments = parser.parse_args(own)
    if flags and arguments.command != "deploy":
        parser.error(f"{flags[0]} after --: only deploy takes flags of `streamdiffusion serve`")
    return arguments, flags


def connect() -> None:
    """Joins the cluster of this machine, and brings this package to the others."""
    import ray
    package = str(pathlib.Path(__file__).resolve().parent)
    try:
        ray.init(address="auto", log_to_driver=False, logging_level=logging.WARNING,
                 runtime_env={"py_modules": [package]})
    except ConnectionError as error:
        raise Mistake(f"no Ray cluster on this machine: {error}; `ray start --head` makes one") from error


def deploy(settings: Settings, host: str, port: int) -> None:
    """Returns when as many servers as --min are ready; Ray reports what it does meanwhile."""
    import ray
    from ray import serve

    from .application import NAME, application
    machines = sum(node["Alive"] for node in ray.nodes())
    if settings.entries > machines:
        raise Mistake(f"--entries {settings.entries}: the cluster has {machines} machines, and each has one at most")
    serve.start(http_options={"host": host, "port": port}, proxy_location="EveryNode")
    try:
        serve.run(application(settings), name=NAME)
    finally:
        print_status()
    print(f"clients ask: POST http://MACHINE:{port}/api/place; the page: http://MACHINE:{port}/")


def print_status() -> None:
    """A line for each deployment."""
    from ray import serve

    from .application import NAME
    found = serve.status().applications.get(NAME)
    if found is None:
        print("nothing is deployed")
        return
    print(f"{NAME}: {found.status.value} {found.message}".rstrip())
    for name, deployment in found.deployments.items():
        states = ", ".join(f"{count} {state}" for state, count in deployment.replica_states.items() if count)
        print(f"  {name}: {deployment.status.value}, {states or 'none'} {last_line(deployment.message)}".rstrip())


def last_line(message: str) -> str:
    """What Ray says of a failure ends with its reason, below a call stack."""
    return next((line for line in reversed(message.splitlines()) if line.strip()), "")


def end() -> None:
    from ray import serve

    from .application import NAME
    serve.delete(NAME)


def main(words: list[str]) -> int:
    arguments, flags = read_command_line(words)
    try:
        settings = from_flags(arguments, flags) if arguments.command == "deploy" else None
    except Mistake as mistake:
        print(f"streamdiffusion_ray: {mistake}", file=sys.stderr)
        return 2
    return run(arguments, settings)


def run(arguments: argparse.Namespace, settings: Settings | None) -> int:
    """The exit status. Ray is imported where it is needed: it takes a second."""
    try:
        from ray.exceptions import RayError
    except ModuleNotFoundError as error:
        print(f"streamdiffusion_ray: Python finds no {error.name}; `pip install \"ray[serve]\"` brings it",
              file=sys.stderr)
        return 1
    try:
        connect()
        if settings:
            deploy(settings, arguments.http_host, arguments.http_port)
        elif arguments.command == "status":
            print_status()
        else:
            end()
    except (Mistake, RuntimeError, RayError) as error:
        print(f"streamdiffusion_ray: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
