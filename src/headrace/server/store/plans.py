"""Statements made ready for a driver: SQL text and the order of its values.

SQLAlchemy only builds SQL here. A `Statement` is compiled once per dialect; a construct put together
for one request (a filter) is compiled once per shape, under SQLAlchemy's own cache key. What runs is
the driver's cursor with a tuple, and what comes back is the driver's tuple.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Boolean
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Insert, Update

from headrace.errors import Unprocessable
from headrace.server.store.database import Params, Row, Statement

Values = tuple[Any, ...]
Loader = Callable[[list[Row]], list[Row]]

MAX_SHAPES = 128
"""Shapes of ad-hoc constructs kept per database: more than the API's filters take in practice, at some
100 kB each."""

MIN_USES = 3
"""Uses of an ad-hoc shape before it is prepared: preparing pays from the second use on."""

_NO_PARAMS: Params = {}


# Values that lists in one statement may hold, made up to a power of two each: SQLite takes 32,766
# in all, PostgreSQL 65,535.
MAX_EXPANDED = 30_000
_TOO_MANY = "The request looks for too many values at once: ask for at most 10,000 of them."


class Prepared:
    """SQL text of one shape; also what a driver hangs its prepared statement on.

    Args:
        sql: The text, with the driver's placeholders.
        load: Turns the driver's rows into the store's, or none where they are the same.
        lasting: The text comes from a lasting `Statement`, so that preparing it on the server pays.
    """

    __slots__ = ("_lasting", "_slow_until", "_uses", "load", "sql")

    def __init__(self, sql: str, load: Loader | None, *, lasting: bool) -> None:
        self.sql = sql
        self.load = load
        self._lasting = lasting
        self._uses = 0
        self._slow_until = 0.0

    def is_slow(self, now: float) -> bool:
        """Whether it took long, not long ago; `now` is the monotonic time."""
        return now < self._slow_until

    def mark_slow(self, until: float) -> None:
        """It took long; until then it is to be run where it holds up nobody."""
        self._slow_until = until

    def comes_again(self) -> bool:
        """Count a use; whether the statement is worth preparing on the server by now."""
        if not self._lasting:
            self._uses += 1
            self._lasting = self._uses >= MIN_USES
        return self._lasting


class Plan:
    """One compiled construct. Values are bound by name; a list makes an `IN (…)` of its length."""

    def __init__(self, compiled: SQLCompiler, *, typed_booleans: bool, lasting: bool) -> None:
        self._compiled = compiled
        self._lasting = lasting
        self._load = None if typed_booleans else _boolean_loader(compiled)
        self._defaults = {
            name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required
        }
        self._expanding = tuple(
            name for bind, name in compiled.bind_names.items() if bind.expanding
        )
        self._by_lengths: dict[tuple[int, ...], tuple[Prepared, Callable[[Params], Values]]] = {}
        self._fixed = None if self._expanding else self._variant(compiled.string, _order(compiled))

    def _variant(
        self, sql: str, order: Sequence[str]
    ) -> tuple[Prepared, Callable[[Params], Values]]:
        return Prepared(sql, self._load, lasting=self._lasting), _getter(order)

    def bind(self, params: Params) -> tuple[Prepared, Values]:
        """The SQL for these parameters and its values in order.

        Raises `KeyError` with the name of a parameter that is missing.
        """
        named = {**self._defaults, **params} if self._defaults else params
        if self._fixed is not None:
            prepared, get = self._fixed
            return prepared, get(named)
        return self._expand(dict(named))

    def _expand(self, named: dict[str, Any]) -> tuple[Prepared, Values]:
        lengths: list[int] = []
        for name in self._expanding:
            padded = _pad(named.pop(name))
            lengths.append(len(padded))
            if sum(lengths) > MAX_EXPANDED:
                raise Unprocessable(_TOO_MANY)
            # the names that SQLAlchemy gives the members of an expanded parameter
            named.update((f"{name}_{i}", value) for i, value in enumerate(padded, 1))
        key = tuple(lengths)
        variant = self._by_lengths.get(key)
        if variant is None:
            sample = {n: [None] * length for n, length in zip(self._expanding, key, strict=True)}
            others = dict.fromkeys(self._compiled.bind_names.values())
            state = self._compiled.construct_expanded_state({**others, **sample})
            variant = self._variant(state.statement, state.positiontup or ())
            self._by_lengths[key] = variant
        prepared, get = variant
        return prepared, get(named)


def _order(compiled: SQLCompiler) -> Sequence[str]:
    return compiled.positiontup or ()


def _getter(order: Sequence[str]) -> Callable[[Params], Values]:
    if not order:
        return lambda _: ()
    if len(order) == 1:
        (name,) = order
        return lambda params: (params[name],)
    return cast("Callable[[Params], Values]", itemgetter(*order))


def _pad(values: Sequence[Any]) -> list[Any]:
    """The values and the last one again up to a power of two: few lengths make few statements."""
    padded = list(values)
    if len(padded) > 2:
        padded += padded[-1:] * ((1 << (len(padded) - 1).bit_length()) - len(padded))
    return padded


def _boolean_loader(compiled: SQLCompiler) -> Loader | None:
    columns = compiled._result_columns or ()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # types of the answer; no public name
    indexes = [i for i, column in enumerate(columns) if isinstance(column.type, Boolean)]
    if not indexes:
        return None

    def load(rows: list[Row]) -> list[Row]:
        loaded: list[Row] = []
        for row in rows:
            values = list(row)
            for i in indexes:
                if values[i] is not None:
                    values[i] = values[i] != 0
            loaded.append(tuple(values))
        return loaded

    return load


class Planner:
    """Finds or makes the plan of a statement for one dialect. Use it from one thread.

    Args:
        dialect: With a positional parameter style.
        typed_booleans: The driver gives booleans as booleans.
    """

    def __init__(self, dialect: Dialect, *, typed_booleans: bool) -> None:
        self._dialect = dialect
        self._typed_booleans = typed_booleans
        self._statements = WeakKeyDictionary[Statement, Plan]()
        self._by_columns: dict[tuple[Statement, tuple[str, ...]], Plan] = {}
        self._shapes: OrderedDict[object, tuple[Plan, SQLCompiler]] = OrderedDict()

    @property
    def known(self) -> int:
        """Statements with a plan."""
        return len(self._statements)

    def bind(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> tuple[Prepared, Values]:
        """SQL and values of a statement.

        Raises `KeyError` with the name of a parameter that is missing.
        """
        if not isinstance(statement, Statement):
            return self._bind_shape(statement, params)
        plan = self._statements.get(statement)
        if plan is None:
            plan = self._plan(statement, params)
        return plan.bind(params)

    def bind_many(
        self, statement: Statement, sets: Sequence[Params]
    ) -> tuple[Prepared, list[Values]]:
        """SQL of a statement and the values of each set; the sets name the same parameters."""
        prepared, first = self.bind(statement, sets[0])
        return prepared, [first, *(self.bind(statement, other)[1] for other in sets[1:])]

    def _plan(self, statement: Statement, params: Params) -> Plan:
        """A plan that is not known by the statement alone: new, or of the columns given."""
        construct = statement.construct
        if not _takes_columns(construct):
            plan = self._compile(construct, None, lasting=statement.lasting)
            self._statements[statement] = plan
            return plan
        key = (statement, tuple(params))
        plan = self._by_columns.get(key)
        if plan is None:
            plan = self._compile(construct, list(params), lasting=True)
            self._by_columns[key] = plan
        return plan

    def _compile(
        self, construct: ClauseElement, columns: list[str] | None, *, lasting: bool
    ) -> Plan:
        compiled = self._compiled(construct, columns)
        return Plan(compiled, typed_booleans=self._typed_booleans, lasting=lasting)

    def _compiled(
        self, construct: ClauseElement, columns: list[str] | None, **options: Any
    ) -> SQLCompiler:
        if isinstance(construct, Insert):
            # without it an insert asks for the key it made, which nobody here reads
            construct = construct.inline()
        compiled = construct.compile(dialect=self._dialect, column_keys=columns, **options)
        return cast("SQLCompiler", compiled)

    def _bind_shape(self, construct: ClauseElement, params: Params) -> tuple[Prepared, Values]:
        key = construct._generate_cache_key()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # SQLAlchemy's own cache key; no public name
        columns = list(params) if _takes_columns(construct) else None
        if key is None:
            return self._compile(construct, columns, lasting=False).bind(params)
        shape = (key.key, tuple(columns) if columns is not None else None)
        found = self._shapes.get(shape)
        if found is None:
            compiled = self._compiled(construct, columns, cache_key=key)
            found = (
                Plan(compiled, typed_booleans=self._typed_booleans, lasting=False),
                compiled,
            )
            self._shapes[shape] = found
            if len(self._shapes) > MAX_SHAPES:
                self._shapes.popitem(last=False)
        else:
            self._shapes.move_to_end(shape)
        plan, compiled = found
        named = compiled.construct_params(
            params or None, extracted_parameters=key.bindparams, escape_names=False
        )
        return plan.bind(cast("Mapping[str, Any]", named))


def _takes_columns(construct: ClauseElement) -> bool:
    """Whether the names of the parameters say which columns are written."""
    if not isinstance(construct, Insert | Update):
        return False
    written = construct._values or construct._multi_values  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # what `.values()` was given; no public name
    return not written and getattr(construct, "select", None) is None
