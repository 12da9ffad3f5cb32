"""What containers print, read as they print it and kept until it is shown."""

import contextlib
import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Write
from headrace.infrastructure.docker.engine import Engine

_log = logging.getLogger(__name__)

_MOST_BYTES = 2**20  # kept of one output; a reader that is ahead by more waits
_LAST_WORDS = 2.0  # seconds for a reader to come to the end of a container that has ended
_AGAIN = 1.0  # seconds until an output that broke off is read on
_MICROSECONDS = 26  # characters of a part's time up to there; the engine writes nanoseconds
_OVERLAP = 0.001  # seconds that are asked for again, as numbers of seconds are not that exact


class Output:
    """Reads one container's output in a thread of its own.

    Each part comes with its time: what was read before is told from what was not, also when the
    connection broke off.

    Args:
        engine: The engine.
        container: Its id.
        since: From this moment on, as the engine writes times; empty is from the beginning.
    """

    def __init__(self, engine: Engine, container: str, since: str) -> None:
        self._engine = engine
        self._container = container
        self._last = since
        self._kept = bytearray()
        self._changed = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, name="container-output", daemon=True)
        self._thread.start()

    def show(self, write: Write, *, is_over: bool) -> None:
        """Write what is kept: whole lines, or all of it once the container has ended."""
        if is_over:
            self._read_rest()
        with self._changed:
            end = len(self._kept) if is_over else self._kept.rfind(b"\n") + 1
            if not end and len(self._kept) >= _MOST_BYTES:
                end = len(self._kept)  # one endless line
            raw = bytes(self._kept[:end])
            del self._kept[:end]
            self._changed.notify_all()
        if raw:
            write(raw)

    def close(self) -> None:
        """Read no more."""
        with self._changed:
            self._over.set()
            self._changed.notify_all()

    def _read(self) -> None:
        while not self._over.is_set() and self._is_there():
            try:
                with self._printing(follow=True) as parts:
                    self._keep_all(parts)
            except InfrastructureError as error:
                _log.debug("the output of %s broke off: %s", self._container, error)
                self._over.wait(_AGAIN)
            else:
                return  # the container has ended

    def _read_rest(self) -> None:
        """What the engine wrote down only at the end: a line without an end, say."""
        self._thread.join(_LAST_WORDS)
        self.close()
        with contextlib.suppress(InfrastructureError), self._printing(follow=False) as parts:
            self._keep_all(parts, is_rest=True)

    def _printing(self, *, follow: bool) -> contextlib.AbstractContextManager[Iterable[bytes]]:
        since = 0.0
        if self._last:
            moment = datetime.fromisoformat(self._last[:_MICROSECONDS]).replace(tzinfo=UTC)
            since = moment.timestamp() - _OVERLAP
        return self._engine.printing(self._container, since, follow=follow)

    def _is_there(self) -> bool:
        with contextlib.suppress(InfrastructureError):
            return self._engine.inspect(self._container) is not None
        return True  # nobody knows

    def _keep_all(self, parts: Iterable[bytes], *, is_rest: bool = False) -> None:
        for part in parts:
            time, _, text = part.partition(b" ")
            moment = time.decode("ascii", "replace")
            if moment <= self._last:
                continue
            with self._changed:
                if not is_rest:
                    self._changed.wait_for(self._has_room)
                    if self._over.is_set():
                        return
                self._kept += text
                self._last = moment

    def _has_room(self) -> bool:
        return len(self._kept) < _MOST_BYTES or self._over.is_set()


def moment_now() -> str:
    """Now, as an engine writes times."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"
