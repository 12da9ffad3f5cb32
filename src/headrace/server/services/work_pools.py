"""Work pools: what their operations mean."""

from msgspec import UNSET
from sqlalchemy import func, select

from headrace.core.ids import new_id
from headrace.core.templates import check_template
from headrace.core.times import now_text
from headrace.errors import (
    Forbidden,
    ObjectAlreadyExists,
    ObjectNotFound,
    UniqueViolation,
)
from headrace.server.services.signals import Signals
from headrace.server.store import work_events as events
from headrace.server.store import work_pools as store
from headrace.server.store import work_queues as queue_store
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.filters.nouns import filter_work_pools
from headrace.server.store.object_events import (
    CREATED,
    DELETED,
    INSERT_EVENT,
    UPDATED,
    changes,
    read_json,
)
from headrace.server.store.schema import work_pool
from headrace.wire.decode import encode
from headrace.wire.filters import WorkPoolFilter
from headrace.wire.work_pools import WorkPoolCreate, WorkPoolUpdate

DEFAULT_QUEUE = "default"
RESERVED_PREFIX = "prefect"
"""Names that begin so, in any case, are kept for the system by the contract."""


async def create_work_pool(database: Database, signals: Signals, body: WorkPoolCreate) -> Row:
    """A new pool with its default queue.

    Raises `ObjectAlreadyExists`, `Forbidden` (a reserved name), `ValidationFailed` (the template).
    """
    if body.name.lower().startswith(RESERVED_PREFIX):
        raise Forbidden(
            f"{body.name!r} cannot be a work pool: names that start with 'prefect' are reserved."
        )
    check_template(body.base_job_template)
    now, pool_id, queue_id = now_text(), new_id(), new_id()
    pool = {
        "id": pool_id,
        "created": now,
        "updated": now,
        "name": body.name,
        "description": body.description,
        "type": body.type,
        "base_job_template": encode(body.base_job_template).decode(),
        "storage_configuration": encode(body.storage_configuration).decode(),
        "is_paused": body.is_paused,
        "concurrency_limit": body.concurrency_limit,
        "default_queue_id": queue_id,
    }
    queue = {
        "id": queue_id,
        "created": now,
        "updated": now,
        "work_pool_id": pool_id,
        "name": DEFAULT_QUEUE,
        "description": "Takes every run of the pool that names no other queue.",
        "priority": 1,
    }

    def work(tx: Transaction) -> None:
        tx.execute(store.INSERT, pool)
        tx.execute(queue_store.INSERT, queue)
        _tell_of_new(tx, pool_id, queue_id, now, is_paused=body.is_paused)

    try:
        await database.transact(work)
    except UniqueViolation as error:
        message = (
            f"A work pool named {body.name!r} exists already; choose another name or update it."
        )
        raise ObjectAlreadyExists(message) from error
    signals.publish("events")
    return await read_work_pool(database, body.name)


def _tell_of_new(
    tx: Transaction, pool_id: str, queue_id: str, now: str, *, is_paused: bool
) -> None:
    made = events.read_pool(tx, pool_id)
    if made is None:
        return
    queue = events.Queue(queue_id, DEFAULT_QUEUE, made)
    tx.execute(INSERT_EVENT, events.of_queue(CREATED, queue, now))
    tx.execute(INSERT_EVENT, events.of_pool(CREATED, made, now))
    events.record_pool_status(tx, made, "PAUSED" if is_paused else "NOT_READY", now)


async def read_work_pool(database: Database, name: str) -> Row:
    """One pool, by its name or else its id. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_NAME, {"pool": name})
    if row is None and looks_like_id(name):
        row = await database.fetch_one(store.BY_ID, {"pool": name.lower()})
    if row is None:
        raise _not_found(name)
    return row


async def find_pool_id(database: Database, name: str) -> str:
    """The id of the pool that a path names. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.ID_OF_NAME, {"pool": name})
    if row is not None:
        return row[0]
    return (await read_work_pool(database, name))[store.SHAPE.positions["id"]]


async def find_pool_name(database: Database, name: str) -> str:
    """The name of the pool that a path names, by its name or else its id."""
    if looks_like_id(name):
        row = await database.fetch_one(store.NAME_OF_ID, {"pool": name.lower()})
        if row is not None:
            return row[0]
    return name


