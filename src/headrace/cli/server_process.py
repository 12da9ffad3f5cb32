"""The server as a process of its own: started, found again, ended.

The server's program is started, never imported. One that runs in the background leaves a note in the
home directory, `server.json`, by which `stop` and `status` find it.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from headrace.client.admin import read_health
from headrace.client.http import client_of
from headrace.errors import HeadraceError, ServerUnreachable
from headrace.settings import Settings
from headrace.settings.home import make_home, writing

START_SECONDS = 60.0  # a migration of a large database may come first
STOP_SECONDS = 30.0  # what the server gives answers under way, and some more
PROBE_SECONDS = 2.0  # a loopback server that takes longer to say it is well is not
LOOK_SECONDS = 0.05
SHOWN = 2000  # characters of a log in a message
NOTHING_SAID = "the server did not start and its log, {}, is empty; is its disk full?"


class Note(msgspec.Struct):
    """Where a server answers and what it is."""

    url: str
    pid: int
    version: str
    database: str = ""
    log: str = ""


class Launch(NamedTuple):
    """What `server start` was asked for; None leaves it to the environment."""

    host: str | None = None
    port: int | None = None
    database: str | None = None
    log_level: str | None = None
    more: tuple[str, ...] = ()
    """Options of the server's program as they are."""

    def command(self) -> list[str]:
        """The program with its options."""
        options = [
            *([] if self.host is None else ["--host", self.host]),
            *([] if self.port is None else ["--port", str(self.port)]),
            *([] if self.database is None else ["--database", self.database]),
            *([] if self.log_level is None else ["--log-level", self.log_level.lower()]),
            *self.more,
        ]
        return [sys.executable, "-m", "headrace.server", *options]


SERVER = "server"
"""What the log and the note of a server that runs in the background are called."""


def note_path(home: Path, name: str = SERVER) -> Path:
    """Where the note of the program in the background is."""
    return home / f"{name}.json"


def start_here(launch: Launch) -> tuple["subprocess.Popen[str]", Note | None]:
    """Start the server in this terminal; its note once it answers, none if it ended instead."""
    process = subprocess.Popen(launch.command(), stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own program
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, msgspec.json.decode(line, type=Note) if line else None


def start_in_background(settings: Settings, launch: Launch, name: str = SERVER) -> Note:
    """Start a server, or its loops alone, that outlives this process; returns once it answers.

    Raises:
        ServerUnreachable: It ended or did not answer in time; the message has the end of its log.
    """
    make_home(settings.home)
    log = settings.home / f"{name}.log"
    with writing(log):
        output = log.open("a+b")
    with output:
        begin = output.seek(0, os.SEEK_END)
        process = subprocess.Popen(  # noqa: S603  # this interpreter, our own program
            launch.command(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while (written := _written(log, begin)) is None or not written.startswith("{"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerUnreachable(_why(log, begin))
        time.sleep(LOOK_SECONDS)
    note = msgspec.json.decode(written, type=Note)
    note.database, note.log = launch.database or "", str(log)
    path = note_path(settings.home, name)
    draft = path.with_suffix(".new")
    try:
        with writing(path, draft=draft):
            draft.write_bytes(msgspec.json.encode(note))
            draft.replace(path)
    except BaseException:
        process.terminate()  # without the note `server stop` would not find it
        raise
    return note


def _written(log: Path, begin: int) -> str | None:
    """The line that the program prints when it answers, if it is there."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode("utf-8", "replace").splitlines()
    return next((line for line in lines if line.startswith('{"url"')), None)


def _why(log: Path, begin: int) -> str:
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode("utf-8", "replace").strip()
    return text[-SHOWN:].removeprefix("headrace server: ") or NOTHING_SAID.format(log)


def find(settings: Settings) -> Note | None:
    """The background server, if it answers; a note of a dead one is removed."""
    path = note_path(settings.home)
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None
    if answers(settings, note.url):
        return note
    if not is_alive(note.pid):
        path.unlink(missing_ok=True)
    return None


def find_running(settings: Settings, name: str) -> Note | None:
    """A program in the background that answers nobody, if it lives; the note of a dead one is removed."""
    path = note_path(settings.home, name)
    try:
        note = msgspec.json.decode(path.read_bytes(), type=Note)
    except (OSError, msgspec.DecodeError):
        return None
    if is_alive(note.pid):
        return note
    path.unlink(missing_ok=True)
    return None


def answers(settings: Settings, url: str) -> bool:
    """Whether a server at `url` says that it is well."""
    try:
        with client_of(settings, url) as probe:
            return read_health(probe, PROBE_SECONDS)
    except HeadraceError:
        return False


def stop(settings: Settings, note: Note, name: str = SERVER) -> None:
    """End what runs in the background gracefully.

    Raises:
        ServerUnreachable: It does not end in time.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(note.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while is_alive(note.pid):
        if time.monotonic() > deadline:
            message = f"the server (process {note.pid}) was asked to end and did not in {STOP_SECONDS:g} s"
            raise ServerUnreachable(message)
        time.sleep(LOOK_SECONDS)
    note_path(settings.home, name).unlink(missing_ok=True)


def is_alive(pid: int) -> bool:
    """Whether a process of this id runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """A process that has ended and was not yet waited for, where the system tells."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "Z"
