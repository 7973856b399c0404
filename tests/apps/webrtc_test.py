#!/usr/bin/env python3
"""A client of another make (aiortc) talks WebRTC with the real program. Usage: webrtc_test.py PROGRAM DEVICE"""
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

from aiortc import RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

TOKEN = "open-sesame-1234"
SLOWER = float(os.environ.get("SD_TEST_PATIENCE", "1"))  # how much slower a sanitizer makes the program
LONGEST = 100 * SLOWER  # seconds that the program may live
PATIENCE = 30 * SLOWER  # seconds for whatever is waited for, on a busy machine


class Watcher:
    """A connection, what came over its data channel, and its images."""

    def __init__(self, address: str, route: str, direction: str):
        self.address, self.route = address, route
        self.connection = RTCPeerConnection()
        self.texts, self.images, self.location = [], [], ""
        self.channel = None
        if direction == "recvonly":
            self.connection.addTransceiver("video", direction=direction)
        else:
            self.connection.addTrack(VideoStreamTrack())
            self.connection.getTransceivers()[0].direction = direction
            self.channel = self.connection.createDataChannel("control")
            self.channel.on("message", lambda text: self.texts.append(json.loads(text)))
        self.connection.on("track", lambda track: asyncio.ensure_future(self.watch(track)))

    async def watch(self, track):
        with contextlib.suppress(MediaStreamError):  # its end
            while True:
                self.images.append(await track.recv())

    async def connect(self) -> int:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        status, head, body = await asyncio.to_thread(
            request, self.address + self.route, "POST", self.connection.localDescription.sdp)
        if status == 201:
            self.location = self.address + "/api/" + head["Location"].removeprefix("../")
            await self.connection.setRemoteDescription(RTCSessionDescription(body, "answer"))
        return status

    async def until(self, true, what: str):
        deadline = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"no {what} within {PATIENCE} s")
            await asyncio.sleep(0.05)

    def text(self, status: str):
        return next((text for text in self.texts if text["status"] == status), None)


def request(url: str, method: str = "GET", body: str | None = None):
    head = {"Authorization": f"Bearer {TOKEN}"} | ({"Content-Type": "application/sdp"} if body else {})
    call = urllib.request.Request(url, method=method, headers=head, data=body.encode() if body else None)
    try:
        with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


async def connect_and_stay(address: str) -> None:
    watcher = Watcher(address, "/api/webrtc/vanished", "sendrecv")
    await watcher.connect()
    await watcher.until(lambda: watcher.images, "image")
    print("connected", flush=True)
    await asyncio.sleep(LONGEST)


class WebRtc(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--webrtc", "on", "--token", TOKEN, "--device", DEVICE,
             "--width", "64", "--height", "64"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        cls.watchdog = threading.Timer(LONGEST, cls.server.kill)
        cls.watchdog.start()
        cls.address = None
        while cls.address is None:
            line = cls.server.stdout.readline()
            if not line:
                raise RuntimeError("the server ended")
            found = re.search(r"http://\S+:\d+", line)
            cls.address = found and found.group()
        threading.Thread(target=lambda: [None for _ in cls.server.stdout], daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.watchdog.cancel()
        cls.server.terminate()
        cls.server.wait(PATIENCE)

    def sessions(self) -> list[str]:
        return [session["id"] for session in json.loads(request(self.address + "/api/sessions")[2])["sessions"]]

    async def test_1_images_come_back_and_texts_go_both_ways(self):
        client = Watcher(self.address, "/api/webrtc/one", "sendrecv")
        self.assertEqual(await client.connect(), 201)
        await client.until(lambda: len(client.images) > 3, "image")
        self.assertEqual((client.images[0].width, client.images[0].height), (64, 64))
        await client.until(lambda: client.text("connected") and client.text("stats"), "stats")
        client.channel.send(json.dumps({"type": "settings", "params": {"seed": 77}}))
        await client.until(lambda: any(text["status"] == "settings" and text["params"]["seed"] == 77
                                       for text in client.texts), "answer")
        client.channel.send('{"type": "nothing"}')
        await client.until(lambda: client.text("error"), "error")
        self.assertEqual(client.text("error")["code"], "bad_message")

        watcher = Watcher(self.address, "/api/whep/one", "recvonly")
        self.assertEqual(await watcher.connect(), 201)
        await watcher.until(lambda: watcher.images, "image of the watcher")
        await watcher.connection.close()

        status, _, _ = await asyncio.to_thread(request, client.location, "DELETE")
        self.assertEqual(status, 200)
        await client.until(lambda: "one" not in self.sessions(), "end of the session")
        await client.until(lambda: client.channel.readyState != "open", "end of the channel")
        await client.connection.close()

    async def test_2_a_client_that_says_goodbye_is_gone_at_once(self):
        client = Watcher(self.address, "/api/webrtc/two", "sendrecv")
        self.assertEqual(await client.connect(), 201)
        await client.until(lambda: client.images, "image")
        await client.connection.close()
        await client.until(lambda: "two" not in self.sessions(), "end of the session")

    async def test_3_a_client_that_vanishes_is_noticed(self):
        vanishing = subprocess.Popen([sys.executable, __file__, "--vanish", self.address], text=True,
                                     stdout=subprocess.PIPE)
        self.assertEqual(await asyncio.to_thread(vanishing.stdout.readline), "connected\n")
        self.assertIn("vanished", self.sessions())
        vanishing.send_signal(signal.SIGKILL)
        vanishing.wait()
        vanishing.stdout.close()
        since = time.monotonic()
        while "vanished" in self.sessions():
            self.assertLess(time.monotonic() - since, PATIENCE)
            await asyncio.sleep(0.1)

    async def test_4_whip_feeds_a_session(self):
        await self.feed("camera", "video/VP8")

    async def test_5_so_does_h264(self):
        await self.feed("obs", "video/H264")

    async def feed(self, id: str, codec: str):
        client = Watcher(self.address, f"/api/whip/{id}", "sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        client.connection.getTransceivers()[0].setCodecPreferences([c for c in codecs if c.mimeType == codec])
        self.assertEqual(await client.connect(), 201)
        deadline = time.monotonic() + PATIENCE
        while True:
            sessions = json.loads((await asyncio.to_thread(request, self.address + "/api/sessions"))[2])["sessions"]
            if sessions and sessions[0]["stats"] and sessions[0]["stats"]["processed"] > 3:
                break
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.1)
        await client.connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "--vanish":
        asyncio.run(connect_and_stay(sys.argv[2]))
    else:
        PROGRAM, DEVICE = sys.argv.pop(1), sys.argv.pop(1)
        unittest.main()
