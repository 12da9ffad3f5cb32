"""Heartbeat events of runs that no Headrace worker holds a lease for.

From them the server learns that a process is gone. One thread serves all runs of the process; it
starts with the first run that lasts, so that short runs pay nothing.
"""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from headrace.context import FlowRunContext
from headrace.core.ids import new_id
from headrace.engine.proposals import Run
from headrace.engine.reporting import report_event
from headrace.wire.events import Event

INTERVAL = 30.0  # seconds between heartbeats; the server waits three times that


class _Pulse:
    """The runs that are alive here, and the thread that says so."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def add(self, run: Run) -> None:
        with self._changed:
            self._runs[run.ids["flow_run_id"] or ""] = run
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._beat, name="headrace-heartbeat", daemon=True
                )
                self._thread.start()

    def remove(self, run: Run) -> None:
        with self._changed:
            self._runs.pop(run.ids["flow_run_id"] or "", None)

    def _beat(self) -> None:
        while True:
            time.sleep(INTERVAL)
            with self._changed:
                if not self._runs:
                    self._thread = None
                    return
                runs = list(self._runs.values())
            for run in runs:
                report_event(heartbeat_event(run))


_pulse = _Pulse()


@contextmanager
def heartbeats(run: Run) -> Generator[None]:
    """While in this block, say now and then that the run is alive, unless a worker does."""
    if run.epoch is not None:
        yield
        return
    _pulse.add(run)
    try:
        yield
    finally:
        _pulse.remove(run)


def heartbeat_event(run: Run) -> Event:
    """One heartbeat."""
    flow_run = run.flow_run
    context = FlowRunContext.get()
    return Event(
        id=UUID(new_id()),
        occurred=datetime.now(UTC),
        event="prefect.flow-run.heartbeat",
        resource={
            "prefect.resource.id": f"prefect.flow-run.{flow_run.id}",
            "prefect.resource.name": run.name,
        },
        related=context.related if context is not None else [],
    )
