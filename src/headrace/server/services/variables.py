"""Variables: small named values that flows and deployment files refer to."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import (
    ObjectAlreadyExists,
    ObjectNotFound,
    StaleWrite,
    UniqueViolation,
    ValidationFailed,
)
from headrace.server.services.signals import Signals
from headrace.server.store import object_events as events
from headrace.server.store import variables as store
from headrace.server.store.database import Database, Row, Write
from headrace.server.store.filters.conditions import Conditions
from headrace.server.store.filters.small_nouns import filter_variables
from headrace.server.store.filters.sorts import VARIABLES
from headrace.server.store.queries import count_rows, list_query
from headrace.server.store.schema import variable
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault
from headrace.wire.variables import (
    VariableCreate,
    VariableFilter,
    VariableSort,
    VariableUpdate,
)

# Characters of a value's JSON: a variable is a setting, not a store of data.
MAX_VALUE_LENGTH = 5000

# How often a change starts over when another caller changes the same variable meanwhile.
_ATTEMPTS = 5

_NAME = re.compile(r"[a-z0-9_-]*")


async def create_variable(database: Database, signals: Signals, body: VariableCreate) -> Row:
    """Make a variable. Raises `ObjectAlreadyExists`, `ValidationFailed`."""
    _check_name(body.name)
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "name": body.name,
        "value": _encode_value(body.value),
        "tags": encode(body.tags).decode(),
    }
    try:
        told = events.insert(events.of_variable(events.CREATED, row, now))
        await database.apply([Write(store.INSERT, row), told])
    except UniqueViolation as error:
        raise _exists(body.name) from error
    signals.publish("events")
    return store.SHAPE.row(row)


async def read_variable(database: Database, key: str, *, by_name: bool) -> Row:
    """A variable by its id or name. Raises `ObjectNotFound`."""
    statement = store.BY_NAME if by_name else store.BY_ID
    row = await database.fetch_one(statement, {"key": key})
    if row is None:
        raise _not_found(key)
    return row


async def read_values(database: Database, names: Sequence[str]) -> dict[str, object]:
    """Values of the variables that there are, by name."""
    values: dict[str, object] = {}
    for name in names:
        row = await database.fetch_one(store.BY_NAME, {"key": name})
        if row is not None:
            values[name] = msgspec.json.decode(row[store.SHAPE.positions["value"]])
    return values


async def list_variables(
    database: Database,
    given: VariableFilter | None,
    sort: VariableSort,
    *,
    limit: int,
    offset: int,
) -> list[Row]:
    """Variables that meet a filter."""
    query = list_query(store.SHAPE, _conditions(given), VARIABLES[sort], limit=limit, offset=offset)
    return await database.fetch_all(query)


async def count_variables(database: Database, given: VariableFilter | None) -> int:
    """How many variables meet a filter."""
    return await count_rows(database, variable, _conditions(given))


async def update_variable(
    database: Database, signals: Signals, key: str, body: VariableUpdate, *, by_name: bool
) -> None:
    """Change what the body names.

    Raises `ObjectNotFound`, `ObjectAlreadyExists` (the new name is another's), `ValidationFailed`.
    """
    if isinstance(body.name, str):
        _check_name(body.name)
    new_value = None if body.value is UNSET else _encode_value(body.value)
    for attempt in range(_ATTEMPTS):
        row = await read_variable(database, key, by_name=by_name)
        old = store.SHAPE.named(row)
        params = {
            "variable_id": old["id"],
            "was_updated": old["updated"],
            "new_name": body.name if isinstance(body.name, str) else old["name"],
            "new_value": old["value"] if new_value is None else new_value,
            "new_tags": encode(body.tags).decode() if isinstance(body.tags, list) else old["tags"],
            "now": now_text(),
        }
        try:
            await database.apply([Write(store.REPLACE, params, expect=1), _told(params)])
        except UniqueViolation as error:
            raise _exists(str(params["new_name"])) from error
        except StaleWrite:
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            signals.publish("events")
            return


def _told(params: dict[str, Any]) -> Write:
    """The event of a variable that has these new values."""
    new = {
        "id": params["variable_id"],
        "name": params["new_name"],
        "value": params["new_value"],
        "tags": params["new_tags"],
    }
    return events.insert(events.of_variable(events.UPDATED, new, params["now"]))


async def delete_variable(database: Database, signals: Signals, key: str, *, by_name: bool) -> None:
    """Delete a variable. Raises `ObjectNotFound`."""
    row = await read_variable(database, key, by_name=by_name)
    old = store.SHAPE.named(row)
    gone = events.insert(events.of_variable(events.DELETED, old, now_text()))
    try:
        await database.apply([Write(store.DELETE_BY_ID, {"key": old["id"]}, expect=1), gone])
    except StaleWrite as error:
        raise _not_found(key) from error
    signals.publish("events")


def _conditions(given: VariableFilter | None) -> Conditions:
    return [] if given is None else filter_variables(given)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        message = "A variable's name has only lower-case letters, digits, dashes and underscores"
        raise ValidationFailed([make_fault("value_error", ("body", "name"), message, name)])


def _encode_value(value: object) -> str:
    text = encode(value).decode()
    if len(text) > MAX_VALUE_LENGTH:
        message = f"A variable's value has at most {MAX_VALUE_LENGTH} characters as JSON"
        raise ValidationFailed([make_fault("value_error", ("body", "value"), message, None)])
    return text


def _exists(name: str) -> ObjectAlreadyExists:
    return ObjectAlreadyExists(f"A variable with the name {name!r} already exists.")


def _not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"Variable {key!r} not found.")
