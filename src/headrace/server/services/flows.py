"""Flows: what their operations mean."""

import asyncio
from contextlib import suppress
from typing import Any

from sqlalchemy import Select

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, StaleWrite, UniqueViolation
from headrace.server.services.flow_runs import delete_flow_run
from headrace.server.services.signals import Signals
from headrace.server.store import flows as store
from headrace.server.store import object_events as events
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.filters.joined import Filters, where_flows
from headrace.server.store.filters.sorts import FLOWS
from headrace.server.store.queries import count_query, list_ids, list_query
from headrace.server.store.schema import flow, flow_run
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.decode import encode
from headrace.wire.filters import FlowFilter
from headrace.wire.flows import FlowCreate, FlowSort, FlowUpdate

# Runs deleted at the same time: enough to share a commit, few enough to leave room for others.
_RUNS_AT_ONCE = 50

_NOT_FOUND = "Flow not found"


async def create_flow(database: Database, signals: Signals, body: FlowCreate) -> tuple[Row, bool]:
    """The flow of this name, made when there is none; and whether it was made."""
    found = await database.fetch_one(store.BY_NAME, {"flow_name": body.name})
    if found is not None:
        return found, False
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "name": body.name,
        "tags": encode(body.tags).decode(),
        "labels": encode(body.labels or {}).decode(),
    }
    # Another caller may have made it since: then that one is the flow of this name.
    with suppress(UniqueViolation):
        told = events.insert(events.of_flow(events.CREATED, row, now))
        await database.apply([Write(store.INSERT, row), told])
        signals.publish("events")
        return store.SHAPE.row(row), True
    return await read_flow_by_name(database, body.name), False


async def read_flow(database: Database, flow_id: str) -> Row:
    """One flow. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"flow_id": flow_id})
    if row is None:
        raise ObjectNotFound(_NOT_FOUND)
    return row


async def read_flow_by_name(database: Database, name: str) -> Row:
    """One flow. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_NAME, {"flow_name": name})
    if row is None:
        raise ObjectNotFound(_NOT_FOUND)
    return row


async def update_flow(database: Database, signals: Signals, flow_id: str, body: FlowUpdate) -> None:
    """Change what the body names. Raises `ObjectNotFound`."""

    def work(tx: Transaction) -> None:
        params = {"flow_id": flow_id, "now": tx.now()}
        tx.execute(store.TOUCH, params)
        if isinstance(body.tags, list):
            tx.execute(store.SET_TAGS, {**params, "new_tags": encode(body.tags).decode()})
        row = tx.fetch_one(store.BY_ID, {"flow_id": flow_id})
        if row is None:
            raise ObjectNotFound(_NOT_FOUND)
        told = events.of_flow(events.UPDATED, store.SHAPE.named(row), params["now"])
        tx.execute(events.INSERT_EVENT, told)

    await database.transact(work)
    signals.publish("events")


@ShapedQuery
def _listed(filters: Filters, sort: FlowSort, limit: int, offset: int) -> Select[Any]:
    return list_query(store.SHAPE, where_flows(filters), FLOWS[sort], limit=limit, offset=offset)


@ShapedQuery
def _number(filters: Filters) -> Select[Any]:
    return count_query(flow, where_flows(filters))


async def list_flows(
    database: Database, filters: Filters, sort: FlowSort, *, limit: int, offset: int
) -> list[Row]:
    """Flows that meet the filters."""
    return await database.fetch_all(*_listed.of(filters, sort, limit, offset))


async def count_flows(database: Database, filters: Filters) -> int:
    """How many flows meet the filters."""
    [row] = await database.fetch_all(*_number.of(filters))
    return row[0]


async def read_flows_page(
    database: Database, filters: Filters, sort: FlowSort, *, limit: int, page: int
) -> tuple[list[Row], int]:
    """One page of the flows that meet the filters, and how many there are."""
    count = await count_flows(database, filters)
    offset = (page - 1) * limit
    if offset >= count:
        return [], count
    return await list_flows(database, filters, sort, limit=limit, offset=offset), count


async def delete_flow(database: Database, signals: Signals, flow_id: str) -> None:
    """Delete a flow with its deployments and runs. Raises `ObjectNotFound`."""
    row = await read_flow(database, flow_id)
    # Its runs first, a few at a time: one statement would hold up everybody's writes.
    of_flow = [flow_run.c.flow_id == flow_id]
    while runs := await list_ids(database, flow_run, of_flow, _RUNS_AT_ONCE):
        await asyncio.gather(*(_delete_run(database, run_id) for run_id in runs))
    gone = events.of_flow(events.DELETED, store.SHAPE.named(row), now_text())
    try:
        deleted = Write(store.DELETE, {"flow_id": flow_id}, expect=1)
        await database.apply([deleted, events.insert(gone)])
    except StaleWrite as error:
        raise ObjectNotFound(_NOT_FOUND) from error
    signals.publish("events")


async def _delete_run(database: Database, run_id: str) -> None:
    with suppress(ObjectNotFound):  # somebody else has deleted it meanwhile
        await delete_flow_run(database, run_id)


async def delete_flows(
    database: Database, signals: Signals, given: FlowFilter | None, limit: int
) -> list[str]:
    """Delete at most `limit` of the flows that meet a filter; their ids."""
    ids = await list_ids(database, flow, where_flows(Filters(flows=given)), limit)
    for flow_id in ids:
        with suppress(ObjectNotFound):
            await delete_flow(database, signals, flow_id)
    return ids
