"""Hears from the engine when containers end. A hint: who polls as well misses nothing."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle, Notify, Status
from headrace.infrastructure.docker.engine import Engine
from headrace.infrastructure.docker.labels import ATTEMPT, RUN, Mark

_log = logging.getLogger(__name__)

_AGAIN = 2.0  # seconds until an engine that broke off is listened to again


class EndWatch:
    """Listens in a thread of its own, from the first `tell` on.

    Args:
        engine: The engine.
        mark: Whose containers.
        ended: Says what became of a container, by run, attempt and id; None where that is nobody's.
    """

    def __init__(
        self,
        engine: Engine,
        mark: Mark,
        ended: Callable[[tuple[str, int], str], tuple[Handle, Status] | None],
    ) -> None:
        self._engine = engine
        self._mark = mark
        self._ended = ended
        self._callbacks: list[Notify] = []
        self._over = threading.Event()
        self._stream: Iterable[Mapping[str, Any]] | None = None
        self._thread: threading.Thread | None = None

    def tell(self, callback: Notify) -> None:
        """Tell `callback` of ends."""
        self._callbacks.append(callback)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="container-ends", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        close = getattr(self._stream, "close", None)
        if close is not None:
            with contextlib.suppress(OSError, ValueError):
                close()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self._engine.watching(self._mark.own) as stream:
                    self._stream = stream
                    for event in stream:
                        self._take(event)
            except InfrastructureError as error:
                _log.debug("the engine's events broke off: %s", error)
            except Exception:  # noqa: BLE001  # the loop's edge
                if not self._over.is_set():
                    _log.exception("an event of the engine could not be dealt with")
            self._over.wait(_AGAIN)

    def _take(self, event: Mapping[str, Any]) -> None:
        actor: Mapping[str, Any] = event["Actor"]
        labels: Mapping[str, str] = actor["Attributes"]
        found = self._ended((labels[RUN], int(labels[ATTEMPT])), str(actor["ID"]))
        if found is None or not found[1].exited:
            return
        for callback in self._callbacks:
            callback(*found)
