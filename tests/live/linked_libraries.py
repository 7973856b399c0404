#!/usr/bin/env python3
"""A program that embeds LiveSession links neither FFmpeg nor SDL. Usage: linked_libraries.py EMBEDDER PROGRAM

PROGRAM, which links both, shows that they would be seen.
"""
import re
import subprocess
import sys

MEDIA = re.compile(r"lib(av\w+|sw\w+|SDL\w*)[-.]")


def media_libraries(program):
    """Names of the media libraries in the dynamic section of a program and of all that it loads."""
    loaded = subprocess.run(["ldd", program], check=True, capture_output=True, text=True, timeout=60).stdout
    return sorted({line.split()[0] for line in loaded.splitlines() if MEDIA.search(line)})


def main():
    embedder, program = (media_libraries(name) for name in sys.argv[1:3])
    print(f"embedder: {embedder}\nprogram: {program}")
    if not any("libav" in name for name in program) or not any("SDL" in name for name in program):
        print("the program links FFmpeg and SDL, and they were not found in it: this test sees nothing")
        return 1
    return 1 if embedder else 0


if __name__ == "__main__":
    sys.exit(main())
