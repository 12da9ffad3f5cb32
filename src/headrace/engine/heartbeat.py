"""Heartbeat events of runs that no Headrace worker holds a lease for.

From them the server learns that a process is gone. One thread serves all runs of the process; it
starts with the first run that lasts, so that short runs pay nothing.
"""

import math
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from headrace.core.ids import new_id
from headrace.engine.proposals import Run
from headrace.engine.reporting import report_event
from headrace.settings import settings
from headrace.wire.events import Event

TICK = 1.0  # seconds between two looks at what is due; shorter runs send no heartbeat


class _Pulse:
    """The runs that are alive here with the time of their next heartbeat, and the thread for them."""

    def __init__(self) -> None:
        self._due: dict[Run, float] = {}
        self._relations: dict[Run, list[dict[str, str]]] = {}
        self._changed = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, run: Run, related: list[dict[str, str]]) -> None:
        with self._changed:
            self._due[run] = time.monotonic() + TICK
            self._relations[run] = related
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._beat, name="headrace-heartbeat", daemon=True
                )
                self._thread.start()

    def remove(self, run: Run) -> None:
        with self._changed:
            self._due.pop(run, None)
            self._relations.pop(run, None)

    def _beat(self) -> None:
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            with self._changed:
                if not self._due:
                    self._thread = None
                    return
                runs = [(run, self._relations[run]) for run, due in self._due.items() if due <= now]
                for run, _ in runs:
                    self._due[run] = now + (settings().flows_heartbeat_frequency or math.inf)
            for run, related in runs:
                report_event(heartbeat_event(run, related))


_pulse = _Pulse()


@contextmanager
def heartbeats(run: Run, related: list[dict[str, str]]) -> Generator[None]:
    """While in this block, say now and then that a run is alive, unless a worker does.

    Args:
        run: The run.
        related: The resources that its events are about, besides itself.
    """
    if run.epoch is not None or not settings().flows_heartbeat_frequency:
        yield
        return
    _pulse.add(run, related)
    try:
        yield
    finally:
        _pulse.remove(run)


def heartbeat_event(run: Run, related: list[dict[str, str]]) -> Event:
    """One heartbeat."""
    own = f"prefect.flow-run.{run.flow_run.id}"
    return Event(
        id=UUID(new_id()),
        occurred=datetime.now(UTC),
        event="prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": own, "prefect.resource.name": run.name},
        related=[other for other in related if other["prefect.resource.id"] != own],
    )
