"""The server's program: how it starts, what it refuses, how it ends."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

END_SECONDS = 60.0


class Program:
    """One process of the server."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headrace.server", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=inherited | environment,
            text=True,
        )

    def announced(self) -> dict[str, Any]:
        """The line on stdout."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return json.loads(line)

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_SECONDS)

    def refusal(self) -> tuple[int, str]:
        """Exit code and stderr of a program that does not start."""
        _, errors = self.process.communicate(timeout=END_SECONDS)
        return self.process.returncode, errors


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    started: list[Program] = []
    yield started
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
        program.process.communicate()


@pytest.fixture
def start(programs: list[Program]):
    def start(*arguments: str, **environment: str) -> Program:
        program = Program(*arguments, **environment)
        programs.append(program)
        return program

    return start


def ask(url: str, path: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", parts.path + path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.kill
def test_it_tells_where_it_answers_and_ends_when_asked(start: Any, tmp_path: Path):
    """One JSON line, the address file beside the database, exit code 0, nothing left behind."""
    database = tmp_path / "new" / "h.db"
    program = start("--database", str(database), "--port", "0")
    told = program.announced()
    assert told["pid"] == program.process.pid
    assert ask(told["url"], "/health") == 200
    address = database.with_name("h.db.address")
    assert json.loads(address.read_text())["url"] == told["url"]
    second = start("--database", str(database), "--port", "0")
    code, errors = second.refusal()
    assert code == 1
    assert told["url"] in errors
    assert len(errors.splitlines()) == 1
    assert program.end() == 0
    assert not address.exists()
    again = start("--database", str(database), "--port", "0")
    again.announced()
    assert again.end(signal.SIGINT) == 0


@pytest.mark.kill
def test_it_goes_when_nobody_needs_it(start: Any, tmp_path: Path):
    """The embedded server ends by itself and leaves no address behind."""
    program = start("--database", str(tmp_path / "h.db"), "--port", "0", "--exit-when-idle", "0.2")
    assert program.announced()["pid"] == program.process.pid  # asked now, it might be gone already
    assert program.process.wait(END_SECONDS) == 0
    assert not (tmp_path / "h.db.address").exists()


def test_it_refuses_in_one_line(start: Any, tmp_path: Path):
    """A port in use, an unsafe address, a foreign file, a setting that is none."""
    foreign = tmp_path / "notes.txt"
    foreign.write_text("not a database" * 100)
    fresh = str(tmp_path / "h.db")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = {
            port: start("--database", fresh, "--port", port),
            "HEADRACE_SERVER_API_KEY": start("--database", fresh, "--host", "0.0.0.0"),
            "notes.txt": start("--database", str(foreign), "--port", "0"),
            "'x' is not a whole number": start(
                "--database", fresh, HEADRACE_SERVER_API_DEFAULT_LIMIT="x"
            ),
        }
        for words, program in refused.items():
            code, errors = program.refusal()
            assert code in (1, 2), errors
            assert words in errors
            assert len(errors.splitlines()) == 1, errors
    assert foreign.read_text().startswith("not a database")


CLIENTS = 64
WRITES = 6  # of each client


def write_runs(url: str, flow: str, mine: list[str]) -> None:
    """What one client does, on a connection of its own: runs are made, and begin."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)

    def send(path: str, body: object) -> Any:
        headers = {"content-type": "application/json"}
        connection.request("POST", parts.path + path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 201), (answer.status, content)
        return json.loads(content)

    try:
        for _ in range(WRITES):
            run = send("/flow_runs/", {"flow_id": flow})["id"]
            send(f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
            mine.append(run)
    finally:
        connection.close()


@pytest.mark.kill
def test_64_clients_write_to_sqlite_at_once(start: Any, tmp_path: Path):
    """None is refused, and a server that is killed right afterwards has lost nothing."""
    arguments = ("--database", str(tmp_path / "h.db"), "--port", "0")
    program = start(*arguments)
    url = program.announced()["url"]
    flow = post(url, "/flows/", {"name": "f"})["id"]
    written = [list[str]() for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        for done in [clients.submit(write_runs, url, flow, mine) for mine in written]:
            done.result()
    program.process.kill()
    program.process.wait(END_SECONDS)
    url = start(*arguments).announced()["url"]
    acknowledged = {run for mine in written for run in mine}
    assert len(acknowledged) == CLIENTS * WRITES
    found = set[str]()
    for offset in range(0, CLIENTS * WRITES, 200):
        page = {"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}, "offset": offset}
        found |= {run["id"] for run in post(url, "/flow_runs/filter", page)}
    assert found == acknowledged


def post(url: str, path: str, body: object) -> Any:
    """What the server answers to a request that must succeed."""
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)
