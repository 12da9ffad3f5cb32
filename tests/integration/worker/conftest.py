"""Workers as programs, with an API that stands in for the server."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from stand_in_api import StandInApi

HERE = Path(__file__).parent


class Program:
    """One worker program and what it started."""

    def __init__(self, url: str, home: Path, name: str, *arguments: str) -> None:
        self.log = home / f"{name}.out"
        environment = {
            **os.environ,
            "HEADRACE_HOME": str(home),
            "HEADRACE_WORKER_HEARTBEAT_SECONDS": "1",
            "PYTHONPATH": str(HERE),
        }
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "worker_program.py"), url, name, *arguments],
                env=environment,
                stdout=output,
                stderr=output,
            )
        self._seen: dict[int, psutil.Process] = {}

    @property
    def parents(self) -> list[psutil.Process]:
        return [p for p in self.look() if "warm.program" in " ".join(_command(p))]

    def look(self) -> list[psutil.Process]:
        """The live descendants; remembered, also when their parent dies."""
        try:
            found = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            found = []
        for child in found:
            self._seen[child.pid] = child
        return [p for p in found if p.is_running()]

    def alive(self) -> list[psutil.Process]:
        """All that was ever seen and still runs."""
        self.look()
        return [p for p in self._seen.values() if p.is_running() and p.status() != "zombie"]

    def kill(self) -> None:
        self.look()
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.look()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def clean(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        for process in self.alive():
            process.kill()


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def api() -> Iterator[StandInApi]:
    made = StandInApi()
    yield made
    made.close()


@pytest.fixture
def start(api: StandInApi, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    started: list[Program] = []

    def go(*arguments: str, name: str = "w") -> Program:
        program = Program(api.url, tmp_path, name, *arguments)
        started.append(program)
        return program

    yield go
    for program in started:
        program.clean()
        sys.stdout.write(program.log.read_text())
