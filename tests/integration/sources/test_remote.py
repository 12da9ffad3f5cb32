"""Code in object storage: S3 by its client library against a server that speaks it; files and memory."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import CodeUnavailable
from headrace.settings import temporary_settings
from headrace.sources.remote import download_directory, upload_directory
from headrace.sources.storages import RemoteStorage


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    run = tmp_path / "run"
    run.mkdir()
    monkeypatch.chdir(run)
    with temporary_settings(home=tmp_path / "home"):
        yield run


@pytest.fixture(scope="module")
def s3() -> Iterator[dict[str, Any]]:
    """A server that speaks S3; the settings that lead to it."""
    program = subprocess.Popen(
        [sys.executable, "-c", "import moto.server as s; s.main(['-H', '127.0.0.1', '-p', '0'])"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        text=True,
    )
    assert program.stderr is not None
    address = next(line.split()[-1] for line in program.stderr if "Running on" in line)
    reader = threading.Thread(target=program.stderr.read, daemon=True)
    reader.start()
    yield {
        "key": "k",
        "secret": "s",
        "endpoint_url": address,
        "client_kwargs": {"region_name": "us-east-1"},
    }
    program.kill()
    program.wait()
    reader.join(10)
    program.stderr.close()


def project(root: Path) -> Path:
    (root / "pkg").mkdir(parents=True)
    (root / "flow.py").write_text("1")
    (root / "pkg" / "mod.py").write_text("2")
    (root / "secret.txt").write_text("no")
    (root / ".prefectignore").write_text("secret.txt\n")
    return root


def files(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text()
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def make_bucket(settings: dict[str, Any], name: str) -> str:
    host = settings["endpoint_url"].removeprefix("http://")
    connection = HTTPConnection(host, timeout=20)
    connection.request("PUT", f"/{name}", headers={"authorization": "AWS k:s"})
    assert connection.getresponse().status == 200
    connection.close()
    return f"s3://{name}/code"


def test_what_is_put_into_s3_is_what_runs_get(place: Path, s3: dict[str, Any], tmp_path: Path):
    """Less what the ignore file names; a change is seen by the next, what is gone is gone."""
    url = make_bucket(s3, f"b{time.monotonic_ns()}")
    root = project(tmp_path / "project")
    assert upload_directory(url, root, ".prefectignore", **s3) == 3
    storage = RemoteStorage(url, **s3)
    storage.pull_code()
    assert files(storage.destination) == {"flow.py": "1", "pkg/mod.py": "2"}
    (storage.destination / "written-by-the-flow").write_text("x")
    (root / "flow.py").write_text("changed")
    upload_directory(url, root, ".prefectignore", **s3)
    storage.pull_code()
    assert files(storage.destination) == {"flow.py": "changed", "pkg/mod.py": "2"}


def test_objects_are_fetched_once_for_all_runs_of_a_machine(place: Path, s3: dict[str, Any]):
    """As long as they are the same, the second run asks for their list alone."""
    url = make_bucket(s3, f"b{time.monotonic_ns()}")
    upload_directory(url, project(place / "project"), **s3)
    download_directory(url, place / "a", **s3)
    trees = place.parent / "home/code/trees"
    before = {path.name: path.stat().st_mtime_ns for path in trees.iterdir() if path.is_dir()}
    download_directory(url, place / "b", **s3)
    after = {path.name: path.stat().st_mtime_ns for path in trees.iterdir() if path.is_dir()}
    assert before == after
    assert files(place / "a") == files(place / "b")


def test_what_is_not_there_or_not_allowed_is_named(place: Path, s3: dict[str, Any]):
    """The message has the address, and no key."""
    url = make_bucket(s3, f"b{time.monotonic_ns()}")
    with pytest.raises(CodeUnavailable, match=f"nothing under {url}"):
        download_directory(url, place / "a", **s3)
    with pytest.raises(CodeUnavailable, match=r"nope.* cannot be") as refused:
        upload_directory(
            "s3://nope/x",
            project(place / "project"),
            **{**s3, "secret": "very-secret", "endpoint_url": "http://127.0.0.1:1"},
        )
    assert "very-secret" not in str(refused.value)
    assert list(place.iterdir()) == [place / "project"]


def test_files_and_memory_go_the_same_way(place: Path, tmp_path: Path):
    """Whatever else fsspec has an address for."""
    root = project(tmp_path / "project")
    upload_directory("memory://bucket/code", root, ".prefectignore", skip_instance_cache=False)
    storage = RemoteStorage("memory://bucket/code", skip_instance_cache=False)
    storage.pull_code()
    assert files(storage.destination) == {"flow.py": "1", "pkg/mod.py": "2"}
    download_directory(f"file://{root}", place / "again")
    assert files(place / "again")["flow.py"] == "1"
