"""Block documents: configuration and credentials, encrypted where they are stored.

A field may refer to another document; where a document is read, the values of that one stand in its
place. Secret fields are masked unless they are asked for.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from msgspec import UNSET
from sqlalchemy import Select, func, select

from headrace.core.blocks import (
    masked,
    refer_to,
    restored,
    secret_paths,
    split_references,
    stripped,
)
from headrace.core.ids import new_id
from headrace.errors import (
    BadRequest,
    ForeignKeyViolation,
    ObjectAlreadyExists,
    ObjectNotFound,
    SecretsUnreadable,
    StaleWrite,
    UniqueViolation,
    ValidationFailed,
)
from headrace.server.secrets import Keyring
from headrace.server.services import block_types
from headrace.server.services.signals import Signals
from headrace.server.store import blocks as sql
from headrace.server.store import object_events as events
from headrace.server.store.blocks import Document
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.filters.blocks import filter_documents, filter_schemas, filter_types
from headrace.server.store.schema import block_document, block_schema, block_type
from headrace.wire.blocks import (
    BlockDocumentCreate,
    BlockDocumentSort,
    BlockDocumentUpdate,
    BlockType,
    CountBlockDocumentsBody,
    ReadBlockDocumentsBody,
)
from headrace.wire.faults import make_fault

MOST_NESTED: Final = 20
"""How deep documents may refer to one another: configuration is two or three levels deep."""

# How often a change starts over when another caller changes the same block meanwhile.
_ATTEMPTS: Final = 5

_NAME: Final = re.compile(r"[a-z0-9-]+")
_COLUMNS: Final = len(Document._fields)
_ORDERS: Final = {
    BlockDocumentSort.NAME_ASC: (block_document.c.name, block_document.c.id),
    BlockDocumentSort.NAME_DESC: (block_document.c.name.desc(), block_document.c.id.desc()),
    BlockDocumentSort.BLOCK_TYPE_AND_NAME_ASC: (
        block_type.c.name,
        block_document.c.name,
        block_document.c.id,
    ),
}
_Data = dict[str, Any]


@dataclass(slots=True)
class Block:
    """A document with its schema and the documents it refers to.

    Args:
        document: Its own columns.
        schema: Of a row of `store.blocks.SCHEMAS`.
        own: Its decrypted values, without the fields that refer to others.
        children: Those others, by field.
    """

    document: Document
    schema: Row
    own: _Data
    children: dict[str, "Block"] = field(default_factory=dict[str, "Block"])

    def values(self, *, secrets: bool) -> _Data:
        """Its values, those of its children in their place."""
        whole = {**self.own}
        for name, child in self.children.items():
            whole[name] = child.values(secrets=secrets)
        return whole if secrets else masked(whole, secret_paths(sql.fields_of(self.schema)))

    def show(self, *, secrets: bool) -> _Data:
        """As the wire has it."""
        schema = sql.schema_of(self.schema)
        kind: BlockType = schema.block_type
        return {
            "id": self.document.id,
            "created": self.document.created,
            "updated": self.document.updated,
            "name": self.document.name,
            "data": self.values(secrets=secrets),
            "block_schema_id": self.document.block_schema_id,
            "block_schema": schema,
            "block_type_id": self.document.block_type_id,
            "block_type_name": kind.name,
            "block_type": kind,
            "block_document_references": self.show_references(),
            "is_anonymous": self.document.is_anonymous,
        }

    def show_references(self) -> _Data:
        """The documents it refers to, by field, as the wire has them."""
        return {
            name: {
                "block_document": {
                    "id": child.document.id,
                    "name": child.document.name,
                    "block_type": sql.schema_of(child.schema).block_type,
                    "is_anonymous": child.document.is_anonymous,
                    "block_document_references": child.show_references(),
                }
            }
            for name, child in self.children.items()
        }


class BlockDocuments:
    """The documents of one installation."""

    def __init__(self, database: Database, signals: Signals, keyring: Keyring) -> None:
        self._database = database
        self._signals = signals
        self._keyring = keyring

    async def create(self, body: BlockDocumentCreate) -> Block:
        """Make a document.

        Raises `ValidationFailed`, `ObjectAlreadyExists`, `ForeignKeyViolation` (no such schema, or a
        document that it refers to is not there), `SecretsUnreadable`.
        """
        name = _checked_name(body)
        schema = await self._schema(str(body.block_schema_id))
        own, references = split_references(body.data)
        encrypted, key_id = self._keyring.encrypt(json.dumps(own))
        document_id = new_id()

        def work(tx: Transaction) -> None:
            now = tx.now()
            made = {"created": now, "updated": now}
            row = {
                "id": document_id,
                **made,
                "name": name,
                "is_anonymous": body.is_anonymous,
                "data": encrypted,
                "key_id": key_id,
                "block_schema_id": str(body.block_schema_id),
                # the schema's own type: one that is said beside it could only contradict it
                "block_type_id": sql.type_id_of(schema),
            }
            tx.execute(sql.INSERT_DOCUMENT, row)
            _refer(tx, document_id, references, now)
            if not body.is_anonymous:
                _tell(tx, events.CREATED, row, schema, own)

        try:
            await self._database.transact(work)
        except UniqueViolation as error:
            message = f"A block of this type with the name {name!r} already exists."
            raise ObjectAlreadyExists(message) from error
        self._signals.publish("events")
        return await self.read(document_id)

    async def read(self, key: str) -> Block:
        """A document by its id. Raises `ObjectNotFound`, `SecretsUnreadable`."""
        rows = await self._database.fetch_all(sql.DOCUMENT_BY_ID, {"key": key})
        return await self._only(rows, key)

    async def read_by_name(self, slug: str, name: str) -> Block:
        """A document by its type's slug and its name. Raises as `read` does."""
        params = {"slug": slug, "name": name}
        rows = await self._database.fetch_all(sql.DOCUMENT_BY_NAME, params)
        return await self._only(rows, f"{slug}/{name}")

    async def list_of_type(self, slug: str, *, limit: int) -> list[Block]:
        """The documents of a type that have a name of their own. Raises `ObjectNotFound`."""
        kind = await block_types.read_type(self._database, slug=slug)
        query = sql.DOCUMENTS.where(
            *filter_documents(None),
            block_document.c.block_type_id == kind[sql.TYPE.positions["id"]],
        ).order_by(*_ORDERS[BlockDocumentSort.NAME_ASC])
        return await self._load(await self._database.fetch_all(query.limit(limit)))

    async def search(self, body: ReadBlockDocumentsBody, *, limit: int) -> list[Block]:
        """A page of documents that meet a filter."""
        order = _ORDERS[body.sort or BlockDocumentSort.NAME_ASC]
        query = sql.DOCUMENTS.where(*_wanted(body)).order_by(*order)
        rows = await self._database.fetch_all(query.limit(limit).offset(body.offset))
        return await self._load(rows)

    async def count(self, body: CountBlockDocumentsBody) -> int:
        """How many documents meet a filter."""
        query: Select[Any] = (
            select(func.count())
            .select_from(block_document)
            .join(block_schema, block_schema.c.id == block_document.c.block_schema_id)
            .join(block_type, block_type.c.id == block_schema.c.block_type_id)
        )
        return int((await self._database.fetch_all(query.where(*_wanted(body))))[0][0])

    async def update(self, key: str, body: BlockDocumentUpdate) -> None:
        """Change a document: with `merge_existing_data`, what the body does not name stays.

        A mask that comes back in the place of a secret changes nothing of it, and neither do the
        values of a document that this one refers to, sent back as they were shown. Raises as
        `create` does, and `BadRequest`: the new schema is another type's.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return await self._update(key, body)
            except StaleWrite:  # somebody else changed it since it was read
                if attempt == _ATTEMPTS - 1:
                    raise
        return None

    async def _update(self, key: str, body: BlockDocumentUpdate) -> None:
        found = await self.read(key)
        schema = found.schema
        if body.block_schema_id is not UNSET and body.block_schema_id is not None:
            schema = await self._schema(str(body.block_schema_id))
            if sql.type_id_of(schema) != found.document.block_type_id:
                message = "A block keeps its type: the schema that is named is another type's."
                raise BadRequest(message)
        given = {} if body.data is UNSET else _relinked(body.data, found)
        paths = secret_paths(sql.fields_of(schema))
        own, references = split_references(restored(given, found.values(secrets=True), paths))
        if body.merge_existing_data:
            own, references = _merged(found, own, references)
        encrypted, key_id = self._keyring.encrypt(json.dumps(own))

        def work(tx: Transaction) -> None:
            now = tx.now()
            changed = {
                "document_id": key,
                "was_data": found.document.data,
                "was_updated": found.document.updated,
                "new_data": encrypted,
                "new_key_id": key_id,
                "new_schema_id": sql.schema_id_of(schema),
                "now": now,
            }
            if not tx.execute(sql.REPLACE_DOCUMENT, changed):
                message = "the block was changed meanwhile"
                raise StaleWrite(message)
            tx.execute(sql.DELETE_REFERENCES, {"parent_id": key})
            _refer(tx, key, references, now)
            if not found.document.is_anonymous:
                _tell(tx, events.UPDATED, found.document._asdict(), schema, own)

        await self._database.transact(work)
        self._signals.publish("events")

    async def delete(self, key: str) -> None:
        """Delete a document; fields that refer to it are empty then. Raises `ObjectNotFound`."""
        row = await self._database.fetch_one(sql.DOCUMENT_BY_ID, {"key": key})
        if row is None:
            raise _not_found(key)
        document = Document(*row[:_COLUMNS])
        own: _Data = {}
        with suppress(SecretsUnreadable):  # it can be deleted all the same
            own = self._open(row).own

        def work(tx: Transaction) -> None:
            if not tx.execute(sql.DELETE_DOCUMENT, {"document_id": key}):
                raise _not_found(key)
            if not document.is_anonymous:
                _tell(tx, events.DELETED, document._asdict(), row[_COLUMNS:], own)

        await self._database.transact(work)
        self._signals.publish("events")

    async def any(self) -> bool:
        """Whether there is a document at all: without one, no key is needed."""
        return bool(await self._database.fetch_all(select(block_document.c.id).limit(1)))

    async def encrypt_anew(self, page: int) -> int:
        """Encrypt up to `page` documents of older keys with the newest one; how many it were."""
        self._keyring.reload()
        key_id = self._keyring.current_id()
        params = {"key_id": key_id, "page": page}
        rows = await self._database.fetch_all(sql.OTHER_KEYS, params)
        changes = [
            {
                "document_id": document_id,
                "was": data,
                "new_data": self._keyring.encrypt(self._keyring.decrypt(data, old))[0],
                "new_key_id": key_id,
            }
            for document_id, data, old in rows
        ]
        if changes:
            await self._database.apply([Write(sql.ENCRYPT_ANEW, changes)])
        return len(changes)

    async def _schema(self, key: str) -> Row:
        try:
            return await block_types.read_schema(self._database, key)
        except ObjectNotFound as error:
            raise ForeignKeyViolation(str(error)) from error

    async def _only(self, rows: Sequence[Row], what: str) -> Block:
        if not rows:
            raise _not_found(what)
        return (await self._load(rows))[0]

    async def _load(self, rows: Sequence[Row]) -> list[Block]:
        """Documents with those that they refer to, however deep."""
        blocks = [self._open(row) for row in rows]
        level = {block.document.id: [block] for block in blocks}
        for _ in range(MOST_NESTED):
            params = {"parents": list(level)}
            found = await self._database.fetch_all(sql.REFERENCES, params) if level else []
            if not found:
                break
            ids = {"ids": sorted({child for _, _, child in found})}
            children = {
                row[0]: row for row in await self._database.fetch_all(sql.DOCUMENTS_BY_IDS, ids)
            }
            below: dict[str, list[Block]] = {}
            for parent, name, child in found:
                if child not in children:
                    continue
                for block in level[parent]:
                    block.children[name] = self._open(children[child])
                    below.setdefault(child, []).append(block.children[name])
            level = below
        return blocks

    def _open(self, row: Row) -> Block:
        document = Document(*row[:_COLUMNS])
        own = json.loads(self._keyring.decrypt(document.data, document.key_id))
        return Block(document, row[_COLUMNS:], own)


def _wanted(body: ReadBlockDocumentsBody | CountBlockDocumentsBody) -> list[Any]:
    return [
        *filter_documents(body.block_documents),
        *filter_schemas(body.block_schemas),
        *filter_types(body.block_types),
    ]


def _checked_name(body: BlockDocumentCreate) -> str:
    if body.name is None:
        if body.is_anonymous:
            return f"anonymous-{uuid4()}"
        message = "A block needs a name, unless it is anonymous"
        raise ValidationFailed([make_fault("value_error", ("body",), message, None)])
    if not _NAME.fullmatch(body.name):
        message = "A block's name has only lower-case letters, digits and dashes"
        raise ValidationFailed([make_fault("value_error", ("body", "name"), message, body.name)])
    return body.name


def _relinked(given: _Data, found: Block) -> _Data:
    """The given values; those of another document, as this one showed them, refer to it as before."""
    masked_, open_ = found.values(secrets=False), found.values(secrets=True)
    return {
        name: refer_to(found.children[name].document.id)
        if name in found.children and value in (masked_[name], open_[name])
        else value
        for name, value in given.items()
    }


def _merged(
    found: Block, own: _Data, references: Mapping[str, str]
) -> tuple[_Data, dict[str, str]]:
    kept = {name: child.document.id for name, child in found.children.items()}
    merged = {**found.own, **own}
    named = {**{name: key for name, key in kept.items() if name not in own}, **references}
    return {name: value for name, value in merged.items() if name not in references}, named


def _tell(tx: Transaction, what: str, document: Mapping[str, Any], schema: Row, own: _Data) -> None:
    """The event of a named block; its secrets are not in it, nor other blocks that it refers to."""
    told = {
        "id": document["id"],
        "name": document["name"],
        "data": stripped(own, secret_paths(sql.fields_of(schema))),
        **sql.names_of(schema),
    }
    tx.execute(events.INSERT_EVENT, events.of_block(what, told, tx.now()))


def _refer(tx: Transaction, parent: str, references: Mapping[str, str], now: str) -> None:
    if not references:
        return
    _check_cycles(tx, parent, references)
    rows = [
        {
            "id": new_id(),
            "created": now,
            "updated": now,
            "parent_id": parent,
            "name": name,
            "child_id": child,
        }
        for name, child in references.items()
    ]
    tx.execute(sql.INSERT_REFERENCE, rows)


def _check_cycles(tx: Transaction, parent: str, references: Mapping[str, str]) -> None:
    """Raises `BadRequest` where a document would contain itself, or others too deep."""
    below = set(references.values())
    for _ in range(MOST_NESTED - 1):
        if not below or parent in below:
            break
        rows = tx.fetch_all(sql.REFERENCES, {"parents": sorted(below)})
        below = {row[2] for row in rows}
    if parent in below:
        message = "A block cannot contain itself, through others either."
        raise BadRequest(message)
    if below:
        message = f"Blocks may contain one another {MOST_NESTED} levels deep."
        raise BadRequest(message)


def _not_found(key: str) -> ObjectNotFound:
    return ObjectNotFound(f"Block document {key} not found.")
