"""Many flow runs at once: lists, pages, counts, and what is done to all that a filter means."""

from typing import Any, Final

import msgspec
from sqlalchemy import Select, select

from headrace.core.times import now_text
from headrace.errors import ObjectNotFound
from headrace.server.services import flow_run_states, flow_runs, proposals
from headrace.server.services.signals import Signals
from headrace.server.store import histories
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.joined import Filters, where_flow_runs
from headrace.server.store.filters.sorts import FLOW_RUNS
from headrace.server.store.flow_runs import LISTED
from headrace.server.store.queries import count_query
from headrace.server.store.schema import flow_run
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.decode import encode
from headrace.wire.flow_runs import FlowRunSort
from headrace.wire.states import StateCreate

_IDS: Final = select(flow_run.c.id)
_EVERYTHING: Final = Filters()


def _page(
    query: Select[Any], filters: Filters, sort: FlowRunSort, limit: int, offset: int
) -> Select[Any]:
    query = query.where(*where_flow_runs(filters)).order_by(*FLOW_RUNS[sort])
    return query.limit(limit).offset(offset)


@ShapedQuery
def listed_query(filters: Filters, sort: FlowRunSort, limit: int, offset: int) -> Select[Any]:
    """Which runs, from indexes as far as they go; then those runs whole.

    Sorting whole rows costs ten times as much.
    """
    page = _page(_IDS, filters, sort, limit, offset).scalar_subquery()
    return LISTED.where(flow_run.c.id.in_(page)).order_by(*FLOW_RUNS[sort])


@ShapedQuery
def _every(sort: FlowRunSort, limit: int, offset: int) -> Select[Any]:
    return _page(LISTED, _EVERYTHING, sort, limit, offset)


@ShapedQuery
def _newest_ids(filters: Filters, limit: int) -> Select[Any]:
    return _page(_IDS, filters, FlowRunSort.ID_DESC, limit, 0)


@ShapedQuery
def number_query(filters: Filters) -> Select[Any]:
    """How many flow runs."""
    return count_query(flow_run, where_flow_runs(filters))


@ShapedQuery
def _lateness(filters: Filters) -> Select[Any]:
    return histories.average_lateness(flow_run, where_flow_runs(filters))


async def list_flow_runs(
    database: Database, filters: Filters, sort: FlowRunSort, limit: int, offset: int
) -> list[Row]:
    """Rows of the flow runs' shape."""
    if filters == _EVERYTHING:
        return await database.fetch_all(*_every.of(sort, limit, offset))
    return await database.fetch_all(*listed_query.of(filters, sort, limit, offset))


async def count_flow_runs(database: Database, filters: Filters) -> int:
    """How many flow runs are meant."""
    [row] = await database.fetch_all(*number_query.of(filters))
    return row[0]


async def average_lateness(database: Database, filters: Filters) -> float | None:
    """Seconds that the flow runs meant start late, in the mean; none where there are none."""
    query, params = _lateness.of(filters)
    [row] = await database.fetch_all(query, {**params, "now": now_text()})
    return row[0]


async def _ids(database: Database, filters: Filters, limit: int) -> list[str]:
    return [row[0] for row in await database.fetch_all(*_newest_ids.of(filters, limit))]


async def delete_flow_runs(database: Database, filters: Filters, limit: int) -> bytes:
    """Delete the newest runs meant, at most `limit`; the ids of those deleted."""
    deleted: list[str] = []
    for run_id in await _ids(database, filters, limit):
        try:
            await flow_runs.delete_flow_run(database, run_id)
        except ObjectNotFound:
            continue  # someone else did
        deleted.append(run_id)
    return encode({"deleted": deleted})


async def set_states(
    database: Database,
    signals: Signals,
    filters: Filters,
    limit: int,
    proposed: StateCreate,
    *,
    force: bool,
) -> bytes:
    """Propose a state for each of the newest runs meant, at most `limit`; each one's answer."""
    results: list[object] = []
    for run_id in await _ids(database, filters, limit):
        try:
            outcome = await flow_run_states.set_state(
                database, signals, run_id, proposals.take(proposed), force=force
            )
        except ObjectNotFound:
            continue  # deleted since
        answer: dict[str, object] = msgspec.json.decode(outcome.body)
        results.append(answer | {"flow_run_id": run_id})
    return encode({"results": results})
