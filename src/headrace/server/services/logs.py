"""Logs: lines that runs and workers report."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Select

from headrace.core.ids import new_id
from headrace.core.times import now_text, to_text
from headrace.errors import ObjectNotFound
from headrace.server.services.log_search import is_searched, search_logs
from headrace.server.services.signals import Signals
from headrace.server.store import logs as store
from headrace.server.store.database import Database, Row, Write
from headrace.server.store.filters.small_nouns import filter_logs
from headrace.server.store.filters.sorts import LOGS
from headrace.server.store.flow_runs import EXISTS
from headrace.server.store.queries import list_query
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.logs import LogCreate, LogFilter, LogFilterTextSearch, LogSort

# Lines that are committed together: a unit of the store has at most 500 rows.
_ROWS_PER_UNIT = 500

# Lines read at once for a download, so that its memory does not grow with the log.
_ROWS_PER_READ = 1000

TOPIC = "logs"
"""Published when lines were added; `logs:{flow run id}` too, for each run that has some."""


async def create_logs(database: Database, signals: Signals, lines: Sequence[LogCreate]) -> None:
    """Store lines; once it returns they are durable."""
    now = now_text()
    rows = [
        {
            "id": new_id(),
            "created": now,
            "name": line.name,
            "level": line.level,
            "flow_run_id": None if line.flow_run_id is None else str(line.flow_run_id),
            "task_run_id": None if line.task_run_id is None else str(line.task_run_id),
            "timestamp": to_text(line.timestamp),
            "message": line.message,
        }
        for line in lines
    ]
    for at in range(0, len(rows), _ROWS_PER_UNIT):
        await database.apply([Write(store.INSERT, rows[at : at + _ROWS_PER_UNIT])])
    if rows:
        runs = {str(row["flow_run_id"]) for row in rows if row["flow_run_id"] is not None}
        signals.publish(TOPIC, *(f"{TOPIC}:{run}" for run in runs))


def _listed(given: LogFilter | None, sort: LogSort, limit: int, offset: int) -> Select[Any]:
    conditions = [] if given is None else filter_logs(given)
    return list_query(store.SHAPE, conditions, LOGS[sort], limit=limit, offset=offset)


_LISTED: Final = ShapedQuery(_listed, by_value=[LogFilterTextSearch])


async def list_logs(
    database: Database, given: LogFilter | None, sort: LogSort, *, limit: int, offset: int
) -> list[Row]:
    """Lines that meet a filter."""
    if given is not None and is_searched(given):
        return await search_logs(database, given, sort, limit=limit, offset=offset)
    return await database.fetch_all(*_LISTED.of(given, sort, limit, offset))


async def check_flow_run(database: Database, run_id: str) -> None:
    """Raise `ObjectNotFound` where there is no such flow run."""
    if await database.fetch_one(EXISTS, {"run_id": run_id}) is None:
        raise ObjectNotFound("Flow run not found")


async def read_all_logs(database: Database, run_id: str) -> AsyncIterator[list[Row]]:
    """All lines of a flow run, oldest first, in portions.

    A row is timestamp, id, level, task run id and message.
    """
    time, last = "0001-01-01T00:00:00.000000Z", "00000000-0000-0000-0000-000000000000"
    while True:
        rows = await database.fetch_all(
            store.NEXT_OF_FLOW_RUN,
            {"run_id": run_id, "after_time": time, "after_id": last, "many": _ROWS_PER_READ},
        )
        if not rows:
            return
        yield rows
        time, last = rows[-1][0], rows[-1][1]
