#!/usr/bin/env python3
"""Checks the ladder: which folder may include which, that vendor headers stay home, and that files stay short."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LADDER = ["base", "json", "tensor", "graph", "backend", "weights", "tokenizer", "models", "schedule", "stream", "session",
          "image", "live", "media", "config", "server"]
VENDOR = {
    r"dnnl": ["src/backend/cpu"],
    r"hwy/": ["src/backend/cpu"],
    r"omp\.h": ["src/backend/cpu"],
    r"(png|jpeglib|turbojpeg|jerror)\.h": ["src/image"],
    r"unicode/": ["src/tokenizer"],
    r"webp/": ["src/image"],
    r"nlohmann/": ["src/json", "src/weights", "src/server", "apps", "tests"],
    r"CLI/": ["apps", "bench", "tests"],
    r"(cuda|cudnn|cublas)": ["src/backend/cuda"],
    r"lib(av|sw)": ["src/media"],
    r"SDL": ["src/media"],
    r"yaml-cpp/": ["src/config"],
    r"boost/": ["src/server"],
    r"(openssl|prometheus)/": ["src/server"],
}
MOST_LINES = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def problems_of(path: pathlib.Path) -> list[str]:
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().splitlines()
    found = []
    if len(lines) > MOST_LINES:
        found.append(f"{name}: {len(lines)} lines, at most {MOST_LINES}")
    parts = path.relative_to(ROOT).parts
    layer = parts[1] if parts[0] == "src" and len(parts) > 2 else None
    for number, line in enumerate(lines, 1):
        if layer and re.match(r"\s*#\s*if(def|ndef)?\b", line) and layer != "backend":
            found.append(f"{name}:{number}: conditional compilation belongs to src/backend")
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        for pattern, homes in VENDOR.items():
            if re.match(pattern, header) and not any(name.startswith(home + "/") for home in homes):
                found.append(f"{name}:{number}: <{header}> may be included only in {', '.join(homes)}")
        above = header.split("/")[0]
        if layer in LADDER and above in LADDER and LADDER.index(above) > LADDER.index(layer):
            found.append(f"{name}:{number}: {layer} may not include {above}, which stands below it in the ladder")
    return found


def main() -> int:
    files = [p for folder in ("src", "include", "apps", "tests", "fuzz", "bench") for p in (ROOT / folder).rglob("*")
             if p.suffix in (".h", ".cpp")]
    found = [problem for path in sorted(files) for problem in problems_of(path)]
    print("\n".join(found) or f"the tree is in order: {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
