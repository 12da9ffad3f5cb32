"""Code that was uploaded to be fetched by workers, in pieces."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from headrace.server.store.schema.columns import metadata, reference, table

# One upload. `updated` says when somebody last meant to use it.
bundle = table(
    "bundle",
    Column("sha256", Text, nullable=False),
    Column("size", Integer, nullable=False),  # bytes of the whole
    Column("is_complete", Boolean, nullable=False),
)

# The content, in base64: the store takes text alone, and a copy of the database carries it along.
bundle_piece = Table(
    "bundle_piece",
    metadata,
    reference("bundle_id", "bundle.id"),
    Column("number", Integer, nullable=False),
    Column("content", Text, nullable=False),
    PrimaryKeyConstraint("bundle_id", "number"),
)

Index("ix_bundle__sha256", bundle.c.sha256)
