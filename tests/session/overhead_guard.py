#!/usr/bin/env python3
"""What the engine itself adds to a frame: instructions outside the kernels, and allocations, counted under callgrind.

Counts do not depend on the machine's load, so that a limit may be close. Usage: overhead_guard.py VALGRIND PROGRAM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FRAMES = (20, 120)
READY, FRAME = "streamdiffusion::Session::set_prompt*", "Session::process("
KERNELS = "RefExecutable::run_program("
ALLOCATIONS = ("malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc")
LONGEST = 50  # seconds of one run, which takes a few
MOST_INSTRUCTIONS = 11_300
MOST_ALLOCATIONS = 1.5  # one is the image that is handed out


def calls(text):
    """(name called, times, instructions in it) of every call in a callgrind file."""
    names, called, times = {}, "", None
    for line in text.splitlines():
        if match := re.match(r"c?fn=\((\d+)\)(?: (.*))?", line):
            number, name = match.groups()
            if name:
                names[number] = name
            if line.startswith("cfn="):
                called = names[number]
        elif line.startswith("calls="):
            times = int(line[6:].split()[0])
        elif times is not None:
            yield called, times, int(line.split()[1])
            times = None


def count(valgrind, program, frames):
    """(instructions outside the kernels, allocations) of the frames of a run; opening the model is left out."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind.out"
        subprocess.run([valgrind, "--tool=callgrind", f"--zero-before={READY}", f"--callgrind-out-file={out}", program,
                        str(frames)], check=True, capture_output=True, timeout=LONGEST)
        text = out.read_text()
    instructions = allocations = 0
    for name, times, cost in calls(text):
        if FRAME in name:
            instructions += cost
        elif KERNELS in name:
            instructions -= cost
        elif name in ALLOCATIONS:
            allocations += times
    return instructions, allocations


def main():
    """Compares two lengths, so that what happens once drops out."""
    few, many = (count(*sys.argv[1:3], frames) for frames in FRAMES)
    frames = FRAMES[1] - FRAMES[0]
    instructions, allocations = ((b - a) / frames for a, b in zip(few, many))
    print(f"a frame: {instructions:.0f} instructions outside the kernels (at most {MOST_INSTRUCTIONS}), "
          f"{allocations:.2f} allocations (at most {MOST_ALLOCATIONS})")
    return 0 if 0 < instructions <= MOST_INSTRUCTIONS and allocations <= MOST_ALLOCATIONS else 1


if __name__ == "__main__":
    sys.exit(main())
