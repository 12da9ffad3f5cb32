"""The spool: what the recorder could not deliver, on disk until the API is back.

One append-only file per process, in a directory per API. A line is a letter for the kind and the
record's JSON, which never holds a line break; a line without its end was torn by a crash and is not
one. The file is locked while its process lives: a file that can be locked belongs to nobody, and
whoever locks it delivers it.

Each `append` is forced to disk (fsync) before it returns, once for all its records. How far a file
was delivered is kept beside it and is not forced: after a power cut some records are delivered
twice, which events forgive (they have ids) and logs show.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(file: BinaryIO) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


SUFFIX = ".spool"
DONE = ".done"
READ_RECORDS = 500  # records read at a time: bounds the memory of a replay
LINE_LIMIT = 64_000_000  # bytes; longer lines are not ours


class Entry(NamedTuple):
    """One record: its kind (`e` event, `l` log) and its JSON."""

    kind: bytes
    body: bytes


class Spool:
    """A file of records, open and locked by this process."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._done = _read_done(path)
        self._size = file.seek(0, os.SEEK_END)

    @classmethod
    def create(cls, directory: Path) -> Spool:
        """A new, empty spool of this process. Only its owner may read it.

        Raises:
            OSError: The directory cannot be written.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / f"{os.getpid()}-{time.time_ns()}{SUFFIX}"
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
        file = os.fdopen(descriptor, "r+b", buffering=0)
        _lock(file)
        return cls(path, file)

    @classmethod
    def adopt(cls, directory: Path) -> Iterator[Spool]:
        """The spools that processes now dead have left behind, each locked by this one."""
        for path in sorted(directory.glob(f"*{SUFFIX}")):
            try:
                file = path.open("r+b", buffering=0)
            except OSError:
                continue
            if _lock(file) and _is_still_at(file, path):
                yield cls(path, file)
            else:
                file.close()

    @property
    def size(self) -> int:
        """Bytes in the file, delivered ones included."""
        return self._size

    @property
    def is_empty(self) -> bool:
        """All of it was delivered."""
        return self._done >= self._size

    def append(self, entries: list[Entry]) -> None:
        """Add records and force them to disk.

        Raises:
            OSError: The disk is full or broken; nothing was added.
        """
        data = b"".join(b"%b%b\n" % entry for entry in entries)
        view = memoryview(data)
        try:
            while view:
                view = view[self._file.write(view) :]
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(self._size)
            raise
        self._size += len(data)

    def read(self) -> tuple[list[Entry], int]:
        """The next records that were not delivered, and the position after them."""
        entries: list[Entry] = []
        position = self._done
        with self.path.open("rb") as reader:
            reader.seek(position)
            while len(entries) < READ_RECORDS:
                line = reader.readline(LINE_LIMIT)
                if not line.endswith(b"\n"):
                    position += len(line)  # torn by a crash: it was never said to be safe
                    break
                position += len(line)
                entries.append(Entry(line[:1], line[1:-1]))
        return entries, position

    def mark_delivered(self, position: int) -> None:
        """Remember that all up to a position of `read` was acknowledged."""
        self._done = position
        self.path.with_suffix(DONE).write_bytes(b"%d" % position)

    def close(self) -> None:
        """Let go of the file: another process may deliver it."""
        self._file.close()

    def remove(self) -> None:
        """Delete the file: all of it was delivered."""
        self.path.with_suffix(DONE).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self._file.close()


def _is_still_at(file: BinaryIO, path: Path) -> bool:
    """The file was not deleted by whoever held the lock before."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _read_done(path: Path) -> int:
    try:
        return int(path.with_suffix(DONE).read_bytes())
    except (OSError, ValueError):
        return 0
