"""Shows what runs print on the worker's own output, whole lines at a time."""

import contextlib
import ctypes
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from headrace.worker.holdings import Held

_CHUNK = 262_144  # bytes read at once
# Bytes shown of one output after which the disk under them is given back to the system.
_GIVE_BACK = 16 * 2**20
_PUNCH_HOLE, _KEEP_SIZE = 2, 1  # fallocate(2)


class OutputView:
    """Copies the outputs of attempts to a stream.

    Args:
        path_of: Where an attempt's output is.
        stream: Where it is shown; standard output when not given.
    """

    def __init__(self, path_of: Callable[[Held], Path], stream: BinaryIO | None = None) -> None:
        self._path_of = path_of
        self._stream = stream
        self._lock = threading.Lock()

    def show(self, held: Held, *, is_over: bool = False) -> None:
        """Show what is new, up to the last line break; all of it when the attempt is over."""
        if not held.streams:
            return
        path = self._path_of(held)
        try:
            if path.stat().st_size <= held.shown:
                return
            with path.open("r+b") as file, self._lock:
                self._copy(file, held, is_over=is_over)
        except OSError:
            return  # there is none, or nobody reads ours

    def _copy(self, file: BinaryIO, held: Held, *, is_over: bool) -> None:
        stream = self._stream or sys.stdout.buffer
        file.seek(held.shown)
        before = held.shown
        while chunk := file.read(_CHUNK):
            whole = chunk if is_over or len(chunk) == _CHUNK else chunk[: chunk.rfind(b"\n") + 1]
            if not whole:
                break
            stream.write(whole)
            held.shown += len(whole)
            if len(whole) < len(chunk):
                break
            file.seek(held.shown)
        stream.flush()
        if held.shown // _GIVE_BACK > before // _GIVE_BACK:
            _give_back(file.fileno(), held.shown - _CHUNK)


def _give_back(descriptor: int, length: int) -> None:
    """Free the disk blocks of what was shown, where the system can; the file's offsets stay."""
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    start = ctypes.c_long(0)
    with contextlib.suppress(OSError, AttributeError):
        os.fdatasync(descriptor)
        library.fallocate(descriptor, _PUNCH_HOLE | _KEEP_SIZE, start, ctypes.c_long(length))
