"""Indexes of pieces of text, where PostgreSQL has its extension for them; without it, texts are scanned.

`pg_trgm` belongs to PostgreSQL's own distribution, and who may create tables in a database may switch it
on there; but not every installation has it.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy.engine import Dialect

_SEARCHED: Final = (("flow_run", "name"),)


def _name(table: str, column: str) -> str:
    return f"ix_{table}__{column}_pieces"


def creation_of_text_indexes(dialect: Dialect) -> Iterator[str]:
    """The statements that make them where they can be had, and else change nothing."""
    if dialect.name != "postgresql":
        return
    made = " ".join(
        f"CREATE INDEX {_name(table, column)} ON {table} USING gin ({column} gin_trgm_ops);"
        for table, column in _SEARCHED
    )
    # What is missing is told by several codes: no such extension, no right to it, not supported.
    yield (
        "DO $$BEGIN BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm; EXCEPTION WHEN OTHERS THEN NULL; END; "
        "IF EXISTS (SELECT FROM pg_opclass WHERE opcname = "
        f"'gin_trgm_ops' AND pg_opclass_is_visible(oid)) THEN {made} END IF; END$$"
    )


def removal_of_text_indexes(dialect: Dialect) -> Iterator[str]:
    """The statements that take them away. The extension stays: others may use it by now."""
    if dialect.name == "postgresql":
        for table, column in _SEARCHED:
            yield f"DROP INDEX IF EXISTS {_name(table, column)}"
