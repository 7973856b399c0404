#!/usr/bin/env python3
"""Two network namespaces with a link between them that delays and loses packets, in user space: for kernels
without tc's netem. Needs root and /dev/net/tun.

    with Link(delay_ms=20, loss=0.01, rate_mbit=20) as link:
        subprocess.run(link.near("ping", "-c1", link.FAR))
"""
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
MTU = 1400
CLONE_NEWNET = 0x40000000
MOST_QUEUED_S = 0.2  # what waits longer for the rate is dropped, as in a router


def open_tun(name: str, namespace: str) -> int:
    """A TUN device in a namespace. The thread that calls this stays in the namespace."""
    import ctypes
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


class Link:
    NEAR, FAR = "10.77.0.1", "10.77.0.2"

    def __init__(self, delay_ms: float, loss: float, rate_mbit: float = 0, seed: int = 1):
        """`delay_ms` is that of one way, `loss` the share of packets, both for each direction."""
        self.delay, self.loss, self.rate = delay_ms / 1e3, loss, rate_mbit * 1e6 / 8
        self.random = random.Random(seed)
        self.names = [f"sdlink{os.getpid()}{side}" for side in "ab"]
        self.devices = [-1, -1]
        self.lost = self.passed = 0
        self.ending = False

    def __enter__(self):
        for i, (name, own) in enumerate(zip(self.names, (self.NEAR, self.FAR))):
            subprocess.run(["ip", "netns", "add", name], check=True)
            opened = threading.Thread(target=self._open, args=(i, name))
            opened.start()
            opened.join()
            for command in (f"addr add {own}/24 dev tun0", f"link set tun0 mtu {MTU} up", "link set lo up"):
                subprocess.run(["ip", "-n", name, *command.split()], check=True)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def _open(self, i: int, name: str) -> None:
        self.devices[i] = open_tun("tun0", name)

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        for device, name in zip(self.devices, self.names):
            os.close(device)
            subprocess.run(["ip", "netns", "del", name], check=False)

    def near(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[0], *command]

    def far(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.names[1], *command]

    def _run(self) -> None:
        queue, count = [], 0
        free = [0.0, 0.0]  # when each direction has sent what is queued
        while not self.ending:
            now = time.monotonic()
            while queue and queue[0][0] <= now:
                _, _, to, packet = heapq.heappop(queue)
                try:
                    os.write(self.devices[to], packet)
                    self.passed += 1
                except OSError:
                    self.lost += 1
            wait = min(0.1, max(0.0, queue[0][0] - now)) if queue else 0.1
            for device in select.select(self.devices, [], [], wait)[0]:
                side = self.devices.index(device)
                for _ in range(64):
                    try:
                        packet = os.read(device, 2048)
                    except BlockingIOError:
                        break
                    now = time.monotonic()
                    free[side] = max(free[side], now)
                    if self.random.random() < self.loss or free[side] - now > MOST_QUEUED_S:
                        self.lost += 1
                        continue
                    if self.rate:
                        free[side] += len(packet) / self.rate
                    count += 1
                    heapq.heappush(queue, (free[side] + self.delay, count, 1 - side, packet))
