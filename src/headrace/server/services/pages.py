"""What pages show beside their lists."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select

from headrace.core.form_values import find_form_faults
from headrace.core.parameters import find_variables
from headrace.core.states import StateType
from headrace.core.times import now_text, to_text
from headrace.errors import ObjectNotFound, Unprocessable
from headrace.server.services.variables import read_values
from headrace.server.store import pages as store
from headrace.server.store.database import Database, Row, Statement
from headrace.server.store.filters.joined import Filters, where_flow_runs, where_task_runs
from headrace.server.store.filters.sorts import FLOW_RUNS
from headrace.server.store.shaped import ShapedQuery
from headrace.server.store.spans import SPANS, spans_text
from headrace.wire.decode import encode
from headrace.wire.flow_runs import FlowRunSort

_BUCKETS: Final = 20
"""Bars of the contract's chart of task runs."""


async def count_by_id(database: Database, statement: Statement, ids: Sequence[UUID]) -> bytes:
    """A count for each id, zero where the statement gives none."""
    keys = list(dict.fromkeys(map(str, ids)))
    found = {row[0]: row[1] for row in await database.fetch_all(statement, {"ids": keys})}
    return encode({key: found.get(key, 0) for key in keys})


async def read_next_runs(database: Database, ids: Sequence[UUID]) -> bytes:
    """For each flow the scheduled run that comes first, or null."""
    keys = list(dict.fromkeys(map(str, ids)))
    rows = await database.fetch_all(store.NEXT_RUNS, {"ids": keys})
    at = store.NEXT_RUN.positions["flow_id"]
    found = {row[at]: store.NEXT_RUN.fill(row) for row in rows}
    return encode({key: found.get(key) for key in keys})


@ShapedQuery
def _dots(filters: Filters, sort: FlowRunSort, limit: int, offset: int) -> Select[Any]:
    query = store.DOT.select.where(*where_flow_runs(filters)).order_by(*FLOW_RUNS[sort])
    return query.limit(limit).offset(offset)


async def list_dots(
    database: Database, filters: Filters, sort: FlowRunSort, *, limit: int, offset: int
) -> list[Row]:
    """Flow runs as a chart shows them: rows of `store.DOT`."""
    query, params = _dots.of(filters, sort, limit, offset)
    return await database.fetch_all(query, {**params, "now": now_text()})


@ShapedQuery
def _counts(filters: Filters) -> Select[*tuple[Any, ...]]:
    return store.counts_by_state(where_task_runs(filters))


async def count_task_runs_by_state(database: Database, filters: Filters) -> bytes:
    """How many task runs are in each type of state; every type is there."""
    found = {row[0]: row[1] for row in await database.fetch_all(*_counts.of(filters))}
    return encode({state.value: found.get(state.value, 0) for state in StateType})


async def read_dashboard_counts(database: Database, filters: Filters) -> bytes:
    """Completed and failed task runs in twenty equal parts of the time that the filter spans.

    Raises `Unprocessable` where the filter does not say from when.
    """
    bounds = None if filters.task_runs is None else filters.task_runs.start_time
    if bounds is None or bounds.after_ is None:
        raise Unprocessable("task_runs.start_time.after_ is required: from when to count.")
    begin, end = bounds.after_, bounds.before_ or datetime.now(UTC)
    step = (end - begin) / _BUCKETS
    counts = [{"completed": 0, "failed": 0} for _ in range(_BUCKETS)]
    if step > timedelta(0):
        # The last moment belongs to the filter, and so to the last part.
        edges = [begin + step * at for at in range(_BUCKETS)] + [end + timedelta(microseconds=1)]
        spans = spans_text([(to_text(a), to_text(b)) for a, b in pairwise(edges)])
        query = store.endings(where_task_runs(filters))
        for number, completed, failed in await database.fetch_all(query, {SPANS: spans}):
            counts[number] = {"completed": completed, "failed": failed}
    return encode(counts)


async def read_task_run(database: Database, run_id: str) -> Row:
    """A task run with the name of its flow run: a row of `store.TASK_RUN`. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.TASK_RUN_BY_ID, {"run_id": run_id})
    if row is None:
        raise ObjectNotFound("Task run not found")
    return row


async def check_form(
    database: Database, schema: dict[str, Any], values: dict[str, Any]
) -> dict[str, object]:
    """What is wrong with the values of a form. Raises `Unprocessable` where the schema is none."""
    variables = await read_values(database, list(dict.fromkeys(find_variables(values))))
    try:
        faults = find_form_faults(schema, values, variables)
    except ValueError as error:
        raise Unprocessable(f"Invalid schema: {error}") from error
    return {"errors": faults, "valid": not faults}
