"""Queries whose SQL depends on the shape of a filter, and not on the values in it.

Putting a filter's conditions together costs more than the database takes to answer. So it is done
once for each shape (which conditions, how many values, which order) with a named parameter in the
place of each value; a request of a known shape only hands over its values.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Generic, ParamSpec, cast
from uuid import UUID
from weakref import WeakSet

import msgspec
from sqlalchemy import BindParameter, bindparam
from sqlalchemy.sql import ClauseElement

from headrace.core.times import to_text
from headrace.server.store.database import Params, Statement

P = ParamSpec("P")

MAX_SHAPES = 256
"""Shapes kept of all queries together: more than clients make in practice, at some 100 kB each."""

MAX_VALUES = 64
"""Values of one list in a shape; longer lists are put together for the one request."""


class ShapedQuery(Generic[P]):
    """A query that is put together once for each shape of its arguments.

    Args:
        build: Makes the query of its arguments: structs of `wire`, dataclasses of such, enums,
            numbers, texts, moments, and lists of these. It must not look at a value but for whether
            it is there; what is a `bool` or an enum of its own, and how long a list is, belongs to
            the shape and may be looked at.
        by_value: Structs whose values decide about the SQL: a query with one of them is put together
            for each request.
    """

    def __init__(
        self, build: Callable[P, ClauseElement], by_value: Sequence[type[msgspec.Struct]] = ()
    ) -> None:
        self.build = cast("Callable[..., ClauseElement]", build)
        self._by_value = frozenset[type](by_value)
        self._known: OrderedDict[object, Statement] = OrderedDict()
        _QUERIES.add(self)

    def of(self, *arguments: P.args, **named: P.kwargs) -> tuple[Statement | ClauseElement, Params]:
        """The query for these arguments, as `Database` takes it: a statement and its parameters."""
        reading = _Reading(self._by_value)
        try:
            shape = tuple([reading.read(argument) for argument in (*arguments, *named.values())])
        except _ShapelessError:
            return self.build(*arguments, **named), {}
        statement = self._known.get(shape)
        if statement is None:
            placing = _Placing()
            placed = [placing.place(argument) for argument in arguments]
            given = {name: placing.place(argument) for name, argument in named.items()}
            statement = Statement(self.build(*placed, **given), lasting=False)
            self._known[shape] = statement
            _forget_some()
        else:
            self._known.move_to_end(shape)
        return statement, reading.params

    @property
    def known(self) -> int:
        """Shapes that are kept."""
        return len(self._known)

    def forget_oldest(self) -> None:
        """Drop the shape that was not asked for longest."""
        self._known.popitem(last=False)


_QUERIES: WeakSet[ShapedQuery[...]] = WeakSet()


def known_shapes() -> int:
    """Shapes that are kept of all queries."""
    return sum(query.known for query in _QUERIES)


def _forget_some() -> None:
    """Keep to the bound: whoever has the most shapes gives one up."""
    while known_shapes() > MAX_SHAPES:
        max(_QUERIES, key=lambda query: query.known).forget_oldest()


class _ShapelessError(Exception):
    """The values decide about the SQL."""


class _Reading:
    """Takes arguments apart: into their shape, and the values by the names of their places."""

    __slots__ = ("_by_value", "params")

    def __init__(self, by_value: frozenset[type]) -> None:
        self._by_value = by_value
        self.params: dict[str, Any] = {}

    def read(self, value: object) -> object:
        kind = type(value)
        if value is None or value is msgspec.UNSET or kind is bool:
            return value
        if kind is list:
            return self._read_list(cast("list[object]", value))
        names = _field_names(kind)
        if names is not None:
            if kind in self._by_value:
                raise _ShapelessError
            read = self.read
            return kind, *[read(getattr(value, name)) for name in names]
        if isinstance(value, Enum):
            return value
        self._take(value)
        return 0

    def _read_list(self, values: list[object]) -> int:
        length = _padded_length(len(values))
        if length > MAX_VALUES:
            raise _ShapelessError
        for value in values:
            self._take(value)
        for _ in range(length - len(values)):
            self._take(values[-1])
        return length

    def _take(self, value: object) -> None:
        self.params[f"v{len(self.params)}"] = plain(value)


class _Placing:
    """Puts named parameters in the places of values, in the order in which `_Reading` takes them."""

    def __init__(self) -> None:
        self._taken = 0

    def place(self, value: object) -> Any:
        kind = type(value)
        if value is None or value is msgspec.UNSET or kind is bool:
            return value
        if kind is list:
            return [self._next() for _ in range(_padded_length(len(cast("list[object]", value))))]
        names = _field_names(kind)
        if names is not None:
            return kind(**{name: self.place(getattr(value, name)) for name in names})
        return value if isinstance(value, Enum) else self._next()

    def _next(self) -> BindParameter[Any]:
        self._taken += 1
        return bindparam(f"v{self._taken - 1}")


def plain(value: object) -> Any:
    """A value of a filter as the store keeps it; a named parameter stays what it is."""
    if isinstance(value, datetime):
        return to_text(value)
    return str(value) if isinstance(value, UUID | Enum) else value


def _padded_length(length: int) -> int:
    """The next power of two: few lengths make few shapes. The last value is repeated."""
    return length if length < 3 else 1 << (length - 1).bit_length()


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...] | None:
    """The fields of a struct or dataclass; none for a value."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else None
