"""Servers of several processes, servers without loops, and loops without a server."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from headrace.server.app import build_app
from headrace.server.config import ServerConfig, read_config
from headrace.server.services.loops.catalogue import list_loops
from headrace.server.store.open import open_database

SECONDS = 120.0  # for what happens at once on a machine that is not loaded


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def children_of(pid: int) -> set[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return {int(word) for word in text.split()}


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


def is_well(url: str) -> bool:
    with urlopen(f"{url}/health", timeout=SECONDS) as answer:  # loopback
        return answer.read() == b"true"


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts the server's program; what still runs at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "headrace.server", "--port", "0", *arguments],
            env={**os.environ, "HEADRACE_HOME": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_several_processes_share_a_port(
    program: Callable[..., "subprocess.Popen[str]"], postgresql_url: str
) -> None:
    """Each answers; one that is killed is replaced; all end with their parent's SIGTERM."""
    parent = program("--workers", "2", "--database", postgresql_url)
    assert parent.stdout is not None
    told = json.loads(parent.stdout.readline())
    assert told["pid"] == parent.pid
    first = children_of(parent.pid)
    assert len(first) == 2
    assert all(is_well(told["url"]) for _ in range(8))
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(children_of(parent.pid) - {victim}) == 2, "no other took its place")
    assert all(is_well(told["url"]) for _ in range(8))
    last = children_of(parent.pid)
    parent.terminate()
    assert parent.wait(SECONDS) == 0
    until(lambda: not any(map(is_there, last)), "a process stayed")


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_processes_do_not_outlive_their_parent(
    program: Callable[..., "subprocess.Popen[str]"], postgresql_url: str
) -> None:
    """A parent that is killed leaves none behind."""
    parent = program("--workers", "2", "--database", postgresql_url)
    assert parent.stdout is not None
    json.loads(parent.stdout.readline())
    left = children_of(parent.pid)
    assert len(left) == 2
    parent.kill()
    until(lambda: not any(map(is_there, left)), "a process stayed")


@pytest.mark.parametrize("option", [["--workers", "2"], ["--loops-only"]])
def test_an_sqlite_database_is_not_shared(
    program: Callable[..., "subprocess.Popen[str]"], option: list[str], tmp_path: Path
) -> None:
    """What needs a shared database is refused in one line that says what to do."""
    process = program(*option, "--database", str(tmp_path / "own.db"))
    out, err = process.communicate(timeout=SECONDS)
    assert (out, process.returncode) == ("", 2)
    assert option[0] in err
    assert "give a PostgreSQL database" in err
    assert not (tmp_path / "own.db").exists()


def test_loops_alone(program: Callable[..., "subprocess.Popen[str]"], postgresql_url: str) -> None:
    """Without the API they run until they are told to stop."""
    process = program("--loops-only", "--database", postgresql_url)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["pid"] == process.pid
    process.terminate()
    assert process.wait(SECONDS) == 0


async def test_the_catalogue_has_every_loop(sqlite_url: str) -> None:
    """What is listed is what a server runs; a loop that is switched off is in neither."""
    database = await open_database(sqlite_url)
    try:
        off = {"HEADRACE_SERVER_SERVICES_LATE_RUNS_ENABLED": "false"}
        for config in (ServerConfig(), read_config(off)):
            listed = {one.name for one in list_loops(config) if one.enabled}
            assert {loop.loop.name for loop in build_app(database, config)._loops} == listed
    finally:
        await database.close()
    assert {one.name for one in list_loops(read_config(off)) if not one.enabled} == {"late_runs"}
    assert all(one.description for one in list_loops(ServerConfig()))
