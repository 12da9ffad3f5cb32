"""One server per SQLite file: an exclusive lock, and a note beside the file of where its owner is.

The lock is the truth: the operating system gives it back when its holder dies, however it dies. The
note is only believed while the lock is held by someone else.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import sleep
from typing import IO

from headrace import __version__
from headrace.core.times import now_text
from headrace.errors import DatabaseInUse
from headrace.server.store.disk import written

# `is_owned` holds the lock for a moment when nobody else does: one attempt could meet just that.
_ATTEMPTS = 3
_ATTEMPT_SECONDS = 0.02

if os.name == "nt":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@dataclass(frozen=True, slots=True)
class Address:
    """Where the owner of a database answers.

    Args:
        url: Of its API; empty until it listens.
        pid: Its process.
        started: When it took the database, as the store's text.
        version: Of Headrace.
    """

    url: str
    pid: int
    started: str
    version: str


def address_path(database: Path) -> Path:
    """The note of the owner's address."""
    return database.with_name(database.name + ".address")


def lock_path(database: Path) -> Path:
    """The file whose lock is the ownership."""
    return database.with_name(database.name + ".lock")


class Ownership:
    """The right to write a database file, held until `release` or the end of the process."""

    def __init__(self, database: Path, lock: IO[bytes]) -> None:
        self._database = database
        self._lock = lock
        self._started = now_text()

    def announce(self, url: str) -> None:
        """Write the note, whole or not at all."""
        note = Address(url, os.getpid(), self._started, __version__)
        path = address_path(self._database)
        fresh = path.with_name(path.name + ".new")
        with written(path, draft=fresh):
            fresh.write_text(json.dumps(asdict(note)) + "\n", encoding="utf-8")
            fresh.replace(path)

    def release(self) -> None:
        """Remove the note and give the lock back."""
        if not self._lock.closed:
            with suppress(OSError):
                address_path(self._database).unlink(missing_ok=True)
            self._lock.close()


def own(database: Path) -> Ownership:
    """Become the owner of a database file, whether it exists yet or not.

    Raises:
        DatabaseInUse: Another process owns it; `address` says where it answers, if it does.
        DatabaseReadOnly, DatabaseFull: The directory cannot be written.
    """
    with written(database):
        lock = lock_path(database).open("ab")
    for attempt in range(_ATTEMPTS):
        try:
            _lock(lock)
        except OSError as error:
            if attempt == _ATTEMPTS - 1:
                lock.close()
                raise _in_use(database) from error
            sleep(_ATTEMPT_SECONDS)
        else:
            break
    ownership = Ownership(database, lock)
    try:
        ownership.announce("")
    except BaseException:
        ownership.release()
        raise
    return ownership


def _in_use(database: Path) -> DatabaseInUse:
    address = read_address(database)
    if address is None:
        return DatabaseInUse(f"{database} is in use by another process; end it, or use its server")
    where = f"answers at {address.url}" if address.url else "is starting"
    return DatabaseInUse(
        f"{database} is in use by process {address.pid}, which {where}; use it, or end it first",
        address=address.url or None,
    )


def is_owned(database: Path) -> bool:
    """Whether some process, this one included, owns the file now."""
    path = lock_path(database)
    if not path.exists():
        return False
    with path.open("ab") as lock:
        try:
            _lock(lock)
        except OSError:
            return True
    return False


def find_owner(database: Path) -> Address | None:
    """Where the living owner of the file is; none when nobody owns it, whatever the note says."""
    return read_address(database) if is_owned(database) else None


def read_address(database: Path) -> Address | None:
    """What the note says, be it of a living owner or of a dead one."""
    try:
        note = json.loads(address_path(database).read_text(encoding="utf-8"))
        return Address(str(note["url"]), int(note["pid"]), note["started"], note["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
