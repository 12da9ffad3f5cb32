"""The three sides of every comparison: Headrace, the peer, the peer with its best settings."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

START_SECONDS = 90
STOP_SECONDS = 20


@dataclass(frozen=True)
class Side:
    """One product under one set of settings."""

    name: str
    package: str  # what a program imports, and the name of the CLI
    python: Path
    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def is_headrace(self) -> bool:
        return self.package == "headrace"

    @property
    def cli(self) -> Path:
        return self.python.parent / self.package

    def environment(self, api_url: str | None = None) -> dict[str, str]:
        prefix = self.package.upper()
        # Bytecode is kept on both sides, as it is for users.
        dropped = ("PREFECT_", "HEADRACE_", "PYTHONDONTWRITEBYTECODE")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        own = {f"{prefix}_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        if api_url:
            own[f"{prefix}_API_URL"] = api_url
        if not self.is_headrace:
            own["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
            own["DO_NOT_TRACK"] = "1"
        return kept | own | self.settings


@dataclass
class Server:
    """A server that runs on loopback."""

    side: Side
    url: str
    database: str
    process: subprocess.Popen[bytes]

    @property
    def dialect(self) -> str:
        return "postgresql" if self.database.startswith("postgresql") else "sqlite"

    def memory(self) -> float:
        """Resident memory of the server with all its children, MB."""
        main = psutil.Process(self.process.pid)
        everyone = [main, *main.children(recursive=True)]
        return sum(p.memory_info().rss for p in everyone) / 1e6


def own_environment(home: Path, **more: str) -> dict[str, str]:
    """The environment of Headrace's programs beside the comparisons: nothing configured but `more`."""
    # Bytecode is kept, as it is for users.
    dropped = ("HEADRACE_", "PREFECT_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    return kept | {"HEADRACE_HOME": str(home)} | more


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process group that was started here, and wait for it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def start_program(
    command: list[str], environment: dict[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """A program in a process group of its own, its output in a file."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command, env=environment, stdout=out, stderr=out, start_new_session=True, cwd=log.parent
        )


@contextlib.contextmanager
def server(side: Side, database: str) -> Iterator[Server]:
    """A fresh server on `database`, an SQLite path or a PostgreSQL address."""
    shutil.rmtree(side.home, ignore_errors=True)
    side.home.mkdir(parents=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    environment = side.environment()
    if side.is_headrace:
        command = [str(side.python), "-m", "headrace.server", "--database", database]
        command += ["--host", "127.0.0.1", "--port", str(port)]
    else:
        scheme = "postgresql+asyncpg" if database.startswith("postgresql") else "sqlite+aiosqlite"
        address = database.partition("://")[2] if "://" in database else f"/{database}"
        environment["PREFECT_API_DATABASE_CONNECTION_URL"] = f"{scheme}://{address}"
        command = [
            str(side.cli),
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-ui",
        ]
    process = start_program(command, environment, side.home / "server.log")
    try:
        wait_healthy(url, process, side.home / "server.log")
        yield Server(side, url, database, process)
    finally:
        stop(process)


def wait_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{url}/health", timeout=5) as answer,
        ):
            if json.load(answer) is True:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    message = (
        f"the server did not come up: {' '.join(map(str, process.args))}\n{log.read_text()[-3000:]}"
    )
    raise RuntimeError(message)
