#!/usr/bin/env python3
"""Checks the layers of src: who may include whom, that vendor headers stay in their folders, that
files stay short and open with a comment, that comments fit in 100 columns (clang-format leaves them
as they are) and the prose of documents in 140, and that ARCHITECTURE.md lists the layers as they are.

The order of the layers is written once, in src/CMakeLists.txt, lowest first. What a folder may
include is what its CMakeLists.txt links: the DEPS of its sd_library, and theirs.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Header pattern -> folders and files that may include it.
VENDOR_HEADERS = {
    r"dnnl": ["src/backend/cpu"],
    r"hwy/": ["src/backend/cpu", "src/image/simd_rows.cpp", "src/image/yuv_rows.cpp"],
    r"omp\.h": ["src/backend/cpu"],
    r"(png|jpeglib|turbojpeg|jerror)\.h": ["src/image"],
    r"unicode/": ["src/tokenizer"],
    r"webp/": ["src/image"],
    r"lcms2": ["src/image", "tests/image"],
    r"nlohmann/": ["src/json", "src/weights", "src/settings", "src/live", "src/c_api", "src/osc", "src/webrtc", "src/server", "apps", "plugins", "tests", "bench"],
    r"CLI/": ["apps/streamdiffusion/command_line.cpp", "apps/streamdiffusion/command_summaries.cpp", "apps/streamdiffusion/flags.cpp",
              "apps/streamdiffusion/help_formatter.h", "bench"],
    r"(cuda|cudnn|cublas)": ["src/backend/cuda", "tests/backend/cuda", "bench/cuda"],
    r"lib(av|sw)": ["src/media"],
    r"SDL": ["src/media"],
    r"(pipewire|spa)/": ["src/media/pipewire", "tests/apps/fake_screen.cpp"],
    r"gio/": ["src/media/pipewire"],
    r"yaml-cpp/": ["src/config"],
    r"boost/context/": ["tests/backend/cuda"],
    r"boost/(?!context/)": ["src/server"],
    r"curl/": ["src/hub/curl"],
    r"zlib\.h": ["src/image", "src/server/http", "tests/image", "tests/server"],
    r"lo/": ["src/osc/liblo", "tests/osc"],
    r"openssl/": ["src/hub", "src/server"],
    r"prometheus/": ["src/server"],
}
MAX_LINES = 400
MAX_COLUMNS = 100
MAX_PROSE_COLUMNS = 140
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
CONDITIONAL = re.compile(r"\s*#\s*if(def|ndef)?\b")


def read_layers() -> list[str]:
    text = (ROOT / "src/CMakeLists.txt").read_text()
    return re.search(r"set\(layers ([^)]+)\)", text).group(1).split()


class Libraries:
    """The sd_library calls under src: each library's folder and the folders it may include."""

    def __init__(self):
        self.folder_of: dict[str, str] = {}
        self.direct: dict[str, list[str]] = {}
        for path in sorted((ROOT / "src").rglob("CMakeLists.txt")):
            folder = path.parent.relative_to(ROOT / "src").as_posix()
            variables = {name: value.split() for name, value in
                         re.findall(r"set\((\w+) ([^)\"]+)\)", path.read_text())}
            for call in re.findall(r"sd_library\(([^)]+)\)", path.read_text()):
                words = call.split()
                deps = re.search(r"\bDEPS\b(.*?)(\bLINK\b|\bSOURCES\b|$)", call, re.S)
                names = deps.group(1).split() if deps else []
                self.folder_of[words[0]] = folder
                self.direct[words[0]] = [d for name in names for d in self.expand(name, variables)]

    @staticmethod
    def expand(name: str, variables: dict[str, list[str]]) -> list[str]:
        match = re.fullmatch(r"\$\{(\w+)\}", name)
        return variables.get(match.group(1), []) if match else [name]

    def closure(self, name: str, seen: set[str]) -> set[str]:
        for dep in self.direct.get(name, []):
            if dep not in seen:
                seen.add(dep)
                self.closure(dep, seen)
        return seen

    def allowed(self, folder: str) -> set[str] | None:
        """Top folders that code in `folder` (under src) may include; None if it has no library."""
        parts = folder.split("/")
        while parts:
            here = "/".join(parts)
            names = [n for n, f in self.folder_of.items() if f == here]
            if names:
                reached = set().union(*(self.closure(n, set()) for n in names))
                return {self.folder_of[n].split("/")[0] for n in reached if n in self.folder_of} | {
                    parts[0]}
            parts.pop()
        return None


