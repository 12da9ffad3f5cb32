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
    StaleWrite,
    UniqueViolation,
)
from headrace.server.services.signals import Signals
from headrace.server.store import work_pools as store
from headrace.server.store import work_queues as queue_store
from headrace.server.store.database import Database, Row, Write
from headrace.server.store.filters.nouns import filter_work_pools
from headrace.server.store.schema import work_pool
from headrace.wire.decode import encode
from headrace.wire.filters import WorkPoolFilter
from headrace.wire.work_pools import WorkPoolCreate, WorkPoolUpdate

DEFAULT_QUEUE = "default"
RESERVED_PREFIX = "prefect"
"""Names that begin so, in any case, are kept for the system by the contract."""


async def create_work_pool(database: Database, body: WorkPoolCreate) -> Row:
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
    try:
        await database.apply([Write(store.INSERT, pool), Write(queue_store.INSERT, queue)])
    except UniqueViolation as error:
        message = (
            f"A work pool named {body.name!r} exists already; choose another name or update it."
        )
        raise ObjectAlreadyExists(message) from error
    return await read_work_pool(database, body.name)


async def read_work_pool(database: Database, name: str) -> Row:
    """One pool, by its name or else its id. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_NAME, {"pool": name})
    if row is None and looks_like_id(name):
        row = await database.fetch_one(store.BY_ID, {"pool": name.lower()})
    if row is None:
        raise ObjectNotFound(f'Work pool "{name}" not found.')
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
    now = now_text()
    writes = [Write(store.TOUCH, {"pool": pool_id, "now": now}, expect=1)]
    for column, value in values.items():
        writes.append(Write(store.SET[column], {"pool": pool_id, "value": value, "now": now}))
    await _apply(database, writes, name)
    signals.publish(f"pool:{pool_id}")


async def delete_work_pool(database: Database, signals: Signals, name: str) -> None:
    """Delete a pool with its queues and workers; its deployments stay, without a queue."""
    pool_id = await find_pool_id(database, name)
    await _apply(database, [Write(store.DELETE, {"pool": pool_id}, expect=1)], name)
    signals.publish(f"pool:{pool_id}")


async def _apply(database: Database, writes: list[Write], name: str) -> None:
    try:
        await database.apply(writes)
    except StaleWrite as error:
        raise ObjectNotFound(f'Work pool "{name}" not found.') from error


def looks_like_id(name: str) -> bool:
    """Whether a text could be an id: then a pool may be found by it."""
    return len(name) == 36 and name.count("-") == 4 and not set(name.lower()) - _ID_CHARACTERS


_ID_CHARACTERS = set("0123456789abcdef-")
