#!/usr/bin/env python3
"""Measures how long the page takes from a touch to the image: a mouse moves on the drawing at 30 moves a
second, and each move is paired with the first image whose frame was read after it. One program is
measured alone, two are measured in turns, and their medians are printed as pairs. Run it on a quiet
machine.

    tests/browser/latency.py build/release/streamdiffusion
    tests/browser/latency.py before/streamdiffusion after/streamdiffusion --turns 5"""
import argparse
import os
import pathlib
import statistics

import harness

SETTLE_S = 1.0
# Draws for a while; gives [touch to image, reading the frame to image] of each move that got an image.
DRAW = """
const [seconds, done] = arguments;
const output = document.getElementById('output');
const canvas = document.getElementById('drawing'), box = canvas.getBoundingClientRect();
const moves = [], pairs = [];
const shown = ({ detail: { header, at } }) => {
  while (moves.length && moves[0] < header.captured) {
    pairs.push([at - moves.shift(), at - header.captured]);
  }
};
output.addEventListener('shown', shown);
const send = (type, x, y) => canvas.dispatchEvent(new PointerEvent(type, { pointerId: 1, button: 0,
  clientX: box.x + x * box.width, clientY: box.y + y * box.height, pointerType: 'mouse', bubbles: true }));
canvas.setPointerCapture = () => {};
send('pointerdown', 0.5, 0.2);
const start = performance.now();
const timer = setInterval(() => {
  const angle = (performance.now() - start) / 400;
  moves.push(performance.now());
  send('pointermove', 0.5 + 0.3 * Math.sin(angle), 0.5 - 0.3 * Math.cos(angle));
  if (performance.now() - start < 1000 * seconds) return;
  clearInterval(timer);
  send('pointerup', 0.5, 0.2);
  setTimeout(() => {
    output.removeEventListener('shown', shown);
    done(pairs);
  }, 500);
}, 1000 / 30);
"""


def measure(program: pathlib.Path, seconds: float) -> list[list[float]]:
    harness.PROGRAM = program.resolve()
    server = harness.Server()
    try:
        page = harness.Page(server.address)
        page.driver.set_script_timeout(seconds + 30)
        page.started()
        page.settle(SETTLE_S)
        pairs = page.driver.execute_async_script(DRAW, seconds)
        page.close()
        return pairs
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, nargs="+")
    parser.add_argument("--turns", type=int, default=3, help="runs of each program (3)")
    parser.add_argument("--seconds", type=float, default=5, help="of drawing in a run (5)")
    args = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("| turn | program | touch to image, p50 | p95 | frame to image, p50 | moves |\n" + "|---" * 6 + "|")
    for turn in range(args.turns):
        for program in args.program:
            pairs = measure(program, args.seconds)
            touch, age = sorted(p[0] for p in pairs), [p[1] for p in pairs]
            print(f"| {turn + 1} | {program} | {statistics.median(touch):.0f} ms "
                  f"| {touch[int(0.95 * (len(touch) - 1))]:.0f} ms | {statistics.median(age):.0f} ms "
                  f"| {len(touch)} |", flush=True)


if __name__ == "__main__":
    main()
