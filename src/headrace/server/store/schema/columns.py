"""The types of columns, and what most tables have in common."""

from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    MetaData,
    Sequence,
    Table,
    Text,
    UnaryExpression,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import CHAR, TIMESTAMP, TypeDecorator, TypeEngine, Uuid

from headrace.server.store.event_numbers import MOST_COUNTED, SEQUENCE

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s__%(column_0_N_name)s",
        "uq": "uq_%(table_name)s__%(column_0_N_name)s",
        "fk": "fk_%(table_name)s__%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# PostgreSQL only: tells the events of one transaction apart, and goes round.
Sequence(SEQUENCE, start=0, minvalue=0, maxvalue=MOST_COUNTED, cycle=True, metadata=metadata)


class Id(TypeDecorator[str]):
    """A UUID that the store takes and gives as lower-case text with hyphens."""

    impl = CHAR(36)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """`uuid` where the database has it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Uuid(as_uuid=False, native_uuid=True))
        return dialect.type_descriptor(CHAR(36))


class Timestamp(TypeDecorator[str]):
    """A moment in UTC, taken and given as fixed-width ISO 8601 text with microseconds and `Z`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """`timestamptz` where the database has it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())


class Json(Text):
    """JSON as text. Its own type, so that answers know which columns to pass through unquoted."""


class _NewestFirst(UnaryExpression[Any]):
    inherit_cache = True


def newest_first(column: Column[Any]) -> ColumnElement[Any]:
    """A column of an index in the order of lists by it, which have at their end what has no time yet.

    PostgreSQL reads a list only from an index with its nulls in the same place; SQLite any way round.
    """
    last_first = column.desc().nulls_last()
    assert isinstance(last_first, UnaryExpression)
    return _NewestFirst(last_first.element, modifier=last_first.modifier)


@compiles(_NewestFirst, "sqlite")
def _on_sqlite(element: _NewestFirst, compiler: SQLCompiler, **options: Any) -> str:
    inner = element.element
    assert isinstance(inner, UnaryExpression)
    return compiler.process(inner.element, **options)


def table(name: str, *columns: Column[Any] | UniqueConstraint | Index) -> Table:
    """A table of things that are made and changed: with an id and both moments."""
    return Table(
        name,
        metadata,
        Column("id", Id, primary_key=True),
        Column("created", Timestamp, nullable=False),
        Column("updated", Timestamp, nullable=False),
        *columns,
    )


def reference(
    name: str, to: str, *, nullable: bool = False, on_delete: str = "CASCADE"
) -> Column[str]:
    """A column that holds the id of a row elsewhere."""
    return Column(name, Id, ForeignKey(to, ondelete=on_delete), nullable=nullable)
