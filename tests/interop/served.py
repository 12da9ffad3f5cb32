"""Our server as a program, and calls to it."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.waiting import WAIT_SECONDS, wait_until

STOP_SECONDS = 60


class Served:
    """A running server."""

    def __init__(self, url: str, log: Path, pid: int) -> None:
        self.url = url
        self.pid = pid
        self._log = log

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer to a request, which must succeed; `path` begins after `/api`."""
        at = urlsplit(self.url)
        connection = http.client.HTTPConnection(at.hostname or "", at.port, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            headers = {"content-type": "application/json"}
            connection.request(method, at.path + path, data, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        assert answer.status < 300, f"{method} {path}: {answer.status} {content.decode()}"
        return json.loads(content) if content else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: object) -> Any:
        return self.call("POST", path, body)

    def states(self, flow_run_id: str) -> list[str]:
        """The names of the states that a flow run went through."""
        answer = self.get(f"/flow_run_states/?flow_run_id={flow_run_id}")
        return [state["name"] for state in answer]

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """The task runs of a flow run, in the order they were expected to start."""
        body = {"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": 200}
        return self.post("/task_runs/filter", body | {"sort": "EXPECTED_START_TIME_ASC"})

    def wait_for_state(
        self, flow_run_id: str, *names: str, seconds: float = WAIT_SECONDS
    ) -> dict[str, Any]:
        """The flow run, once its state is one of these."""
        run: dict[str, Any] = {}

        def arrived() -> bool:
            run.update(self.get(f"/flow_runs/{flow_run_id}"))
            return run["state_name"] in names

        def describe() -> str:
            return f"{run['state_name']}, not {names}: {self.states(flow_run_id)}"

        wait_until(arrived, describe, seconds)
        return run

    def complaints(self) -> list[str]:
        """What the server logged as an error."""
        lines = self._log.read_text().splitlines()
        return [line for line in lines if " ERROR " in line or "Traceback" in line]


@contextlib.contextmanager
def serve(home: Path, database: str, **settings: str) -> Iterator[Served]:
    """A server on `database`, on a port that the system chose."""
    home.mkdir(parents=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "HEADRACE_"))}
    command = [sys.executable, "-m", "headrace.server", "--database", database, "--port", "0"]
    log = home / "server.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env=kept | {"HEADRACE_HOME": str(home)} | settings,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=home,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server did not start: {log.read_text()}"
        told = json.loads(line)
        yield Served(told["url"], log, told["pid"])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
