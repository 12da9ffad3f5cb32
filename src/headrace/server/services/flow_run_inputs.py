"""Inputs of flow runs: named texts that people and other runs hand to a run."""

from collections.abc import Sequence

from sqlalchemy import select

from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import (
    ForeignKeyViolation,
    ObjectAlreadyExists,
    ObjectNotFound,
    StaleWrite,
    UniqueViolation,
)
from headrace.server.services.signals import Signals
from headrace.server.store import flow_run_inputs as store
from headrace.server.store.database import Database, Row, Write
from headrace.server.store.schema import flow_run_input
from headrace.wire.flow_run_inputs import CreateFlowRunInputBody


async def create_input(
    database: Database, signals: Signals, run_id: str, body: CreateFlowRunInputBody
) -> None:
    """Hand a run an input. Raises `ObjectNotFound`, `ObjectAlreadyExists`."""
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "flow_run_id": run_id,
        "key": body.key,
        "value": body.value,
        "sender": body.sender,
    }
    try:
        await database.apply([Write(store.INSERT, row)])
    except ForeignKeyViolation as error:
        raise ObjectNotFound("Flow run not found") from error
    except UniqueViolation as error:
        raise ObjectAlreadyExists(
            f"The flow run has an input with the key {body.key!r} already: choose another key."
        ) from error
    signals.publish(f"run:{run_id}")


async def list_inputs(
    database: Database, run_id: str, *, prefix: str, exclude: Sequence[str], limit: int
) -> list[Row]:
    """Inputs of a run whose key starts with a prefix, oldest first."""
    table = flow_run_input.c
    query = (
        select(*store.SHAPE.columns)
        .where(table.flow_run_id == run_id, table.key.startswith(prefix, autoescape=True))
        .order_by(table.created, table.id)
        .limit(limit)
    )
    if exclude:
        query = query.where(table.key.not_in(exclude))
    return await database.fetch_all(query)


async def read_input(database: Database, run_id: str, key: str) -> str:
    """The value of one input, as it was sent. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.VALUE, {"run_id": run_id, "input_key": key})
    if row is None:
        raise ObjectNotFound("Flow run input not found")
    return row[0]


async def delete_input(database: Database, run_id: str, key: str) -> None:
    """Delete one input. Raises `ObjectNotFound`."""
    try:
        params = {"run_id": run_id, "input_key": key}
        await database.apply([Write(store.DELETE, params, expect=1)])
    except StaleWrite as error:
        raise ObjectNotFound("Flow run input not found") from error
