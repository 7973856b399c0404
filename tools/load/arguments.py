"""What the tools of this folder take on their command lines, checked in one place: what is wrong is said in one line,
before anything runs."""
import argparse
import math
import pathlib
import shutil
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST_CLIENTS = 10000
MOST_SECONDS = 1e6
MOST_FPS = 1e4


def wrong(found: str, expected: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{found!r}, expected {expected}")


def count(least: int = 0, most: int = MOST_CLIENTS):
    """A whole number of that range."""
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise wrong(text, f"a whole number from {least} to {most}")
        return number
    return parse


def positive(most: float):
    """A number above 0, and no more than that."""
    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not 0 < number <= most:  # false for what is no number
            raise wrong(text, f"a number above 0, at most {most:g}")
        return number
    return parse


port = count(1, 65535)
seconds = positive(MOST_SECONDS)
fps = positive(MOST_FPS)


def process(text: str) -> int:
    """The id of a process that runs."""
    pid = count(1, 2**31 - 1)(text)
    if not pathlib.Path(f"/proc/{pid}/statm").exists():
        raise wrong(text, "the id of a process that runs")
    return pid


def program(text: str) -> str:
    """A file that can be run."""
    found = shutil.which(text)
    if not found:
        raise wrong(text, "a program that can be run")
    return found


def address(text: str) -> str:
    """http://HOST or https://HOST, with a port and a path where they are given."""
    try:
        parts = urllib.parse.urlsplit(text)
        whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise wrong(text, "an address such as http://localhost:7860")
    return text


def is_image(data: bytes) -> bool:
    """Whether it begins as what the server reads."""
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def image(text: str) -> bytes:
    """What a file holds that is a JPEG, PNG or WebP."""
    try:
        data = pathlib.Path(text).read_bytes()
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {getattr(error, 'strerror', None) or error}") from error
    if not is_image(data):
        raise wrong(text, "a JPEG, PNG or WebP")
    return data


def images(text: str) -> list[bytes]:
    """Those of a folder that holds nothing else, by name."""
    try:
        files = sorted(pathlib.Path(text).iterdir())
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text}: {getattr(error, 'strerror', None) or error}") from error
    if not files:
        raise wrong(text, "a folder with images, and it is empty")
    return [image(str(file)) for file in files]


def parser_of(description: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_server(parser: argparse.ArgumentParser) -> None:
    """Where the server is that runs already."""
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=port, default=7860)
    parser.add_argument("--token", default="")
    parser.add_argument("--pid", type=process, help="process id of the server, to watch what it holds")


def add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", type=images, default=str(ROOT / "samples/doodle"), metavar="FOLDER",
                        help="of the images to send")
