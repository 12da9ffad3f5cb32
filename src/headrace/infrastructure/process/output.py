"""The file that an attempt's output is written to: shown while it grows, its last lines read at the end."""

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import BinaryIO

from headrace.infrastructure.contract import Write

TAIL_LINES = 20  # what a person reads to see why something ended
_TAIL_BYTES = 16_384  # how much of an output's end is read for its last lines
_CHUNK = 262_144  # bytes read at once
# Bytes shown of one output after which the disk under them is given back to the system.
_GIVE_BACK = 16 * 2**20
_PUNCH_HOLE, _KEEP_SIZE = 2, 1  # fallocate(2)


def copy_new(path: Path, shown: int, write: Write, *, is_over: bool) -> int:
    """Write what a file has beyond its first `shown` bytes; how many bytes are shown then.

    Args:
        path: The file; one that cannot be read has nothing new.
        shown: Bytes written before.
        write: Where they go.
        is_over: Also what follows the last line break.

    Raises:
        OSError: `write` did.
    """
    try:
        if path.stat().st_size <= shown:
            return shown
        file = path.open("r+b")
    except OSError:
        return shown
    with file:
        return _copy(file, shown, write, is_over=is_over)


def _copy(file: BinaryIO, shown: int, write: Write, *, is_over: bool) -> int:
    file.seek(shown)
    before = shown
    while chunk := file.read(_CHUNK):
        whole = chunk if is_over or len(chunk) == _CHUNK else chunk[: chunk.rfind(b"\n") + 1]
        if not whole:
            break
        write(whole)
        shown += len(whole)
        if len(whole) < len(chunk):
            break
        file.seek(shown)
    if shown // _GIVE_BACK > before // _GIVE_BACK:
        _give_back(file.fileno(), shown - _CHUNK)
    return shown


def _give_back(descriptor: int, length: int) -> None:
    """Free the disk blocks of what was shown, where the system can; the file's offsets stay."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    start = ctypes.c_long(0)
    with contextlib.suppress(OSError, AttributeError):
        os.fdatasync(descriptor)
        library.fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, start, ctypes.c_long(length))


def last_lines(path: Path) -> list[str]:
    """The last lines of a file; none when it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            raw = file.read(_TAIL_BYTES)
    except OSError:
        return []
    return raw.decode("utf-8", "replace").splitlines()[-TAIL_LINES:]
