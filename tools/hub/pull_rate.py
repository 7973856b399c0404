#!/usr/bin/env python3
"""How fast the program pulls from a server on this machine, with hashing: python3 tools/hub/pull_rate.py

The server is tests/hub/fake_hub.py, which sends files by sendfile(2). Both share the machine's cores.
"""
import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/hub"))
from fake_hub import Hub, Repository  # noqa: E402


COMPONENTS = ("unet", "vae", "text_encoder", "text_encoder_2")
PICTOGRAM = ROOT / "models/pictogram"


def repository(folder, megabytes, files):
    """A pipeline whose weights have the given size together, in the first `files` components; of random bytes."""
    contents = {"model_index.json": b"{}"}
    for number, name in enumerate(COMPONENTS):
        path = folder / f"{name}.safetensors"
        with path.open("wb") as file:
            for _ in range(megabytes // files if number < files else 0):
                file.write(os.urandom(10**6))
        config = PICTOGRAM / name / "config.json"
        base = "model" if name.startswith("text") else "diffusion_pytorch_model"
        contents |= {f"{name}/config.json": config.read_bytes() if config.exists() else b"{}",
                     f"{name}/{base}.safetensors": path}
    return Repository(contents, lfs={path for path in contents if path.endswith(".safetensors")})


def pull(program, hub, cache, jobs):
    environment = {"HOME": str(cache), "HF_HUB_CACHE": str(cache), "HF_ENDPOINT": hub.endpoint}
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime
    begin, before = time.monotonic(), used()
    subprocess.run([program, "pull", "org/model", "--no-tiny", "--quiet", "--jobs", str(jobs)], check=True,
                   env=environment, stdout=subprocess.DEVNULL)
    return time.monotonic() - begin, used() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/streamdiffusion"))
    parser.add_argument("--megabytes", type=int, default=1200)
    parser.add_argument("--files", type=int, default=4, choices=(1, 2, 3, 4))
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where the cache is; default: the system's temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, Hub().running() as hub:
        source, cache = pathlib.Path(folder, "source"), pathlib.Path(folder, "cache")
        source.mkdir()
        hub.repositories["org/model"] = repository(source, arguments.megabytes, arguments.files)
        size = sum(hub.repositories["org/model"].size(path) for path in hub.repositories["org/model"].files)
        rates, processors = [], []
        for _ in range(arguments.runs):
            seconds, processor = pull(arguments.program, hub, cache, arguments.jobs)
            rates.append(size / seconds * 1e-6)
            processors.append(processor / size * 1e9)
            shutil.rmtree(cache)
        rates.sort()
        print(f"{size * 1e-6:.0f} MB in {arguments.files} files, {arguments.jobs} at a time, {os.cpu_count()} cores: "
              f"median {rates[len(rates) // 2]:.0f} MB/s of {', '.join(f'{rate:.0f}' for rate in rates)}; "
              f"{min(processors):.2f} processor seconds a GB (load {os.getloadavg()[0]:.0f})")


if __name__ == "__main__":
    main()
