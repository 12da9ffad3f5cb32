"""Concurrency limits: by name, and, in the contract's older form, by tag of task runs.

A tag's limit is the limit named `tag:…`. A deployment's limit is shown among them as
`deployment:…`; it is a property of the deployment, and its slots are the deployment's live runs.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import ObjectAlreadyExists, ObjectNotFound, UniqueViolation
from headrace.server.services import deployments
from headrace.server.services.concurrency_slots import Holder, Lease, grant
from headrace.server.services.signals import Signals
from headrace.server.store import concurrency_limits as sql
from headrace.server.store import deployments as deployment_sql
from headrace.server.store import object_events as events
from headrace.server.store.concurrency_limits import Limit
from headrace.server.store.database import Database, Transaction
from headrace.wire.concurrency_limits import (
    ConcurrencyLimitCreate,
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
)

TAG: Final = "tag:"
DEPLOYMENT: Final = "deployment:"


async def create_limit(
    database: Database, signals: Signals, body: ConcurrencyLimitV2Create
) -> Limit:
    """Make a limit. Raises `ObjectAlreadyExists`."""
    values = msgspec.structs.asdict(body)
    values["taken"] = float(values.pop("active_slots"))
    try:
        made = await database.transact(lambda tx: _insert(tx, values))
    except UniqueViolation as error:
        raise _exists(body.name) from error
    signals.publish("events")
    return made


async def read_limit(database: Database, key: str) -> Limit:
    """A limit by its id or name. Raises `ObjectNotFound`."""
    params = {"key": key, "now": now_text()}
    if _is_id(key):
        row = await database.fetch_one(sql.BY_ID, params)
        if row is not None:
            return Limit(*row)
    row = await database.fetch_one(sql.BY_NAME, params)
    if row is not None:
        return Limit(*row)
    return _of_deployment(await _find_deployment(database, key))


async def list_limits(database: Database, *, limit: int, offset: int) -> list[Limit]:
    """A page of all limits by name."""
    page = {"limit": limit + offset, "offset": 0}
    named = await database.fetch_all(sql.NAMED, {"prefix": "", "now": now_text(), **page})
    limited = await database.fetch_all(deployment_sql.LIMITED, page)
    found = [Limit(*row) for row in named] + [_of_deployment(row) for row in limited]
    return list(islice(sorted(found, key=lambda one: one.name), offset, offset + limit))


async def update_limit(
    database: Database, signals: Signals, key: str, body: ConcurrencyLimitV2Update
) -> None:
    """Change what the body names. Raises `ObjectNotFound`, `ObjectAlreadyExists`."""
    found = await read_limit(database, key)
    given = {
        name: value
        for name, value in msgspec.structs.asdict(body).items()
        if value is not msgspec.UNSET and value is not None
    }
    if found.name.startswith(DEPLOYMENT):
        deployment_id = found.name.removeprefix(DEPLOYMENT)
        if "limit" in given:
            await deployments.set_concurrency_limit(database, deployment_id, given["limit"])
        return
    try:
        await database.transact(lambda tx: _change(tx, found, given))
    except UniqueViolation as error:
        raise _exists(str(given.get("name"))) from error
    signals.publish("events")


async def delete_limit(database: Database, signals: Signals, key: str) -> None:
    """Delete a limit: who holds slots of it goes on. Raises `ObjectNotFound`."""
    found = await read_limit(database, key)
    if found.name.startswith(DEPLOYMENT):
        deployment_id = found.name.removeprefix(DEPLOYMENT)
        await deployments.set_concurrency_limit(database, deployment_id, None)
        return

    def work(tx: Transaction) -> None:
        tx.execute(sql.UNSHARE, {"limit_id": found.id})
        _delete(tx, found)

    await database.transact(work)
    signals.publish("events")


# By tag


async def set_tag_limit(
    database: Database, signals: Signals, body: ConcurrencyLimitCreate
) -> tuple[Limit, bool]:
    """The limit of a tag, made or changed; and whether it was made."""
    name = TAG + body.tag

    def work(tx: Transaction) -> tuple[Limit, bool]:
        tx.lock(f"limit:{name}")
        now = tx.now()
        row = tx.fetch_one(sql.BY_NAME, {"key": name, "now": now})
        if row is None:
            return _insert(tx, {"name": name, "limit": body.concurrency_limit}), True
        found = Limit(*row)
        _set(tx, found.id, {"limit": body.concurrency_limit}, now)
        changed = found._replace(limit=body.concurrency_limit, updated=now)
        tx.execute(events.INSERT_EVENT, events.of_limit(events.UPDATED, changed, now))
        return changed, False

    done = await database.transact(work)
    signals.publish("events")
    return done


async def read_tag_limit(database: Database, *, key: str = "", tag: str = "") -> Limit:
    """The limit of a tag, by its id or the tag. Raises `ObjectNotFound`."""
    statement, value = (sql.BY_ID, key) if key else (sql.BY_NAME, TAG + tag)
    row = await database.fetch_one(statement, {"key": value, "now": now_text()})
    found = None if row is None else Limit(*row)
    if found is None or not found.name.startswith(TAG):
        raise _not_found(key or tag)
    return found


async def list_tag_limits(database: Database, *, limit: int, offset: int) -> list[Limit]:
    """A page of the limits of tags."""
    params = {"prefix": TAG, "now": now_text(), "limit": limit, "offset": offset}
    return [Limit(*row) for row in await database.fetch_all(sql.NAMED, params)]


async def delete_tag_limit(
    database: Database, signals: Signals, *, key: str = "", tag: str = ""
) -> None:
    """Delete the limit of a tag. Raises `ObjectNotFound`."""
    found = await read_tag_limit(database, key=key, tag=tag)
    await database.transact(lambda tx: _delete(tx, found))
    signals.publish("events")


async def reset_tag_limit(database: Database, tag: str, holders: list[str]) -> None:
    """Take all slots of a tag away and give them to these task runs. Raises `ObjectNotFound`."""
    found = await read_tag_limit(database, tag=tag)

    def work(tx: Transaction) -> None:
        tx.lock(f"limit:{found.name}")
        now = tx.now()
        tx.execute(sql.RELEASE_LIMIT, {"limit_id": found.id})
        tx.execute(sql.TAKE, {"limit_id": found.id, "count": 0.0, "now": now})
        for holder in holders:
            grant(tx, [found], 1, Lease(None, Holder("task_run", holder)), now)

    await database.transact(work)


async def holders(database: Database, limits: list[Limit]) -> dict[str, list[str]]:
    """The ids of who holds slots, by limit; one that holds two is named twice."""
    found: dict[str, list[str]] = {limit.id: [] for limit in limits}
    if found:
        params = {"limits": list(found), "now": now_text()}
        for limit_id, holder, slots in await database.fetch_all(sql.HOLDERS, params):
            found[limit_id].extend([holder] * slots)
    return found


def _insert(tx: Transaction, values: Mapping[str, Any]) -> Limit:
    now = tx.now()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "active": True,
        "slot_decay_per_second": 0.0,
        "avg_slot_occupancy_seconds": 2.0,
        "denied_slots": 0,
        "taken": 0.0,
        "taken_at": now,
        **values,
    }
    tx.execute(sql.INSERT, row)
    found = tx.fetch_one(sql.BY_ID, {"key": row["id"], "now": now})
    assert found is not None
    made = Limit(*found)
    tx.execute(events.INSERT_EVENT, events.of_limit(events.CREATED, made, now))
    return made


def _delete(tx: Transaction, found: Limit) -> None:
    if tx.execute(sql.DELETE, {"limit_id": found.id}):
        tx.execute(events.INSERT_EVENT, events.of_limit(events.DELETED, found, tx.now()))


def _change(tx: Transaction, found: Limit, given: Mapping[str, Any]) -> None:
    tx.lock(f"limit:{found.name}")
    now = tx.now()
    row = tx.fetch_one(sql.BY_ID, {"key": found.id, "now": now})
    if row is None:
        raise _not_found(found.name)
    settable = {name: value for name, value in given.items() if name != "active_slots"}
    _set(tx, found.id, settable, now)
    if changed := tx.fetch_one(sql.BY_ID, {"key": found.id, "now": now}):
        tx.execute(events.INSERT_EVENT, events.of_limit(events.UPDATED, Limit(*changed), now))
    wanted: int | None = given.get("active_slots")
    if wanted is None:
        return
    leased = int(Limit(*row).leased)
    if wanted < leased:  # they are taken away from who holds them
        tx.execute(sql.RELEASE_LIMIT, {"limit_id": found.id})
        leased = 0
    count = float(wanted - leased)
    tx.execute(sql.TAKE, {"limit_id": found.id, "count": count, "now": now})


def _set(tx: Transaction, limit_id: str, given: Mapping[str, Any], now: str) -> None:
    for column, value in given.items():
        tx.execute(sql.CHANGE[column], {"limit_id": limit_id, "value": value, "now": now})


async def _find_deployment(database: Database, key: str) -> tuple[Any, ...]:
    """The limit of a deployment as `store.deployments.LIMITED` has it. Raises `ObjectNotFound`."""
    if key.startswith(DEPLOYMENT) and _is_id(key.removeprefix(DEPLOYMENT)):
        params = {"deployment_id": key.removeprefix(DEPLOYMENT)}
        row = await database.fetch_one(deployment_sql.LIMITED_ONE, params)
        if row is not None:
            return tuple(row)
    if _is_id(key):
        everything = {"limit": _MOST_LIMITED, "offset": 0}
        for row in await database.fetch_all(deployment_sql.LIMITED, everything):
            if deployment_sql.limit_id(row[0]) == key:
                return tuple(row)
    raise _not_found(key)


_MOST_LIMITED: Final = 10_000  # deployments that are searched for one whose limit has this id


def _of_deployment(row: tuple[Any, ...]) -> Limit:
    deployment_id, created, updated, limit, used = row
    return Limit(
        id=deployment_sql.limit_id(deployment_id),
        created=created,
        updated=updated,
        name=DEPLOYMENT + deployment_id,
        limit=limit,
        active=True,
        decay=0.0,
        occupancy=2.0,
        denied=0,
        taken=0.0,
        taken_at=updated,
        leased=used,
    )


def _is_id(key: str) -> bool:
    try:
        UUID(key)
    except ValueError:
        return False
    return True


def _exists(name: str) -> ObjectAlreadyExists:
    return ObjectAlreadyExists(f"A concurrency limit with the name {name!r} already exists.")


def _not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"There is no concurrency limit {key!r}.")
