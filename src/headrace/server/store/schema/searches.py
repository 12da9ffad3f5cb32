"""Filters that people keep under a name."""

from sqlalchemy import Column, Text

from headrace.server.store.schema.columns import Json, table

saved_search = table(
    "saved_search",
    Column("name", Text, nullable=False, unique=True),
    Column("filters", Json, nullable=False, server_default="[]"),
)
