"""Blocks and the server: registering, saving, loading and deleting, as steps for either driver."""

from collections.abc import Generator, Mapping
from typing import Any, cast
from uuid import UUID

import pydantic
from pydantic_core import to_jsonable_python

from headrace.client import blocks as requests
from headrace.core.blocks import refer_to
from headrace.engine.api import api
from headrace.engine.commands import Command, Request
from headrace.errors import ObjectAlreadyExists, ObjectNotFound
from headrace.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockDocumentUpdate,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
    BlockTypeUpdate,
)

Block = Any
"""An object of `core.Block`, or its class: that module stands on this one."""


def register(kind: Block) -> Generator[Command, Any, None]:
    """Tell the server about a class: the blocks inside of it first, then its type and schema."""
    for inner in kind.nested_classes().values():
        yield from register(inner)
    known: BlockType = yield Request(_ensure_type, kind)
    body = BlockSchemaCreate(
        block_type_id=known.id,
        fields=kind.schema_fields(),
        capabilities=sorted(kind.get_block_capabilities()),
        version=kind.get_block_schema_version(),
    )
    schema = yield Request(requests.create_block_schema, api(), body)
    kind.remember_registration(known.id, schema.id)


def _ensure_type(kind: Block) -> BlockType:
    slug = kind.get_block_type_slug()
    said = kind.type_details()
    try:
        found = requests.read_block_type_by_slug(api(), slug)
    except ObjectNotFound:
        body = BlockTypeCreate(name=kind.get_block_type_name(), slug=slug, **said)
        try:
            return requests.create_block_type(api(), body)
        except ObjectAlreadyExists:  # another process registers it at this moment
            return requests.read_block_type_by_slug(api(), slug)
    changed = {name: value for name, value in said.items() if value != getattr(found, name)}
    if changed and not found.is_protected:
        requests.update_block_type(api(), found.id, BlockTypeUpdate(**changed))
    return found


def save(block: Block, name: str | None, *, overwrite: bool) -> Generator[Command, Any, UUID]:
    """Store a block; its document's id. Without a name it is anonymous, or keeps the one it has."""
    kind: Block = cast("Any", type(block))  # an `Any` has no class that is known
    yield from register(kind)
    data = {field: _stored(value) for field, value in _values(block)}
    name = name or block.document_name
    type_id: UUID
    schema_id: UUID
    type_id, schema_id = kind.registration()
    body = BlockDocumentCreate(
        block_type_id=type_id,
        block_schema_id=schema_id,
        data=data,
        name=name,
        is_anonymous=name is None,
    )
    try:
        document: BlockDocument = yield Request(requests.create_block_document, api(), body)
    except ObjectAlreadyExists as error:
        if not overwrite or name is None:
            message = f"A block {name!r} already exists; pass overwrite=True to replace its values."
            raise ObjectAlreadyExists(message) from error
        slug: str = kind.get_block_type_slug()
        document = yield Request(requests.read_block_document_by_name, api(), slug, name)
        update = BlockDocumentUpdate(
            data=data, block_schema_id=schema_id, merge_existing_data=False
        )
        yield Request(requests.update_block_document, api(), document.id, update)
    block.remember_document(document.id, name or document.name)
    return document.id


def load(slug: str, name: str) -> Generator[Command, Any, BlockDocument]:
    """The document of a type and name. Raises `ObjectNotFound`."""
    return (yield Request(requests.read_block_document_by_name, api(), slug, name))


def load_by_id(document_id: UUID) -> Generator[Command, Any, BlockDocument]:
    """The document of an id. Raises `ObjectNotFound`."""
    return (yield Request(requests.read_block_document, api(), document_id))


def delete(slug: str, name: str) -> Generator[Command, Any, None]:
    """Remove the document of a type and name. Raises `ObjectNotFound`."""
    document = yield from load(slug, name)
    yield Request(requests.delete_block_document, api(), document.id)


def _values(model: pydantic.BaseModel) -> list[tuple[str, object]]:
    fields = type(model).model_fields
    return [(field.alias or name, getattr(model, name)) for name, field in fields.items()]


def _stored(value: Any) -> Any:
    """A value as JSON, its secrets open; a block that is saved as a reference to its document."""
    document_id = getattr(value, "document_id", None)
    if isinstance(value, pydantic.BaseModel):
        if isinstance(document_id, UUID):
            return refer_to(str(document_id))
        return {name: _inline(one) for name, one in _values(value)}
    return _inline(value)


def _inline(value: Any) -> Any:
    if isinstance(value, pydantic.SecretStr | pydantic.SecretBytes | pydantic.Secret):
        return _inline(value.get_secret_value())
    if isinstance(value, pydantic.BaseModel):
        return {name: _inline(one) for name, one in _values(value)}
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return {str(key): _inline(one) for key, one in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_inline(one) for one in cast("list[Any]", value)]
    return to_jsonable_python(value)
