"""What a user does with a server: start programs, make runs, wait for them."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
from tests.integration.conftest import LiveServer

HERE = Path(__file__).parent
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Desk:
    """What a user does: start programs, make runs, wait for them."""

    def __init__(
        self, server: LiveServer, home: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.server = server
        self.home = home
        self.environment = dict(environment or {})
        self.url = f"http://127.0.0.1:{server.port}/api"
        self._programs: list[tuple[subprocess.Popen[bytes], Path]] = []

    def start(self, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.home / f"program-{len(self._programs)}.out"
        environment = {
            **os.environ,
            "HEADRACE_HOME": str(self.home),
            "HEADRACE_API_URL": self.url,
            **self.environment,
        }
        with log.open("wb") as output:
            program = subprocess.Popen(
                [sys.executable, *arguments],
                env=environment,
                stdout=output,
                stderr=output,
                cwd=HERE,
            )
        self._programs.append((program, log))
        return program, log

    def serve(self, name: str) -> tuple[subprocess.Popen[bytes], Path]:
        program, log = self.start("served_flows.py", name)
        wait_for(lambda: "headrace deployment run" in log.read_text(), log)
        return program, log

    def run(self, name: str, **body: Any) -> str:
        deployment = self.server.get(f"/deployments/name/{name}").json["id"]
        reply = self.server.post(f"/deployments/{deployment}/create_flow_run", body)
        assert reply.status == 201, reply.body
        return reply.json["id"]

    def flow_run(self, run: str) -> dict[str, Any]:
        return self.server.get(f"/flow_runs/{run}").json

    def over(self, run: str) -> dict[str, Any]:
        wait_for(lambda: self.flow_run(run)["state_type"] in OVER, self._programs[-1][1])
        return self.flow_run(run)

    def close(self) -> None:
        for program, log in self._programs:
            if program.poll() is None:
                children = psutil.Process(program.pid).children(recursive=True)
                program.kill()
                program.wait()
                for child in children:
                    if child.is_running():
                        child.kill()
            sys.stdout.write(log.read_text())


def wait_for(condition: Callable[[], object], log: Path, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.01)
