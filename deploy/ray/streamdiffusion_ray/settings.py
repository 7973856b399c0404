"""What a deployment is told: the flags of the command, checked before anything is started."""
import argparse
import dataclasses
import pathlib
import string

GRACE_S = 5.0  # the system may take so long to end the threads of a server on a busy machine


@dataclasses.dataclass(frozen=True)
class Settings:
    """Paths are those of the machines that run servers, the same on each."""

    program: str = "streamdiffusion"
    flags: tuple[str, ...] = ()  # of `streamdiffusion serve`, beside those below
    token_file: str = ""  # the first token in it: that of all clients of the placement
    insecure: bool = False
    advertise: str = "http://{ip}:{port}"  # where clients reach a server
    origins: tuple[str, ...] = ()  # of pages that may use the servers
    ports: tuple[int, int] = (0, 0)  # first and last; 0 for any
    places: int = 4  # sessions of a server
    spare: int = 1  # places that are kept free
    most_age_ms: float = 500.0  # 95th percentile of the images' ages; above it there is one more server
    least: int = 1  # servers
    most: int = 1
    per_machine: int = 1  # servers; 0 for as many as its resources allow
    cpus: float = 1.0  # of a server, for Ray's count
    gpus: float = 0.0
    up_after_s: float = 2.0
    down_after_s: float = 120.0
    lame_duck_s: float = 10.0
    drain_s: float = 10.0
    start_s: float = 300.0  # a server that is not ready by then has failed
    entries: int = 1  # replicas of the placement
    surge: int = 0  # percent of the servers that an update may start before it ends old ones
    release: str = ""  # another text replaces all servers, as another flag does
    watchdog_s: float = 3.0  # clients leave a server that has been silent for so long

    @property
    def end_s(self) -> float:
        """How long a server may take from SIGTERM until it has ended."""
        return self.lame_duck_s + self.drain_s + GRACE_S


class Mistake(ValueError):
    """A flag that cannot be meant."""


def read_token(path: str) -> str:
    """The first token of the file, without its limits; empty for no file."""
    if not path:
        return ""
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(f"--token-file {path}: {error}") from error
    tokens = [line.split()[0] for line in lines if line.strip() and not line.strip().startswith("#")]
    if not tokens:
        raise Mistake(f"--token-file {path}: is empty, expected a token in each line")
    return tokens[0]


def check(settings: Settings) -> None:
    """Raises Mistake where the settings contradict each other."""
    if not settings.token_file and not settings.insecure:
        raise Mistake("servers that other machines reach need --token-file, or --insecure, which allows everyone")
    read_token(settings.token_file)
    if settings.least > settings.most:
        raise Mistake(f"--min {settings.least} is more than --max {settings.most}")
    if settings.spare >= settings.places * settings.most:
        raise Mistake(f"--spare {settings.spare} is not less than all places together, "
                      f"{settings.places * settings.most}")
    fields = {name for _, name, _, _ in string.Formatter().parse(settings.advertise) if name is not None}
    if "port" not in fields or fields - {"ip", "host", "port"}:
        raise Mistake(f"--advertise {settings.advertise}: expected {{port}}, and of {{ip}} and {{host}} what names "
                      "the machine")
    if not settings.advertise.startswith(("http://", "https://")):
        raise Mistake(f"--advertise {settings.advertise}: expected http:// or https:// in front")
    own = {"--host", "--listen", "--port", "--token", "--token-file", "--insecure", "--max-sessions", "--lame-duck",
           "--drain-timeout", "--allow-origin"}
    for flag in settings.flags:
        if flag.split("=")[0] in own:
            raise Mistake(f"{flag.split('=')[0]} after -- is set by the deployment itself; see its own flags")


def port_range(text: str) -> tuple[int, int]:
    """Ports as 7860-7899 or 7860."""
    first, _, last = text.partition("-")
    try:
        ports = int(first), int(last or first)
    except ValueError:
        ports = (0, 0)
    if not 0 < ports[0] <= ports[1] < 65536:
        raise argparse.ArgumentTypeError(f"{text}: expected FIRST-LAST between 1 and 65535")
    return ports


