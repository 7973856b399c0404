#!/usr/bin/env python3
"""Sends a server frames by WebRTC and waits for its images. Usage: webrtc_watch.py ADDRESS"""
import asyncio
import sys

from webrtc_test import Watcher


async def main(address: str) -> None:
    watcher = Watcher(address, "/api/webrtc/watch", "sendrecv")
    status = await watcher.connect()
    if status != 201:
        raise SystemExit(f"{address}: the answer to the offer is {status}, expected 201")
    await watcher.until(lambda: len(watcher.images) >= 10, "ten images")
    print(f"{len(watcher.images)} images of {watcher.images[-1].width}x{watcher.images[-1].height}")
    await watcher.connection.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
