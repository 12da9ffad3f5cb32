"""Blocks: what configuration and credentials look like, and the ones that there are."""

from sqlalchemy import Boolean, Column, Index, Text, UniqueConstraint, text

from headrace.server.store.schema.columns import Json, reference, table

block_type = table(
    "block_type",
    Column("name", Text, nullable=False),
    Column("slug", Text, nullable=False, unique=True),
    Column("logo_url", Text),
    Column("documentation_url", Text),
    Column("description", Text),
    Column("code_example", Text),
    Column("is_protected", Boolean, nullable=False, server_default=text("false")),
)

block_schema = table(
    "block_schema",
    reference("block_type_id", "block_type.id"),
    Column("checksum", Text, nullable=False),
    Column("fields", Json, nullable=False),
    Column("capabilities", Json, nullable=False, server_default="[]"),
    Column("version", Text, nullable=False),
    UniqueConstraint("checksum", "version"),
)

block_document = table(
    "block_document",
    reference("block_type_id", "block_type.id"),
    reference("block_schema_id", "block_schema.id"),
    Column("name", Text, nullable=False),
    Column("is_anonymous", Boolean, nullable=False, server_default=text("false")),
    # The values as encrypted JSON, without the fields that refer to other documents.
    Column("data", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # names the key that they are encrypted with
    UniqueConstraint("block_type_id", "name"),
)

block_document_reference = table(
    "block_document_reference",
    reference("parent_id", "block_document.id"),
    Column("name", Text, nullable=False),  # of the parent's field
    reference("child_id", "block_document.id"),
    UniqueConstraint("parent_id", "name"),
)

Index("ix_block_schema__block_type_id", block_schema.c.block_type_id)
Index("ix_block_document__block_schema_id", block_document.c.block_schema_id)
Index("ix_block_document__key_id", block_document.c.key_id)
Index("ix_block_document_reference__child_id", block_document_reference.c.child_id)
