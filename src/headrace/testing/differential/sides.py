"""The two servers of a comparison, each a process on loopback, and a plain client of them."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

START_SECONDS: Final = 90
STOP_SECONDS: Final = 20
CALL_SECONDS: Final = 120
_BUSY: Final = 503  # the peer says it when its database is locked, and at faults of its own
_BUSY_TRIES: Final = 10

# The peer's loops would change what was loaded while questions are asked.
_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_API_DATABASE_TIMEOUT": "60",
    **{
        f"PREFECT_SERVER_SERVICES_{loop}_ENABLED": "false"
        for loop in ("SCHEDULER", "LATE_RUNS", "CANCELLATION_CLEANUP", "PAUSE_EXPIRATIONS")
    },
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status and its JSON, None where it has none."""

    status: int
    json: Any


class Side:
    """A running server, spoken to on one connection: what one request made is there for the next."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}/api"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=CALL_SECONDS)

    def call(self, method: str, path: str, body: Any = None) -> Reply:
        """Send one request; `path` begins after `/api`."""
        data = None if body is None else json.dumps(body).encode()
        for _ in range(_BUSY_TRIES):
            reply = self._exchange(method, path, data)
            if reply.status != _BUSY:
                return reply
            time.sleep(0.1)
        return reply  # pyright: ignore[reportPossiblyUnboundVariable] - the loop runs at least once

    def _exchange(self, method: str, path: str, data: bytes | None) -> Reply:
        headers = {"content-type": "application/json"}
        try:
            self._connection.request(method, f"/api{path}", data, headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        except (http.client.RemoteDisconnected, ConnectionError):  # an idle one was closed
            self._connection.close()
            self._connection.request(method, f"/api{path}", data, headers)
            answer = self._connection.getresponse()
            raw = answer.read()
        try:
            return Reply(answer.status, json.loads(raw) if raw else None)
        except ValueError:
            return Reply(answer.status, raw.decode("utf-8", "replace"))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


@contextlib.contextmanager
def headrace(home: Path, database: str, name: str = "headrace") -> Generator[Side]:
    """Our server without background loops, on a database that is fresh.

    Args:
        home: A directory for its files.
        database: A path or an address, as `--database` takes it.
        name: Tells it from others of ours.
    """
    port = _free_port()
    command = [sys.executable, "-m", "headrace.server", "--no-loops", "--database", database]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (
        _running(command, {"HEADRACE_HOME": str(home)}, home, port),
        contextlib.closing(Side(name, port)) as side,
    ):
        yield side


@contextlib.contextmanager
def peer(python: Path, home: Path) -> Generator[Side]:
    """The peer's server on SQLite, its background loops off as far as they can be."""
    port = _free_port()
    command = [str(python), "-m", "prefect", "server", "start", "--no-ui"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with (
        _running(command, {"PREFECT_HOME": str(home), **_QUIET}, home, port),
        contextlib.closing(Side("peer", port)) as side,
    ):
        yield side


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _running(
    command: list[str], settings: dict[str, str], home: Path, port: int
) -> Generator[None]:
    home.mkdir(parents=True, exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "HEADRACE_"))}
    log = home / "server.log"
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - a server of this module, without a shell
            command, env=kept | settings, stdout=out, stderr=out, start_new_session=True, cwd=home
        )
    try:
        _wait_healthy(port, process, log)
        yield
    finally:
        _stop(process)


def _wait_healthy(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        side = Side("starting", port)
        try:
            if side.call("GET", "/health").json is True:
                return
        except OSError:
            time.sleep(0.05)
        finally:
            side.close()
    message = f"The server did not come up: {process.args}\n{log.read_text()[-3000:]}"
    raise RuntimeError(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
