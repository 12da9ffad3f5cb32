"""Events that come in: recorded once each, with the task runs that they tell of."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from headrace.core.times import now_text, to_text
from headrace.errors import (
    DatabaseUnavailable,
    ForeignKeyViolation,
    TooBusy,
    UniqueViolation,
)
from headrace.server.services.leases import Heartbeats
from headrace.server.services.signals import Signals
from headrace.server.services.task_run_intake import Report, read_report
from headrace.server.store import events as store
from headrace.server.store.database import Database, Write
from headrace.wire.decode import encode
from headrace.wire.events import Event

logger = logging.getLogger("headrace.server")

UNIT: Final = 250
"""Events that are written in one unit: up to three rows each."""

HEARTBEAT: Final = "prefect.flow-run.heartbeat"
_FLOW_RUN: Final = "prefect.flow-run."


class EventIntake:
    """Where events of clients are recorded.

    Args:
        database: Where they are kept.
        signals: Told of each batch once it is committed.
        heartbeats: Told of each sign of life of a flow run.
    """

    def __init__(self, database: Database, signals: Signals, heartbeats: Heartbeats) -> None:
        self._database = database
        self._signals = signals
        self._heartbeats = heartbeats

    async def record(self, events: Sequence[Event]) -> None:
        """Record events and what they say about task runs; they are durable when this returns.

        Duplicates, and events that come in another order than they occurred in, do no harm. Raises
        what `Database.apply` raises where the database can take nothing now.
        """
        for at in range(0, len(events), UNIT):
            await self._record_unit(events[at : at + UNIT])

    async def _record_unit(self, events: Sequence[Event]) -> None:
        now = now_text()
        reports = [report for event in events if (report := read_report(event)) is not None]
        reports = await self._of_known_runs(reports)
        rows = [event_row(event, now) for event in events]
        inserted = Write(store.INSERT_UNKNOWN, rows)
        try:
            await self._database.apply([inserted, *_writes(reports, now)])
        except (UniqueViolation, ForeignKeyViolation):
            # One of them does not fit: the events first, then each task run by itself.
            await self._database.apply([inserted])
            await self._record_alone(reports)
        for event in events:
            if event.event == HEARTBEAT:
                self._note_heartbeat(event)
        self._signals.publish("events")

    async def _of_known_runs(self, reports: list[Report]) -> list[Report]:
        """Those whose flow run is there: one that was deleted takes no more task runs."""
        wanted = {report.flow_run_id for report in reports if report.flow_run_id is not None}
        if not wanted:
            return reports
        found = await self._database.fetch_all(store.KNOWN_FLOW_RUNS, {"ids": sorted(wanted)})
        known = {row[0] for row in found}
        return [r for r in reports if r.flow_run_id is None or r.flow_run_id in known]

    async def _record_alone(self, reports: Iterable[Report]) -> None:
        for report in reports:
            try:
                await self._database.apply(_writes([report], now_text()))
            except (UniqueViolation, ForeignKeyViolation) as error:
                logger.warning("Task run %s cannot be recorded: %s", report.run_id, error)

    def _note_heartbeat(self, event: Event) -> None:
        resource = event.resource.get("prefect.resource.id", "")
        if resource.startswith(_FLOW_RUN):
            self._heartbeats.note(resource.removeprefix(_FLOW_RUN), to_text(event.occurred))


def _writes(reports: Sequence[Report], now: str) -> list[Write]:
    """Each run once, as its newest state has it, and every state."""
    if not reports:
        return []
    newest: dict[str, Report] = {}
    for report in reports:
        other = newest.get(report.run_id)
        if other is None or other.moment < report.moment:
            newest[report.run_id] = report
    return [
        # In the order of ids, in which all writers lock rows.
        Write(store.UPSERT_TASK_RUN, [newest[key].run_row(now) for key in sorted(newest)]),
        Write(store.INSERT_UNKNOWN_STATE, [report.state_row() for report in reports]),
    ]


def event_row(event: Event, now: str) -> dict[str, object]:
    """The columns of an event that came in at `now`."""
    return {
        "id": str(event.id),
        "occurred": to_text(event.occurred),
        "received": now,
        "event": event.event,
        "resource_id": event.resource.get("prefect.resource.id", ""),
        "resource": encode(event.resource).decode(),
        "related": encode(event.related).decode(),
        "payload": encode(event.payload).decode(),
        "follows": None if event.follows is None else str(event.follows),
    }


class EventStream:
    """The events of one connection: recorded in order, as many at a time as have come in.

    A client that sends without waiting for answers is slowed down once `MOST_WAITING` are pending.
    """

    MOST_WAITING: Final = 1000  # events; about a megabyte

    def __init__(self, intake: EventIntake) -> None:
        self._intake = intake
        self._waiting: asyncio.Queue[Event] = asyncio.Queue(self.MOST_WAITING)
        self._writer = asyncio.create_task(self._write())

    async def put(self, event: Event) -> None:
        """Take one event; it is recorded soon."""
        await self._waiting.put(event)

    async def close(self) -> None:
        """Record what has come in, then stop; gives up after a while if the database is away."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._waiting.join(), _CLOSING_SECONDS)
        self._writer.cancel()
        with suppress(asyncio.CancelledError):
            await self._writer

    async def _write(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < UNIT and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            await self._record(batch)
            for _ in batch:
                self._waiting.task_done()

    async def _record(self, batch: list[Event]) -> None:
        """Record a batch, however long the database takes to be there again."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._intake.record(batch)
            except (TooBusy, DatabaseUnavailable):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                logger.exception("%d events were lost", len(batch))
                return
            else:
                return


_CLOSING_SECONDS: Final = 10.0  # a stopping server does not wait longer for its database
_FIRST_PAUSE: Final = 0.05  # seconds
_LONGEST_PAUSE: Final = 5.0  # seconds
