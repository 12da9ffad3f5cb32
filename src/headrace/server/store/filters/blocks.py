"""Filters of block types, schemas and documents."""

from sqlalchemy import exists

from headrace.server.store.filters.conditions import (
    Conditions,
    combine_attributes,
    contain_text,
    equal_any,
    have_tags,
)
from headrace.server.store.schema import block_document, block_schema, block_type
from headrace.wire.blocks import BlockDocumentFilter, BlockSchemaFilter, BlockTypeFilter


def filter_types(given: BlockTypeFilter | None) -> Conditions:
    """Conditions on `block_type`."""
    parts: Conditions = []
    if given is not None and given.name is not None:
        parts += contain_text(block_type.c.name, given.name.like_)
    if given is not None and given.slug is not None:
        parts += equal_any(block_type.c.slug, given.slug.any_)
    return parts


def filter_schemas(given: BlockSchemaFilter | None) -> Conditions:
    """Conditions on `block_schema`."""
    if given is None:
        return []
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(block_schema.c.id, given.id.any_)
    if given.block_type_id is not None:
        parts += equal_any(block_schema.c.block_type_id, given.block_type_id.any_)
    if given.version is not None:
        parts += equal_any(block_schema.c.version, given.version.any_)
    if given.block_capabilities is not None:
        wanted = given.block_capabilities.all_
        parts += have_tags(block_schema.c.capabilities, all_of_them=wanted, is_empty=None)
    return combine_attributes(given, parts)


def filter_types_by_schemas(given: BlockSchemaFilter | None) -> Conditions:
    """Conditions on `block_type`: one of its schemas is meant."""
    wanted = filter_schemas(given)
    if not wanted:
        return []
    return [exists().where(block_schema.c.block_type_id == block_type.c.id, *wanted)]


def filter_documents(given: BlockDocumentFilter | None) -> Conditions:
    """Conditions on `block_document`; without a filter, those that have a name of their own."""
    if given is None:
        given = BlockDocumentFilter()
    parts: Conditions = []
    if given.id is not None:
        parts += equal_any(block_document.c.id, given.id.any_)
    if given.block_type_id is not None:
        parts += equal_any(block_document.c.block_type_id, given.block_type_id.any_)
    if given.is_anonymous is not None and given.is_anonymous.eq_ is not None:
        parts.append(block_document.c.is_anonymous.is_(given.is_anonymous.eq_))
    if given.name is not None:
        parts += equal_any(block_document.c.name, given.name.any_)
        parts += contain_text(block_document.c.name, given.name.like_)
    return combine_attributes(given, parts)
