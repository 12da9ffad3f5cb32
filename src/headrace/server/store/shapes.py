"""Answers straight from rows: a tuple of columns becomes JSON without being parsed.

Ids and times are text in the form of the wire already; JSON columns go out as they are stored.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from headrace.server.store.database import Row
from headrace.server.store.schema import Json

Derive = Callable[[Row], object]

_encode = msgspec.json.Encoder().encode


class RowShape:
    """How the rows of one query become objects of one wire type.

    Select `shape.columns`, in this order, and hand the tuples over as the database gives them.
    """

    def __init__(
        self,
        wire: type[msgspec.Struct],
        columns: ReadOnlyColumnCollection[str, Any],
        *,
        selected: Mapping[str, ColumnElement[Any]] | None = None,
        derived: Mapping[str, Derive] | None = None,
        constant: Mapping[str, object] | None = None,
    ) -> None:
        """Lay out the fields.

        Args:
            wire: The declared type. Each of its fields comes from one of the following, or from the
                column of its name.
            columns: The table's columns.
            selected: SQL expressions by field: a joined table's column, say.
            derived: Functions of the row (its positions are those of `columns`) by field.
            constant: Values that are the same for every row.
        """
        derived, constant, selected = derived or {}, constant or {}, selected or {}
        names = [field.encode_name for field in msgspec.structs.fields(wire)]
        read = [name for name in names if name not in derived and name not in constant]
        self.columns: list[ColumnElement[Any]] = [
            selected[name] if name in selected else columns[name] for name in read
        ]
        self.select = select(*self.columns)
        """A query of these columns. Adding conditions to it is cheaper than naming 40 columns anew."""
        self.positions = {name: at for at, name in enumerate(read)}
        """Where a field's column stands in the row."""
        self._json = [at for at, column in enumerate(self.columns) if isinstance(column.type, Json)]
        self._derived = list(derived.values())
        self._struct = msgspec.defstruct(
            f"{wire.__name__}Row",
            [
                *((name, Any) for name in read),
                *((name, Any) for name in derived),
                *((name, Any, value) for name, value in constant.items()),
            ],
        )

    def row(self, values: Mapping[str, object]) -> Row:
        """The row that `columns` would give, of values by field: to answer with what was inserted."""
        return tuple(values[name] for name in self.positions)

    def named(self, row: Row) -> dict[str, Any]:
        """One row's columns by field, as the database has them."""
        return dict(zip(self.positions, row, strict=False))

    def encode(self, row: Row) -> bytes:
        """One row as a JSON object."""
        return _encode(self.fill(row))

    def encode_list(self, rows: Sequence[Row]) -> bytes:
        """Rows as a JSON array."""
        fill = self.fill
        return _encode([fill(row) for row in rows])

    def encode_page(self, rows: Sequence[Row], *, count: int, limit: int, page: int) -> bytes:
        """Rows as one page of `count` in all: the contract's `…PaginationResponse`."""
        fill = self.fill
        return _encode(
            {
                "results": [fill(row) for row in rows],
                "count": count,
                "limit": limit,
                "pages": -(-count // limit) if limit else 0,
                "page": page,
            }
        )

    def fill(self, row: Row) -> msgspec.Struct:
        """One row as an object, to be encoded as part of another."""
        values: list[object] = list(row)
        for at in self._json:
            text = values[at]
            if text is not None:
                values[at] = msgspec.Raw(text)  # pyright: ignore[reportArgumentType]  # JSON is text
        values.extend(derive(row) for derive in self._derived)
        return self._struct(*values)
