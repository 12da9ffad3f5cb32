"""A server that goes away while a run is paused or running."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from headrace import flow, pause_flow_run, resume_flow_run, task
from headrace.engine.recorder import close_recorders
from headrace.errors import HeadraceError
from headrace.runtime import flow_run as runtime_flow_run
from headrace.settings import temporary_settings

DEADLINE = 30.0  # seconds for anything a test waits for


class Program:
    """The server's program, on one port and database, started and killed at will."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.port = 0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "headrace.server", "--database", str(self.database)]
        command += ["--host", "127.0.0.1", "--port", str(self.port), "--no-loops"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
        )
        assert self.process.stdout is not None
        address = json.loads(self.process.stdout.readline())
        self.port = self.port or int(address["url"].rpartition(":")[2].partition("/")[0])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def state_name(self, flow_run_id: str) -> str:
        with urllib.request.urlopen(f"{self.url}/flow_runs/{flow_run_id}", timeout=10) as answer:
            return json.load(answer)["state_name"]


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "server.db")
    program.start()
    with temporary_settings(api_url=program.url, home=tmp_path / "home"):
        yield program
        assert close_recorders(10)
    program.kill()


@task
def step():
    return 1


def test_a_paused_run_survives_the_server_s_restart(program):
    """The run waits through the outage and goes on when it is resumed afterwards."""
    started = threading.Event()
    seen: dict[str, str] = {}
    failures: list[BaseException] = []

    @flow
    def asks():
        seen["id"] = runtime_flow_run.id
        started.set()
        return pause_flow_run(int, timeout=DEADLINE) + step()

    def answer():
        """Enter the value; the form may not be there yet, if the server went before it had it."""
        deadline = time.monotonic() + DEADLINE
        while True:
            try:
                return resume_flow_run(UUID(seen["id"]), {"value": 4})
            except HeadraceError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def outage():
        try:
            assert started.wait(DEADLINE)
            deadline = time.monotonic() + DEADLINE
            while program.state_name(seen["id"]) != "Paused":
                assert time.monotonic() < deadline
                time.sleep(0.02)
            program.kill()
            program.start()
            answer()
        except BaseException as error:  # noqa: BLE001 - raised in the test's own thread
            failures.append(error)

    breaker = threading.Thread(target=outage)
    breaker.start()
    assert asks() == 5
    breaker.join(DEADLINE)
    assert failures == []
    assert program.state_name(seen["id"]) == "Completed"


def test_a_run_that_ends_while_the_server_is_away_is_reported_later(program):
    """The final state waits for the server; the caller gets the result then."""
    seen: dict[str, str] = {}

    @flow
    def works():
        seen["id"] = runtime_flow_run.id
        step()
        program.kill()
        back = threading.Timer(0.5, program.start)
        back.start()
        return back

    works().join()
    assert program.state_name(seen["id"]) == "Completed"
