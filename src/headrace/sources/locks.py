"""Locks on files, between the processes of one machine; they end with the process that holds them."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _take(file: int, *, alone: bool, wait: bool) -> bool:
        if not alone:
            return True  # there are no shared locks; a directory in use cannot be deleted there
        try:
            msvcrt.locking(file, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: int, *, alone: bool, wait: bool) -> bool:
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except OSError:
            if wait:
                raise
            return False
        return True


def open_lock(path: Path) -> int:
    """A file descriptor of a lock's file, which is made where it is missing."""
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Be the only one inside, waiting until the others are out."""
    file = open_lock(path)
    try:
        _take(file, alone=True, wait=True)
        yield
    finally:
        os.close(file)


def hold(path: Path) -> None:
    """Hold a lock together with others until this process ends: what it stands for is in use."""
    _take(open_lock(path), alone=False, wait=True)


@contextmanager
def locked_if_free(path: Path) -> Generator[bool]:
    """Be the only one inside where nobody holds the lock; whether that is so."""
    file = open_lock(path)
    try:
        yield _take(file, alone=True, wait=False)
    finally:
        os.close(file)
