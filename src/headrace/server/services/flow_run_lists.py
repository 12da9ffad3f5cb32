"""Many flow runs at once: lists, pages, counts, and what is done to all that a filter means."""

from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import Select, select

from headrace.core.times import now_text
from headrace.errors import ObjectNotFound
from headrace.server.services import flow_run_states, flow_runs, proposals, tallies
from headrace.server.services.signals import Signals
from headrace.server.store import histories
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.joined import Filters, where_flow_runs
from headrace.server.store.filters.nouns import TagPlan
from headrace.server.store.filters.sorts import FLOW_RUNS
from headrace.server.store.flow_runs import COUNT_TAGGED, LISTED
from headrace.server.store.queries import count_query
from headrace.server.store.schema import flow_run
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.decode import encode
from headrace.wire.filters import Operator
from headrace.wire.flow_runs import FlowRunSort
from headrace.wire.states import StateCreate

_MANY: Final = 20_000
"""Runs. To gather and sort so many takes a tenth of a second; that many are counted in a millisecond."""

_IDS: Final = select(flow_run.c.id)
_EVERYTHING: Final = Filters()


def _page(
    query: Select[Any], conditions: Conditions, sort: FlowRunSort, limit: int, offset: int
) -> Select[Any]:
    return query.where(*conditions).order_by(*FLOW_RUNS[sort]).limit(limit).offset(offset)


@ShapedQuery
def listed_query(
    filters: Filters,
    sort: FlowRunSort,
    limit: int,
    offset: int,
    tags: TagPlan = TagPlan.GATHER_ALL,
) -> Select[Any]:
    """Which runs, from indexes as far as they go; then those runs whole.

    Sorting whole rows costs ten times as much.
    """
    conditions = where_flow_runs(filters, tags)
    page = _page(_IDS, conditions, sort, limit, offset).scalar_subquery()
    return LISTED.where(flow_run.c.id.in_(page)).order_by(*FLOW_RUNS[sort])


@ShapedQuery
def _every(sort: FlowRunSort, limit: int, offset: int) -> Select[Any]:
    return _page(LISTED, [], sort, limit, offset)


@ShapedQuery
def _newest_ids(filters: Filters, limit: int) -> Select[Any]:
    return _page(_IDS, where_flow_runs(filters), FlowRunSort.ID_DESC, limit, 0)


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
    filters, tags = await _plan_tags(database, filters)
    return await database.fetch_all(*listed_query.of(filters, sort, limit, offset, tags))


async def _plan_tags(database: Database, filters: Filters) -> tuple[Filters, TagPlan]:
    """The filters with their rarest tag first, and how to look for them.

    PostgreSQL knows how common a tag is, and plans by it.
    """
    tags = None if filters.flow_runs is None else filters.flow_runs.tags
    if tags is None or database.dialect != "sqlite" or tags.operator is Operator.OR:
        return filters, TagPlan.GATHER_ALL
    if not tags.all_:
        many = bool(tags.any_) and await _tagged(database, tags.any_) >= _MANY
        return filters, TagPlan.LOOK_UP if many else TagPlan.GATHER_FIRST
    counts = {tag: await _tagged(database, [tag]) for tag in tags.all_}
    ordered = sorted(counts, key=counts.__getitem__)
    assert filters.flow_runs is not None
    tags = msgspec.structs.replace(tags, all_=ordered)
    runs = msgspec.structs.replace(filters.flow_runs, tags=tags)
    is_common = counts[ordered[0]] >= _MANY
    plan = TagPlan.LOOK_UP if is_common else TagPlan.GATHER_FIRST
    return replace(filters, flow_runs=runs), plan


async def _tagged(database: Database, tags: list[str]) -> int:
    """How many runs have one of the tags, or `_MANY` if it is more."""
    [(count,)] = await database.fetch_few(COUNT_TAGGED, {"tags": tags, "most": _MANY})
    return count


async def count_flow_runs(database: Database, filters: Filters) -> int:
    """How many flow runs are meant."""
    scope = tallies.scope_of_flow_runs(filters)
    if scope is not None:
        return await tallies.count_runs(database, flow_run, scope)
    [row] = await database.fetch_all(*number_query.of(filters))
    return row[0]


async def average_lateness(database: Database, filters: Filters) -> float | None:
    """Seconds that the flow runs meant start late, in the mean; none where there are none."""
    scope = tallies.scope_of_flow_runs(filters)
    if scope is not None:
        return await tallies.average_lateness(database, flow_run, scope)
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
