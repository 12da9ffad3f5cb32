"""The embedded server: this machine's own, for the database in the home directory.

It is found through the address file beside the database, which is believed only while the
database's lock is held: after a `kill -9` the file stays behind, and its port may be another
server's by now. What starts it is in `embedded_start`, loaded only then.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from headrace import __version__
from headrace._bindings import load
from headrace.client.admin import read_health
from headrace.client.http import client_of
from headrace.errors import HeadraceError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from headrace.settings import Settings

if sys.platform != "win32":
    import fcntl

PROBE_TIMEOUT = 2.0  # seconds: a loopback server that takes longer to say it is well is not
DATABASE = "headrace.db"


class Address(NamedTuple):
    """Where a running server answers, and what it is."""

    url: str
    pid: int
    version: str


class _Note(msgspec.Struct):
    """The address file's content, as far as it matters here."""

    url: str
    pid: int
    version: str


def locate(settings: Settings) -> str:
    """The address of this machine's embedded server, which is started if it does not run.

    An older version's server is asked to end and replaced; a newer one is used.

    Raises:
        ServerUnreachable: It does not start; the message has the end of its log.
    """
    found = find(settings)
    if found is not None and not is_older(found.version, __version__):
        return found.url
    start = load("headrace.client.embedded_start:start")
    return start(settings, replacing=found)


def find(settings: Settings) -> Address | None:
    """Where the embedded server answers now; None when it does not run. Nothing is started."""
    note = read_note(settings.home)
    if note is None or not note.url or not is_owned(database_path(settings.home)):
        return None
    try:
        with client_of(settings, note.url) as probe:
            read_health(probe, PROBE_TIMEOUT)
    except HeadraceError:
        return None
    return Address(note.url, note.pid, note.version)


def database_path(home: Path) -> Path:
    """The embedded server's database."""
    return home / DATABASE


def read_note(home: Path) -> _Note | None:
    """What the address file says, be it of a living server or of a dead one."""
    path = database_path(home)
    try:
        return msgspec.json.decode(path.with_name(f"{path.name}.address").read_bytes(), type=_Note)
    except (OSError, msgspec.DecodeError):
        return None


def is_owned(database: Path) -> bool:
    """A living process holds the database. Where locks cannot be shared, the answer is yes."""
    path = database.with_name(f"{database.name}.lock")
    try:
        with path.open("rb") as file:
            return not _could_lock(file)
    except OSError:
        return False


def _could_lock(file: IO[bytes]) -> bool:
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_older(version: str, than: str) -> bool:
    """A version comes before another, by its leading numbers."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> list[int]:
    found: list[int] = []
    for part in version.split("."):
        if not part.isdecimal():
            break
        found.append(int(part))
    return found
