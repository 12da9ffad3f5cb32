"""Work queues: what their operations mean."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from msgspec import UNSET
from sqlalchemy import ColumnElement

from headrace.core.ids import new_id
from headrace.core.priorities import last_priority, make_room
from headrace.core.times import to_text
from headrace.errors import Conflict, ObjectAlreadyExists, ObjectNotFound, UniqueViolation
from headrace.server.services.signals import Signals
from headrace.server.services.work_pools import (
    DEFAULT_QUEUE,
    create_work_pool,
    find_pool_id,
    find_pool_name,
)
from headrace.server.store import work_events as events
from headrace.server.store import work_pools as pool_store
from headrace.server.store import work_queues as store
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.filters.nouns import filter_work_queues
from headrace.server.store.object_events import (
    CREATED,
    DELETED,
    INSERT_EVENT,
    UPDATED,
    changes,
)
from headrace.server.store.schema import work_queue
from headrace.server.store.work_pools import AGENT_TYPE
from headrace.wire.filters import WorkQueueFilter
from headrace.wire.work_pools import WorkPoolCreate
from headrace.wire.work_queues import WorkQueueCreate, WorkQueueUpdate

_AT = store.SHAPE.positions


async def create_work_queue(
    database: Database, signals: Signals, pool: str, body: WorkQueueCreate
) -> Row:
    """A new queue; others make room for its priority.

    Raises `ObjectNotFound` (the pool), `ObjectAlreadyExists`.
    """
    pool_id = await find_pool_id(database, pool)
    values: dict[str, object] = {
        "name": body.name,
        "description": body.description or "",
        "is_paused": body.is_paused,
        "concurrency_limit": body.concurrency_limit,
    }
    try:
        queue_id = await database.transact(lambda tx: _insert(tx, pool_id, values, body.priority))
    except UniqueViolation as error:
        raise _taken(pool, body.name) from error
    signals.publish(f"pool:{pool_id}", "events")
    return await read_work_queue(database, queue_id)


async def create_agent_queue(
    database: Database, signals: Signals, pool: str, body: WorkQueueCreate
) -> Row:
    """A new queue in the pool for queues that name none; the pool is made when it is missing."""
    with suppress(ObjectAlreadyExists):
        if await database.fetch_one(pool_store.ID_OF_NAME, {"pool": pool}) is None:
            await create_work_pool(database, signals, WorkPoolCreate(name=pool, type=AGENT_TYPE))
    return await create_work_queue(database, signals, pool, body)


async def ensure_queues(
    database: Database, signals: Signals, pool_id: str, names: Iterable[str]
) -> None:
    """Make the queues of a pool that a poll names and that do not exist."""

    def work(tx: Transaction) -> bool:
        tx.lock(f"queues:{pool_id}")
        known = {name for _, name, _ in tx.fetch_all(store.PRIORITIES, {"pool": pool_id})}
        missing = [name for name in dict.fromkeys(names) if name not in known]
        for name in missing:
            _insert(tx, pool_id, {"name": name, "description": ""}, None)
        return bool(missing)

    if await database.transact(work):
        signals.publish(f"pool:{pool_id}", "events")


async def read_work_queue(database: Database, queue_id: str) -> Row:
    """One queue by its id. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"queue": queue_id})
    if row is None:
        raise ObjectNotFound("Work queue not found")
    return row


class QueuePlace(NamedTuple):
    """Where a queue is found by name."""

    pool: str
    name: str


async def read_queue_place(database: Database, queue_id: str) -> QueuePlace:
    """The names of a queue's pool and of the queue. Raises `ObjectNotFound`."""
    row = await read_work_queue(database, queue_id)
    return QueuePlace(row[_AT["work_pool_name"]], row[_AT["name"]])


async def read_queue_of_pool(database: Database, pool: str, name: str) -> Row:
    """One queue by its pool and name. Raises `ObjectNotFound`."""
    pool = await find_pool_name(database, pool)
    row = await database.fetch_one(store.BY_NAME, {"pool": pool, "queue": name})
    if row is None:
        raise ObjectNotFound(f"Work pool queue '{pool}/{name}' not found.")
    return row


