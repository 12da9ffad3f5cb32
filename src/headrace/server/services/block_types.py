"""Block types and their schemas: what blocks look like."""

import re
from typing import Final

import msgspec

from headrace.core.blocks import checksum
from headrace.core.ids import new_id
from headrace.core.times import now_text
from headrace.errors import (
    Forbidden,
    ObjectAlreadyExists,
    ObjectNotFound,
    UniqueViolation,
    ValidationFailed,
)
from headrace.server.services.signals import Signals
from headrace.server.store import blocks as sql
from headrace.server.store import object_events as events
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.filters.blocks import (
    filter_schemas,
    filter_types,
    filter_types_by_schemas,
)
from headrace.server.store.schema import block_schema, block_type
from headrace.wire.blocks import (
    BlockSchemaCreate,
    BlockSchemaFilter,
    BlockTypeCreate,
    BlockTypeFilter,
    BlockTypeUpdate,
)
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault

_SLUG: Final = re.compile(r"[a-z0-9-]+")
_RESERVED: Final = "prefect"  # the contract keeps names that begin so for its own types


async def create_type(database: Database, signals: Signals, body: BlockTypeCreate) -> Row:
    """Make a type. Raises `ValidationFailed`, `Forbidden`, `ObjectAlreadyExists`."""
    if not _SLUG.fullmatch(body.slug):
        message = "A slug has only lower-case letters, digits and dashes"
        raise ValidationFailed([make_fault("value_error", ("body", "slug"), message, body.slug)])
    if body.name.lower().startswith(_RESERVED):
        message = f"The name {body.name!r} is reserved: choose one that does not begin so."
        raise Forbidden(message)
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        **msgspec.structs.asdict(body),
        "is_protected": False,
    }
    try:
        told = events.insert(events.of_block_type(events.CREATED, row, now))
        await database.apply([Write(sql.INSERT_TYPE, row), told])
    except UniqueViolation as error:
        message = f"A block type with the slug {body.slug!r} already exists."
        raise ObjectAlreadyExists(message) from error
    signals.publish("events")
    return sql.TYPE.row(row)


async def read_type(database: Database, *, key: str = "", slug: str = "") -> Row:
    """A type by its id or slug. Raises `ObjectNotFound`."""
    statement = sql.TYPE_BY_ID if key else sql.TYPE_BY_SLUG
    row = await database.fetch_one(statement, {"key": key or slug})
    if row is None:
        message = f"Block type {key or slug!r} not found."
        raise ObjectNotFound(message)
    return row


async def list_types(
    database: Database,
    types: BlockTypeFilter | None,
    schemas: BlockSchemaFilter | None,
    *,
    limit: int,
    offset: int,
) -> list[Row]:
    """Types by name."""
    wanted = [*filter_types(types), *filter_types_by_schemas(schemas)]
    query = sql.TYPE.select.where(*wanted).order_by(block_type.c.name, block_type.c.id)
    return await database.fetch_all(query.limit(limit).offset(offset))


async def update_type(
    database: Database, signals: Signals, key: str, body: BlockTypeUpdate
) -> None:
    """Change what the body names. Raises `ObjectNotFound`."""
    await read_type(database, key=key)
    given = msgspec.structs.asdict(body)

    def work(tx: Transaction) -> None:
        now = tx.now()
        for column, value in given.items():
            if value is not msgspec.UNSET:
                tx.execute(sql.SET_TYPE[column], {"type_id": key, "value": value, "now": now})
        row = tx.fetch_one(sql.TYPE_BY_ID, {"key": key})
        if row is not None:
            told = events.of_block_type(events.UPDATED, sql.TYPE.named(row), now)
            tx.execute(events.INSERT_EVENT, told)

    await database.transact(work)
    signals.publish("events")


async def delete_type(database: Database, signals: Signals, key: str) -> None:
    """Delete a type with its schemas and documents. Raises `ObjectNotFound`, `Forbidden`."""
    row = await read_type(database, key=key)
    if row[sql.TYPE.positions["is_protected"]]:
        message = "This block type is part of the installation and cannot be deleted."
        raise Forbidden(message)
    gone = events.insert(events.of_block_type(events.DELETED, sql.TYPE.named(row), now_text()))
    await database.apply([Write(sql.DELETE_TYPE, {"type_id": key}), gone])
    signals.publish("events")


# Schemas


async def create_schema(database: Database, body: BlockSchemaCreate) -> tuple[Row, bool]:
    """The schema of these fields and this version, made or found; and whether it was made.

    Raises `ObjectNotFound`: there is no such type.
    """
    await read_type(database, key=str(body.block_type_id))
    fields = {**body.fields}
    fields.setdefault("block_schema_references", {})
    found = checksum(body.fields)
    now = now_text()
    row = {
        "id": new_id(),
        "created": now,
        "updated": now,
        "block_type_id": str(body.block_type_id),
        "checksum": found,
        "fields": encode(fields).decode(),
        "capabilities": encode(body.capabilities).decode(),
        "version": body.version,
    }
    made = True
    try:
        await database.apply([Write(sql.INSERT_SCHEMA, row)])
    except UniqueViolation:
        made = False
    return await read_schema_by_checksum(database, found, body.version), made


async def read_schema(database: Database, key: str) -> Row:
    """A schema with its type, a row of `store.blocks.SCHEMAS`. Raises `ObjectNotFound`."""
    row = await database.fetch_one(sql.SCHEMA_BY_ID, {"key": key})
    if row is None:
        message = f"Block schema {key} not found."
        raise ObjectNotFound(message)
    return row


async def read_schema_by_checksum(database: Database, checksum: str, version: str | None) -> Row:
    """The schema of a checksum, the newest where no version is given. Raises `ObjectNotFound`."""
    statement = sql.SCHEMA_BY_CHECKSUM if version is None else sql.SCHEMA_BY_VERSION
    params = {"checksum": checksum} | ({} if version is None else {"version": version})
    rows = await database.fetch_all(statement, params)
    if not rows:
        of_version = "" if version is None else f" and version {version!r}"
        message = f"There is no block schema of checksum {checksum}{of_version}."
        raise ObjectNotFound(message)
    return rows[0]


async def list_schemas(
    database: Database, given: BlockSchemaFilter | None, *, limit: int, offset: int
) -> list[Row]:
    """Schemas, the newest first."""
    query = sql.SCHEMAS.where(*filter_schemas(given)).order_by(
        block_schema.c.created.desc(), block_schema.c.id.desc()
    )
    return await database.fetch_all(query.limit(limit).offset(offset))


async def list_capabilities(database: Database) -> list[str]:
    """What schemas say that their blocks can do, each once."""
    rows = await database.fetch_all(sql.CAPABILITIES)
    named = (msgspec.json.decode(row[0], type=list[str]) for row in rows)
    return sorted({name for names in named for name in names})


async def delete_schema(database: Database, key: str) -> None:
    """Delete a schema with its documents. Raises `ObjectNotFound`, `Forbidden`."""
    row = await read_schema(database, key)
    if sql.is_protected(row):
        message = "The schemas of this block type are part of the installation."
        raise Forbidden(message)
    await database.apply([Write(sql.DELETE_SCHEMA, {"schema_id": key})])