async def filter_pools(
    database: Database, given: WorkPoolFilter | None, limit: int, offset: int
) -> list[Row]:
    """Pools in the order of their names."""
    query = store.LISTED.order_by(work_pool.c.name).limit(limit).offset(offset)
    return await database.fetch_all(
        query.where(*([] if given is None else filter_work_pools(given)))
    )


async def count_pools(database: Database, given: WorkPoolFilter | None) -> int:
    """How many pools a filter means."""
    query = select(func.count()).select_from(work_pool)
    rows = await database.fetch_all(
        query.where(*([] if given is None else filter_work_pools(given)))
    )
    return rows[0][0]


async def update_work_pool(
    database: Database, signals: Signals, name: str, body: WorkPoolUpdate
) -> None:
    """Change what the body names. Raises `ObjectNotFound`, `ValidationFailed` (the template)."""
    pool_id = await find_pool_id(database, name)
    values: dict[str, object] = {}
    if body.base_job_template is not UNSET and body.base_job_template is not None:
        check_template(body.base_job_template)
        values["base_job_template"] = encode(body.base_job_template).decode()
    if body.storage_configuration is not UNSET and body.storage_configuration is not None:
        values["storage_configuration"] = encode(body.storage_configuration).decode()
    if body.is_paused is not UNSET and body.is_paused is not None:
        values["is_paused"] = body.is_paused
    if body.description is not UNSET:
        values["description"] = body.description
    if body.concurrency_limit is not UNSET:
        values["concurrency_limit"] = body.concurrency_limit

    def work(tx: Transaction) -> None:
        now = tx.now()
        before = tx.fetch_one(store.BY_ID, {"pool": pool_id})
        if before is None:
            raise _not_found(name)
        tx.execute(store.TOUCH, {"pool": pool_id, "now": now})
        for column, value in values.items():
            tx.execute(store.SET[column], {"pool": pool_id, "value": value, "now": now})
        _tell_of_change(tx, before, now, may_be_paused="is_paused" in values)

    await database.transact(work)
    signals.publish(f"pool:{pool_id}", "events")


def _tell_of_change(tx: Transaction, before: Row, now: str, *, may_be_paused: bool) -> None:
    pool_id = before[store.SHAPE.positions["id"]]
    after = tx.fetch_one(store.BY_ID, {"pool": pool_id})
    pool = events.read_pool(tx, pool_id)
    if pool is None or after is None:
        return
    if may_be_paused:
        events.record_pool_status(tx, pool, after[store.SHAPE.positions["status"]], now)
    payload = changes(_watched(before), _watched(after))
    if payload is not None:
        tx.execute(INSERT_EVENT, events.of_pool(UPDATED, pool, now, payload))


def _watched(row: Row) -> dict[str, object]:
    """What of a pool is told when it changes."""
    named = store.SHAPE.named(row)
    return {
        "description": named["description"],
        "base_job_template": read_json(named["base_job_template"]),
        "concurrency_limit": named["concurrency_limit"],
        "storage_configuration": read_json(named["storage_configuration"]),
    }


async def delete_work_pool(database: Database, signals: Signals, name: str) -> None:
    """Delete a pool with its queues and workers; its deployments stay, without a queue."""
    pool_id = await find_pool_id(database, name)

    def work(tx: Transaction) -> None:
        now = tx.now()
        pool = events.read_pool(tx, pool_id)
        queues = tx.fetch_all(events.QUEUES_OF_POOL, {"pool": pool_id})
        if tx.execute(store.DELETE, {"pool": pool_id}) != 1:
            raise _not_found(name)
        if pool is not None:
            gone = [events.of_queue(DELETED, events.open_queue(row), now) for row in queues]
            tx.execute(INSERT_EVENT, [*gone, events.of_pool(DELETED, pool, now)])

    await database.transact(work)
    signals.publish(f"pool:{pool_id}", "events")


def _not_found(name: str) -> ObjectNotFound:
    return ObjectNotFound(f'Work pool "{name}" not found.')


def looks_like_id(name: str) -> bool:
    """Whether a text could be an id: then a pool may be found by it."""
    return len(name) == 36 and name.count("-") == 4 and not set(name.lower()) - _ID_CHARACTERS


_ID_CHARACTERS = set("0123456789abcdef-")