async def read_queue_by_name(database: Database, name: str) -> Row:
    """One queue by its name alone, of the oldest pool that has one. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.NAMED, {"queue": name})
    if row is None:
        raise ObjectNotFound(f"No work pool has a queue named {name!r}.")
    return row


async def filter_queues(
    database: Database, pool: str | None, given: WorkQueueFilter | None, limit: int, offset: int
) -> list[Row]:
    """Queues of a pool in the order of their priorities, or of all pools by name."""
    order: Sequence[ColumnElement[object]] = (work_queue.c.name, work_queue.c.id)
    query = store.LISTED.limit(limit).offset(offset)
    if pool is not None:
        query = query.where(work_queue.c.work_pool_id == await find_pool_id(database, pool))
        order = store.IN_ORDER
    if given is not None:
        query = query.where(*filter_work_queues(given))
    return await database.fetch_all(query.order_by(*order))


async def update_work_queue(
    database: Database, signals: Signals, queue: Row, body: WorkQueueUpdate
) -> None:
    """Change what the body names of a queue that was read.

    Raises `ObjectNotFound`, `ObjectAlreadyExists` (another queue has the new name).
    """
    queue_id, pool_id = queue[_AT["id"]], queue[_AT["work_pool_id"]]
    values: dict[str, object] = {}
    if body.name is not UNSET and body.name is not None:
        values["name"] = body.name
    if body.description is not UNSET:
        values["description"] = body.description or ""
    if body.is_paused is not UNSET:
        values["is_paused"] = body.is_paused
    if body.concurrency_limit is not UNSET:
        values["concurrency_limit"] = body.concurrency_limit
    if body.last_polled is not UNSET and body.last_polled is not None:
        values["last_polled"] = to_text(body.last_polled)
    priority = body.priority if body.priority is not UNSET else None
    try:
        await database.transact(lambda tx: _update(tx, queue_id, pool_id, values, priority))
    except UniqueViolation as error:
        raise _taken(queue[_AT["work_pool_name"]], str(values.get("name"))) from error
    signals.publish(f"pool:{pool_id}", f"queue:{queue_id}", "events")


async def delete_work_queue(database: Database, signals: Signals, queue: Row) -> None:
    """Delete a queue; its deployments and runs stay, without a queue.

    Raises `Conflict` for the default queue, which its pool needs.
    """
    pool_id, name = queue[_AT["work_pool_id"]], queue[_AT["name"]]
    if name == DEFAULT_QUEUE:
        pool = queue[_AT["work_pool_name"]]
        raise Conflict(f"The default queue of work pool {pool!r} cannot be deleted; pause it.")

    def work(tx: Transaction) -> None:
        pool = events.read_pool(tx, pool_id)
        deleted = tx.execute(store.DELETE, {"queue": queue[_AT["id"]]})
        if pool is not None and deleted:
            gone = events.Queue(queue[_AT["id"]], name, pool)
            tx.execute(INSERT_EVENT, events.of_queue(DELETED, gone, tx.now()))

    await database.transact(work)
    signals.publish(f"pool:{pool_id}", "events")


def _taken(pool: str, name: str) -> ObjectAlreadyExists:
    message = f"Work pool {pool!r} has a queue named {name!r} already; choose another name."
    return ObjectAlreadyExists(message)


def _insert(tx: Transaction, pool_id: str, values: dict[str, object], priority: int | None) -> str:
    tx.lock(f"queues:{pool_id}")
    now, queue_id = tx.now(), new_id()
    chosen = _place(tx, pool_id, queue_id, priority)
    row = {"id": queue_id, "created": now, "updated": now, "work_pool_id": pool_id}
    tx.execute(store.INSERT, row | values | {"priority": chosen})
    pool = events.read_pool(tx, pool_id)
    if pool is not None:
        made = events.Queue(queue_id, str(values["name"]), pool)
        tx.execute(INSERT_EVENT, events.of_queue(CREATED, made, now))
    return queue_id


def _place(tx: Transaction, pool_id: str, queue_id: str, priority: int | None) -> int:
    """The priority that a queue gets, once the others have made room for it."""
    rows = tx.fetch_all(store.PRIORITIES, {"pool": pool_id})
    others: dict[str, int] = {id_: taken for id_, _, taken in rows if id_ != queue_id}
    if priority is None:
        return last_priority(others)
    now = tx.now()
    for other, moved in make_room(others, priority).items():
        tx.execute(store.SET["priority"], {"queue": other, "value": moved, "now": now})
    return priority


def _update(
    tx: Transaction,
    queue_id: str,
    pool_id: str,
    values: dict[str, object],
    priority: int | None,
) -> None:
    now = tx.now()
    if priority is not None:
        tx.lock(f"queues:{pool_id}")
        values = values | {"priority": _place(tx, pool_id, queue_id, priority)}
    before = tx.fetch_one(store.BY_ID, {"queue": queue_id})
    if before is None:
        raise ObjectNotFound("Work queue not found")
    tx.execute(store.TOUCH, {"queue": queue_id, "now": now})
    for column, value in values.items():
        tx.execute(store.SET[column], {"queue": queue_id, "value": value, "now": now})
    _tell_of_change(tx, before, now)


def _tell_of_change(tx: Transaction, before: Row, now: str) -> None:
    """Events of what else a queue is now, and of its status where it was paused or goes on."""
    after = tx.fetch_one(store.BY_ID, {"queue": before[_AT["id"]]})
    pool = events.read_pool(tx, before[_AT["work_pool_id"]])
    if after is None or pool is None:
        return
    queue = events.Queue(after[_AT["id"]], after[_AT["name"]], pool)
    if before[_AT["is_paused"]] != after[_AT["is_paused"]]:
        tx.execute(INSERT_EVENT, events.of_queue_status(queue, after[_AT["status"]], now))
    payload = changes(_watched(before), _watched(after))
    if payload is not None:
        tx.execute(INSERT_EVENT, events.of_queue(UPDATED, queue, now, payload))


def _watched(row: Row) -> dict[str, object]:
    """What of a queue is told when it changes."""
    told = ("name", "description", "concurrency_limit", "priority")
    return {name: row[_AT[name]] for name in told}