def number(kind: type, least: float, most: float):
    """A reader of numbers within bounds, for argparse."""
    def read(text: str):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: expected {'an integer' if kind is int else 'a number'} "
                                             f"from {least} to {most}")
        return value
    return read


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `deploy`; each is named after a member of Settings."""
    default = Settings()
    count, seconds = number(int, 0, 1000), number(float, 0, 86400)

    def add(flag: str, dest: str, help: str, **options) -> None:
        parser.add_argument(flag, dest=dest, default=getattr(default, dest), help=help, **options)

    add("--program", "program", "the program, on every machine (%(default)s)", metavar="PATH")
    add("--token-file", "token_file", "file on every machine with the token of all servers; clients get the first",
        metavar="FILE")
    add("--insecure", "insecure", "no token: everyone in the network may use the servers", action="store_true")
    add("--advertise", "advertise", "where clients reach a server (%(default)s); {host} is the machine's name",
        metavar="URL")
    add("--ports", "ports", "ports of the servers, for a firewall; any by default", type=port_range,
        metavar="FIRST-LAST")
    parser.add_argument("--allow-origin", dest="origins", action="append", default=[], metavar="URL",
                        help="address under which browsers see the placement; its page may then use the servers")
    add("--places", "places", "sessions of a server at a time (%(default)s)", type=number(int, 1, 1024))
    add("--spare", "spare", "places to keep free; fewer start another server (%(default)s)", type=count)
    add("--max-age", "most_age_ms", "ms that 95 of 100 images may take; more start another server (%(default)g)",
        type=number(float, 1, 1e6), metavar="MS")
    add("--min", "least", "servers at least (%(default)s)", type=number(int, 1, 1000))
    add("--max", "most", "servers at most (%(default)s)", type=number(int, 1, 1000))
    add("--per-machine", "per_machine", "servers of a machine; 0 for as many as --cpus and --gpus allow (%(default)s)",
        type=number(int, 0, 100))
    add("--cpus", "cpus", "cores that Ray counts for a server (%(default)g)", type=number(float, 0, 1000))
    add("--gpus", "gpus", "cards that a server owns (%(default)g)", type=number(float, 0, 100))
    add("--up-after", "up_after_s", "seconds of too few places before a server is added (%(default)g)", type=seconds)
    add("--down-after", "down_after_s", "seconds of too many before one is ended (%(default)g)", type=seconds)
    add("--lame-duck", "lame_duck_s", "seconds that the sessions of a server that ends have to move (%(default)g)",
        type=seconds)
    add("--drain-timeout", "drain_s", "seconds for their last frames after that (%(default)g)",
        type=number(float, 0, 3600))
    add("--start-timeout", "start_s", "seconds until a new server must be ready (%(default)g)",
        type=number(float, 1, 86400))
    add("--entries", "entries", "placements, each on a machine of its own; two outlive a machine (%(default)s)",
        type=number(int, 1, 100))
    add("--surge", "surge", "percent of the servers that an update may start beside the old ones; needs room for them "
        "(%(default)s: a server ends before its successor starts)", type=number(int, 0, 100))
    add("--release", "release", "any text; another one than before replaces all servers", metavar="TEXT")
    add("--watchdog", "watchdog_s", "seconds of silence after which clients leave a server (%(default)g)",
        type=number(float, 0.5, 600))


def from_flags(arguments: argparse.Namespace, flags: list[str]) -> Settings:
    """Checked settings; `flags` go to each server."""
    names = {field.name for field in dataclasses.fields(Settings)}
    values = {name: value for name, value in vars(arguments).items() if name in names}
    values["origins"] = tuple(values["origins"])
    settings = Settings(**values, flags=tuple(flags))
    check(settings)
    return settings
