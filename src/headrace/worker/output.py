"""Shows what runs print on the worker's own output, whole lines at a time."""

import logging
import sys
import threading
from typing import BinaryIO

from headrace.infrastructure.contract import Infrastructure, Streaming
from headrace.worker.holdings import Held

_log = logging.getLogger("headrace.worker")


class OutputView:
    """Copies the outputs of attempts to a stream, if their kind can tell them.

    Args:
        infrastructure: What runs them.
        stream: Where it is shown; standard output when not given.
    """

    def __init__(self, infrastructure: Infrastructure, stream: BinaryIO | None = None) -> None:
        self._source = infrastructure if isinstance(infrastructure, Streaming) else None
        self._stream = stream
        self._lock = threading.Lock()

    def show(self, held: Held, *, is_over: bool = False) -> None:
        """Show what is new, up to the last line break; all of it when the attempt is over."""
        if not held.streams or self._source is None:
            return
        try:
            with self._lock:
                self._source.show(held.handle, self._write, is_over=is_over)
        except OSError as error:
            _log.debug("nobody reads the worker's output: %s", error)

    def _write(self, raw: bytes) -> None:
        stream = self._stream or sys.stdout.buffer
        stream.write(raw)
        stream.flush()
