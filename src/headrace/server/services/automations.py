"""Automations: kept and checked. Nothing fires them yet."""

from typing import Any

from sqlalchemy import Select

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, StaleWrite, ValidationFailed
from headrace.server.services.automation_rules import complete, find_faults, find_resources
from headrace.server.services.signals import Signals
from headrace.server.store import automations as store
from headrace.server.store import object_events as events
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.filters.automations import filter_automations
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.sorts import AUTOMATIONS
from headrace.server.store.queries import count_query, list_query
from headrace.server.store.schema import automation
from headrace.server.store.shaped import ShapedQuery
from headrace.server.store.transitions import carry_out
from headrace.wire.automations import (
    AutomationCreate,
    AutomationFilter,
    AutomationSort,
    AutomationUpdate,
)
from headrace.wire.decode import encode

_MISSING = "Automation not found"


async def create_automation(database: Database, signals: Signals, body: AutomationCreate) -> Row:
    """Keep an automation. Raises `ValidationFailed` with every fault."""
    now = now_text()
    owner = body.owner_resource
    row = {
        **_describe(body, now),
        "id": new_id(),
        "created": now,
        "owner_resource": owner,
    }
    made = store.SHAPE.row(row)
    told = events.insert(store.event_of(events.CREATED, made, now))
    await database.apply([*store.create(row, _resources(body, owner)), told])
    signals.publish("events")
    return made


async def read_automation(database: Database, automation_id: str) -> Row:
    """One automation. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"automation_id": automation_id})
    if row is None:
        raise ObjectNotFound(_MISSING)
    return row


async def replace_automation(
    database: Database, signals: Signals, automation_id: str, body: AutomationUpdate
) -> None:
    """Change all but the owner. Raises `ObjectNotFound`, `ValidationFailed`."""
    values = _describe(body, now_text())
    found = await database.fetch_one(store.OWNER, {"automation_id": automation_id})
    if found is None:
        raise ObjectNotFound(_MISSING)
    writes = store.replace(automation_id, values, _resources(body, found[0]))
    await _change(database, signals, automation_id, writes)


async def enable_automation(
    database: Database, signals: Signals, automation_id: str, *, enabled: bool
) -> None:
    """Let it fire, or not. Raises `ObjectNotFound`."""
    params = {"automation_id": automation_id, "is_enabled": enabled, "now": now_text()}
    await _change(database, signals, automation_id, [Write(store.ENABLE, params, expect=1)])


async def delete_automation(database: Database, signals: Signals, automation_id: str) -> None:
    """Delete an automation. Raises `ObjectNotFound`."""

    def work(tx: Transaction) -> None:
        row = tx.fetch_one(store.BY_ID, {"automation_id": automation_id})
        if row is None:
            raise ObjectNotFound(_MISSING)
        tx.execute(store.DELETE, {"automation_id": automation_id})
        tx.execute(events.INSERT_EVENT, store.event_of(events.DELETED, row, tx.now()))

    await database.transact(work)
    signals.publish("events")


async def _change(
    database: Database, signals: Signals, automation_id: str, writes: list[Write]
) -> None:
    """Carry the writes out, with the event of what it is then. Raises `ObjectNotFound`."""

    def work(tx: Transaction) -> None:
        carry_out(tx, writes)
        row = tx.fetch_one(store.BY_ID, {"automation_id": automation_id})
        if row is not None:
            tx.execute(events.INSERT_EVENT, store.event_of(events.UPDATED, row, tx.now()))

    try:
        await database.transact(work)
    except StaleWrite as error:
        raise ObjectNotFound(_MISSING) from error
    signals.publish("events")


async def list_related(database: Database, resource_id: str) -> list[Row]:
    """Automations that a resource owns, or that are about it."""
    return await database.fetch_all(store.RELATED, {"resource_id": resource_id})


async def delete_owned(database: Database, resource_id: str) -> None:
    """Delete the automations that a resource owns."""
    await database.apply([Write(store.DELETE_OWNED, {"resource_id": resource_id})])


@ShapedQuery
def _listed(
    given: AutomationFilter | None, sort: AutomationSort, limit: int, offset: int
) -> Select[Any]:
    order = AUTOMATIONS[sort]
    return list_query(store.SHAPE, _conditions(given), order, limit=limit, offset=offset)


@ShapedQuery
def _number(given: AutomationFilter | None) -> Select[Any]:
    return count_query(automation, _conditions(given))


async def list_automations(
    database: Database,
    given: AutomationFilter | None,
    sort: AutomationSort,
    *,
    limit: int,
    offset: int,
) -> list[Row]:
    """Automations that meet a filter."""
    return await database.fetch_all(*_listed.of(given, sort, limit, offset))


async def count_automations(database: Database, given: AutomationFilter | None) -> int:
    """How many automations meet a filter."""
    [row] = await database.fetch_all(*_number.of(given))
    return row[0]


def _conditions(given: AutomationFilter | None) -> Conditions:
    return [] if given is None else filter_automations(given)


def _describe(body: AutomationCreate | AutomationUpdate, now: str) -> dict[str, object]:
    faults = find_faults(body)
    if faults:
        raise ValidationFailed(faults)
    complete(body.trigger)
    return {
        "name": body.name,
        "description": body.description,
        "enabled": body.enabled,
        "tags": encode(body.tags).decode(),
        "trigger": encode(body.trigger).decode(),
        "actions": encode(body.actions).decode(),
        "actions_on_trigger": encode(body.actions_on_trigger).decode(),
        "actions_on_resolve": encode(body.actions_on_resolve).decode(),
        "updated": now,
    }


def _resources(body: AutomationCreate | AutomationUpdate, owner: str | None) -> list[str]:
    return [*([] if owner is None else [owner]), *find_resources(body.trigger)]
