#!/usr/bin/env python3
"""Checks that each layer includes only lower layers, that vendor headers stay in their folders, and
that files stay short."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# From the lowest layer to the highest.
LAYERS = ["base", "json", "params", "tensor", "graph", "backend", "weights", "tokenizer", "models", "schedule",
          "stream", "session", "image", "live", "media", "config", "server"]
# Header pattern -> folders that may include it.
VENDOR_HEADERS = {
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
MAX_LINES = 400
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def problems_of(path: pathlib.Path) -> list[str]:
    """Messages about one file."""
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().splitlines()
    problems = []
    if len(lines) > MAX_LINES:
        problems.append(f"{name}: {len(lines)} lines, at most {MAX_LINES}")
    parts = path.relative_to(ROOT).parts
    layer = parts[1] if parts[0] == "src" and len(parts) > 2 else None
    for number, line in enumerate(lines, 1):
        if layer and re.match(r"\s*#\s*if(def|ndef)?\b", line) and layer != "backend":
            problems.append(f"{name}:{number}: conditional compilation belongs to src/backend")
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        for pattern, folders in VENDOR_HEADERS.items():
            allowed = any(name.startswith(folder + "/") for folder in folders)
            if re.match(pattern, header) and not allowed:
                problems.append(f"{name}:{number}: <{header}> may be included only in "
                                f"{', '.join(folders)}")
        included = header.split("/")[0]
        if layer in LAYERS and included in LAYERS and LAYERS.index(included) > LAYERS.index(layer):
            problems.append(f"{name}:{number}: {layer} may not include {included}, a higher layer")
    return problems


def main() -> int:
    """Command line."""
    folders = ("src", "include", "apps", "tests", "fuzz", "bench")
    files = [p for folder in folders for p in (ROOT / folder).rglob("*")
             if p.suffix in (".h", ".cpp")]
    problems = [problem for path in sorted(files) for problem in problems_of(path)]
    print("\n".join(problems) or f"no problem in {len(files)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
