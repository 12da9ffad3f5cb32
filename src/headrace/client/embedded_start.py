"""Starting the embedded server: as a process of its own, which outlives this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING

from headrace.client import embedded
from headrace.errors import ServerUnreachable
from headrace.settings.home import make_home, writing

if TYPE_CHECKING:
    from pathlib import Path

    from headrace.client.embedded import Address
    from headrace.settings import Settings

FIRST_LOOK = 0.01  # seconds between two looks at the address file; grows to LAST_LOOK
LAST_LOOK = 0.1  # seconds
END_TIMEOUT = 15.0  # seconds for an older server to end what it is at
LOG_BOUND = 5_000_000  # bytes; a longer log of earlier servers is begun anew
SHOWN = 2_000  # bytes of the log in a message

_children: list[subprocess.Popen[bytes]] = []
"""The servers started here, kept so that they are reaped if they end before this process."""


def start(settings: Settings, replacing: Address | None = None) -> str:
    """Start the server for the database in the home directory, and return its address.

    Several processes may do this at once: the database's lock lets one of their servers live, and
    all of them find it.

    Args:
        settings: Of this process.
        replacing: An older server to be ended first.

    Raises:
        ServerUnreachable: It does not start, or the older one does not end, in time.
    """
    deadline = monotonic() + settings.server_ephemeral_startup_timeout_seconds
    home = settings.home
    make_home(home)
    if replacing is not None:
        _end(home, replacing)
    child = _launch(settings)
    pause = FIRST_LOOK
    while True:
        found = embedded.find(settings)
        if found is not None:
            if found.pid != child.pid:
                child.terminate()  # another's server won; ours must not take over when that ends
            return found.url
        is_lost = child.poll() is not None and not embedded.is_owned(embedded.database_path(home))
        if is_lost or monotonic() > deadline:
            raise _failure(settings, child)
        sleep(pause)
        pause = min(pause * 1.3, LAST_LOOK)


def _launch(settings: Settings) -> subprocess.Popen[bytes]:
    database = embedded.database_path(settings.home)
    command = [
        sys.executable, "-m", "headrace.server",
        "--database", f"sqlite:///{database}",
        "--host", "127.0.0.1",
        "--port", "0",
        "--exit-when-idle", str(settings.server_ephemeral_idle_seconds),
    ]  # fmt: skip
    _children[:] = [child for child in _children if child.poll() is None]
    log = log_path(settings.home)
    is_long = log.exists() and log.stat().st_size > LOG_BOUND
    with writing(log):
        output = log.open("wb" if is_long else "ab")
    with output:
        child = subprocess.Popen(  # noqa: S603  # this interpreter, our own program
            command,
            cwd=settings.home,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children.append(child)
    return child


def _environment(settings: Settings) -> dict[str, str]:
    """This process's environment, less what belongs to the run that it may be executing."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("HEADRACE__", "PREFECT__"))
    }
    return {**kept, "HEADRACE_HOME": str(settings.home)}


def _end(home: Path, server: Address) -> None:
    database = embedded.database_path(home)
    if embedded.is_owned(database):
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGTERM)
    deadline = monotonic() + END_TIMEOUT
    while embedded.is_owned(database):
        if monotonic() > deadline:
            message = (
                f"the server of version {server.version} (process {server.pid}) has {database} open "
                f"and does not end within {END_TIMEOUT:g} s of being asked; end it by hand"
            )
            raise ServerUnreachable(message)
        sleep(LAST_LOOK)


def _failure(settings: Settings, child: subprocess.Popen[bytes]) -> ServerUnreachable:
    log = log_path(settings.home)
    end = ""
    with suppress(OSError):
        end = log.read_bytes()[-SHOWN:].decode("utf-8", "replace").strip()
    what = (
        f"ended with status {child.returncode}"
        if child.returncode is not None
        else f"does not answer after {settings.server_ephemeral_startup_timeout_seconds} s"
    )
    words = f"ends with: {end}" if end else f"is empty; is the disk of {settings.home} full?"
    return ServerUnreachable(f"the embedded server {what}; its log, {log}, {words}")


def log_path(home: Path) -> Path:
    """Where the embedded server's output goes."""
    return home / "server.log"