def check_includes(path: pathlib.Path, layers: list[str], libraries: Libraries) -> list[str]:
    name = path.relative_to(ROOT).as_posix()
    lines = path.read_text().splitlines()
    problems = []
    if len(lines) > MAX_LINES:
        problems.append(f"{name}: {len(lines)} lines, at most {MAX_LINES}")
    if not lines[0].startswith("//") and not path.with_suffix(".h").exists():
        problems.append(f"{name}: does not open with a comment that says what it holds")
    parts = path.relative_to(ROOT).parts
    layer = parts[1] if parts[0] == "src" and len(parts) > 2 else None
    allowed = libraries.allowed("/".join(parts[1:-1])) if layer else None
    per_instruction_set = any("hwy/foreach_target.h" in line for line in lines)
    for number, line in enumerate(lines, 1):
        if layer and CONDITIONAL.match(line) and layer != "backend" and not per_instruction_set:
            problems.append(f"{name}:{number}: conditional compilation belongs to src/backend")
        if len(line) > MAX_COLUMNS and line.lstrip().startswith("//"):
            problems.append(f"{name}:{number}: a comment of {len(line)} columns, at most "
                            f"{MAX_COLUMNS}")
        if "testing::TempDir()" in line:
            problems.append(f"{name}:{number}: tests run beside each other, so their folders have names "
                            "of their own: testing::TemporaryFolder")
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        for pattern, homes in VENDOR_HEADERS.items():
            if re.match(pattern, header) and not any(
                    name == home or name.startswith(home + "/") for home in homes):
                problems.append(f"{name}:{number}: <{header}> may be included only in "
                                f"{', '.join(homes)}")
        included = header.split("/")[0]
        if not layer or included not in layers:
            continue
        if layers.index(included) > layers.index(layer):
            problems.append(f"{name}:{number}: {layer} may not include {included}, a higher layer")
        elif allowed is not None and included not in allowed:
            problems.append(f"{name}:{number}: includes {included}, which is not among the DEPS of "
                            f"its library")
    return problems


def check_prose(path: pathlib.Path) -> list[str]:
    """Lines of a document that are no code, table, image, or single long word such as a link."""
    problems, code = [], False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        code ^= line.startswith("```")
        if code or line.startswith(("|", "!", "<")) or len(line) <= MAX_PROSE_COLUMNS or " " not in line.strip():
            continue
        problems.append(f"{path.relative_to(ROOT).as_posix()}:{number}: {len(line)} columns, at most {MAX_PROSE_COLUMNS}")
    return problems


def check_architecture(layers: list[str]) -> list[str]:
    """ARCHITECTURE.md has one row a layer, in the order of src/CMakeLists.txt."""
    rows = re.findall(r"^\| `src/(\w+)`", (ROOT / "ARCHITECTURE.md").read_text(), re.M)
    folders = sorted(p.name for p in (ROOT / "src").iterdir() if p.is_dir())
    problems = []
    if rows != layers:
        problems.append(f"ARCHITECTURE.md lists the layers {' '.join(rows)}, "
                        f"src/CMakeLists.txt {' '.join(layers)}")
    if folders != sorted(layers):
        problems.append(f"src has the folders {' '.join(folders)}, "
                        f"src/CMakeLists.txt {' '.join(sorted(layers))}")
    return problems


def main() -> int:
    layers = read_layers()
    libraries = Libraries()
    files = [p for folder in ("src", "include", "apps", "plugins", "bindings", "tests", "fuzz", "bench")
             for p in (ROOT / folder).rglob("*") if p.suffix in (".h", ".cpp", ".cu", ".cuh")]
    problems = [problem for path in sorted(files)
                for problem in check_includes(path, layers, libraries)]
    problems += check_architecture(layers)
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]:
        problems += check_prose(path)
    print("\n".join(problems) or f"no problem in {len(files)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
