"""SQL of blocks: their types, schemas and documents."""

from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from headrace.server.store.database import Row, Statement
from headrace.server.store.schema import (
    block_document,
    block_document_reference,
    block_schema,
    block_type,
)
from headrace.server.store.shapes import RowShape
from headrace.wire.blocks import BlockSchema, BlockType

# Types

TYPE: Final = RowShape(BlockType, block_type.c)
INSERT_TYPE: Final = Statement(insert(block_type))
TYPE_BY_ID: Final = Statement(TYPE.select.where(block_type.c.id == bindparam("key")))
TYPE_BY_SLUG: Final = Statement(TYPE.select.where(block_type.c.slug == bindparam("key")))
SET_TYPE: Final = {
    column: Statement(
        update(block_type)
        .where(block_type.c.id == bindparam("type_id"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in ("code_example", "description", "documentation_url", "logo_url")
}
DELETE_TYPE: Final = Statement(delete(block_type).where(block_type.c.id == bindparam("type_id")))

# Schemas

_SCHEMA: Final = RowShape(BlockSchema, block_schema.c, constant={"block_type": None})
_OF_SCHEMA: Final = len(_SCHEMA.columns)
SCHEMA_COLUMNS: Final = [*_SCHEMA.columns, *TYPE.columns]
SCHEMAS: Final = select(*SCHEMA_COLUMNS).join(
    block_type, block_type.c.id == block_schema.c.block_type_id
)
"""Schemas, each with its type."""

_IN_AGE: Final = (block_schema.c.created.desc(), block_schema.c.id.desc())
INSERT_SCHEMA: Final = Statement(insert(block_schema))
SCHEMA_BY_ID: Final = Statement(SCHEMAS.where(block_schema.c.id == bindparam("key")))
SCHEMA_BY_CHECKSUM: Final = Statement(
    SCHEMAS.where(block_schema.c.checksum == bindparam("checksum")).order_by(*_IN_AGE).limit(1)
)
"""The newest of that checksum."""

SCHEMA_BY_VERSION: Final = Statement(
    SCHEMAS.where(
        block_schema.c.checksum == bindparam("checksum"),
        block_schema.c.version == bindparam("version"),
    )
)
CAPABILITIES: Final = Statement(select(block_schema.c.capabilities).distinct())
TYPES_OF_CHECKSUMS: Final = Statement(
    select(block_type.c.slug)
    .join_from(block_schema, block_type)
    .where(block_schema.c.checksum.in_(bindparam("checksums", expanding=True)))
)
"""Slugs of the types that have one of these schemas."""

DELETE_SCHEMA: Final = Statement(
    delete(block_schema).where(block_schema.c.id == bindparam("schema_id"))
)


def schema_of(row: Row) -> Any:
    """A row of `SCHEMAS` as an object to be encoded."""
    shown = _SCHEMA.fill(row[:_OF_SCHEMA])
    shown.block_type = TYPE.fill(row[_OF_SCHEMA:])  # pyright: ignore[reportAttributeAccessIssue]  # made of BlockSchema
    return shown


def fields_of(row: Row) -> dict[str, Any]:
    """The fields of a schema, of a row of `SCHEMAS`."""
    return msgspec.json.decode(row[_SCHEMA.positions["fields"]], type=dict[str, Any])


def names_of(row: Row) -> dict[str, Any]:
    """What events tell of a schema and its type, of a row of `SCHEMAS`."""
    kind = TYPE.named(row[_OF_SCHEMA:])
    return {
        "schema_id": schema_id_of(row),
        "capabilities": msgspec.json.decode(row[_SCHEMA.positions["capabilities"]]),
        "type_id": kind["id"],
        "type_name": kind["name"],
    }


def is_protected(row: Row) -> bool:
    """Whether a schema's type is one that cannot be deleted, of a row of `SCHEMAS`."""
    return bool(row[_OF_SCHEMA + TYPE.positions["is_protected"]])


def schema_id_of(row: Row) -> str:
    """The id of a schema, of a row of `SCHEMAS`."""
    return str(row[_SCHEMA.positions["id"]])


def type_id_of(row: Row) -> str:
    """The type of a schema, of a row of `SCHEMAS`."""
    return str(row[_OF_SCHEMA + TYPE.positions["id"]])


# Documents


class Document(NamedTuple):
    """A document, its values still encrypted; the first columns of `DOCUMENTS`."""

    id: str
    created: str
    updated: str
    name: str
    is_anonymous: bool
    data: str
    key_id: str
    block_schema_id: str
    block_type_id: str


DOCUMENTS: Final = (
    select(*(block_document.c[name] for name in Document._fields), *SCHEMA_COLUMNS)
    .join(block_schema, block_schema.c.id == block_document.c.block_schema_id)
    .join(block_type, block_type.c.id == block_schema.c.block_type_id)
)
"""Documents, each with its schema and that one's type."""

INSERT_DOCUMENT: Final = Statement(insert(block_document))
DOCUMENT_BY_ID: Final = Statement(DOCUMENTS.where(block_document.c.id == bindparam("key")))
DOCUMENT_BY_NAME: Final = Statement(
    DOCUMENTS.where(
        block_type.c.slug == bindparam("slug"), block_document.c.name == bindparam("name")
    )
)
DOCUMENTS_BY_IDS: Final = Statement(
    DOCUMENTS.where(block_document.c.id.in_(bindparam("ids", expanding=True)))
)
REPLACE_DOCUMENT: Final = Statement(
    update(block_document)
    .where(
        block_document.c.id == bindparam("document_id"),
        block_document.c.data == bindparam("was_data"),
        block_document.c.updated == bindparam("was_updated"),
    )
    .values(
        data=bindparam("new_data"),
        key_id=bindparam("new_key_id"),
        block_schema_id=bindparam("new_schema_id"),
        updated=bindparam("now"),
    )
)
"""Where nobody has changed it since it was read."""
DELETE_DOCUMENT: Final = Statement(
    delete(block_document).where(block_document.c.id == bindparam("document_id"))
)

_ref = block_document_reference.c
REFERENCES: Final = Statement(
    select(_ref.parent_id, _ref.name, _ref.child_id).where(
        _ref.parent_id.in_(bindparam("parents", expanding=True))
    )
)
INSERT_REFERENCE: Final = Statement(insert(block_document_reference))
DELETE_REFERENCES: Final = Statement(
    delete(block_document_reference).where(_ref.parent_id == bindparam("parent_id"))
)

OTHER_KEYS: Final = Statement(
    select(block_document.c.id, block_document.c.data, block_document.c.key_id)
    .where(block_document.c.key_id != bindparam("key_id"))
    .limit(bindparam("page"))
)
"""Documents that are encrypted with another key."""

ENCRYPT_ANEW: Final = Statement(
    update(block_document)
    .where(
        block_document.c.id == bindparam("document_id"), block_document.c.data == bindparam("was")
    )
    .values(data=bindparam("new_data"), key_id=bindparam("new_key_id"))
)
"""Where nobody has changed it meanwhile."""
