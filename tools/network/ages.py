#!/usr/bin/env python3
"""Measures the age of images in Chromium, by the WebSocket and by WebRTC, over links with delay and loss
(link.py). The server returns each frame after 2 ms, so that what is measured is the way there and back. Needs
root, Chromium and selenium.

    cmake --build --preset release --target echo_server streamdiffusion-webrtc
    sudo tools/network/ages.py build/release
    sudo tools/network/ages.py build/release --delays 20 --losses 0 1 --seconds 20
    sudo tools/network/ages.py build/release --transports page-websocket page-webrtc page-auto

The transports named page- are those of the server's own page with a camera; the others are a script's."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from link import Link

PORT = 7860
SCRIPTS = pathlib.Path(__file__).resolve().parent


def run_client(url: str, transport: str, side: int, seconds: float) -> None:
    """In the far namespace: prints what ages.js or page_ages.js returns."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--autoplay-policy=no-user-gesture-required",
                 f"--unsafely-treat-insecure-origin-as-secure={url.rstrip('/')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_script_timeout(seconds + 60)
    try:
        of_page = transport.startswith("page-")
        query = f"?transport={transport.removeprefix('page-')}#width={side}&height={side}&mirror=false"
        driver.get(url + (query if of_page else "out.html"))
        names = ("moving.js", "page_ages.js" if of_page else "ages.js")
        body = "\n".join((SCRIPTS / name).read_text() for name in names)
        result = driver.execute_async_script(
            f"const all = arguments; (async function () {{ {body} }}).apply(null, all);",
            transport, side, seconds)
        print(json.dumps(result))
    finally:
        driver.quit()


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure(build: pathlib.Path, link: Link, transport: str, side: int, seconds: float) -> dict:
    server = subprocess.Popen(
        link.near(str(build / "tests/server/echo_server"), link.NEAR, str(PORT),
                  str(build / "streamdiffusion-webrtc")), stdout=subprocess.PIPE, text=True)
    try:
        server.stdout.readline()
        client = subprocess.run(
            link.far(sys.executable, __file__, "--client", f"http://{link.NEAR}:{PORT}/", transport,
                     str(side), str(seconds)), stdout=subprocess.PIPE, text=True, timeout=seconds + 120)
        return json.loads(client.stdout)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    if sys.argv[1:2] == ["--client"]:
        return run_client(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--delays", type=float, nargs="+", default=[0, 20, 80], help="one way, in ms")
    parser.add_argument("--losses", type=float, nargs="+", default=[0, 1, 3], help="in percent")
    parser.add_argument("--transports", nargs="+", default=["websocket", "webrtc"])
    parser.add_argument("--rate", type=float, default=0, help="Mbit/s of each direction; 0 for no limit")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=15)
    args = parser.parse_args()
    build = args.build.resolve()
    print(f"{os.cpu_count()} cores, {args.side}x{args.side}, {args.rate or 'no limit of'} Mbit/s")
    print("| delay | loss | transport | p50 | p95 | p99 | longest gap | images/s | load |\n" + "|---" * 9 + "|")
    for delay in args.delays:
        for loss in args.losses:
            for transport in args.transports:
                with Link(delay, loss / 100, args.rate) as link:
                    got = measure(build, link, transport, args.side, args.seconds)
                ages, gaps = got["ages"], got["gaps"]
                figures = " | ".join(f"{percentile(ages, s):.0f} ms" for s in (0.5, 0.95, 0.99))
                print(f"| {delay:g} ms | {loss:g} % | {transport} | {figures} | {max(gaps, default=0):.0f} ms "
                      f"| {1000 * len(gaps) / max(1, sum(gaps)):.1f} | {os.getloadavg()[0]:.1f} |"
                      + (f" {got['note']}" if got.get("note") else ""), flush=True)
                time.sleep(1)


if __name__ == "__main__":
    main()
