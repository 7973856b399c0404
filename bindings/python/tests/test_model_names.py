"""Models by name, from a stand-in for the hub: the included model is what it serves."""
import pathlib
import sys

import pytest

import streamdiffusion_cpp as sd

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tests/hub"))
from fake_hub import Hub, Repository  # noqa: E402

MODEL = pathlib.Path(sd.__file__).parent / "models/pictogram"
NAME = "org/pictogram"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    files = {path.relative_to(MODEL).as_posix(): path for path in MODEL.rglob("*") if path.is_file()}
    large = {name for name in files if name.endswith(".safetensors")}
    small = {name: path.read_bytes() for name, path in files.items() if name not in large}
    with Hub().running() as running:
        running.repositories = {NAME: Repository({name: files[name] for name in large} | small, lfs=large)}
        monkeypatch.setenv("HF_HOME", str(tmp_path))
        monkeypatch.setenv("HF_ENDPOINT", running.endpoint)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield running


def test_a_model_by_its_name_is_downloaded_once(hub):
    told = []
    sd.Engine.open(NAME, device="cpu", threads=1, on_progress=lambda *now: told.append(now))
    names, there, total = zip(*told)
    assert set(names) == {NAME}
    assert list(there) == sorted(there) and there[-1] == total[-1] > 20_000_000
    requests = len(hub.requests)
    sd.Engine.open(NAME, device="cpu", threads=1)
    assert len(hub.requests) == requests


def test_what_on_progress_raises_ends_the_download_and_the_next_one_goes_on(hub):
    def enough(name, there, total):
        raise TimeoutError(name)

    with pytest.raises(TimeoutError, match=NAME):
        sd.Engine.open(NAME, on_progress=enough)
    assert sd.Engine.open(NAME, device="cpu", threads=1).info["model"]


def test_a_name_that_the_hub_does_not_know_is_not_found(hub):
    with pytest.raises(sd.NotFound, match="org/absent"):
        sd.Engine.open("org/absent")
