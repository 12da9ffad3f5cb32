"""The operators that filters are made of, each as a list of conditions: none, or one."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol, cast

from msgspec import Struct
from sqlalchemy import ColumnElement, and_, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean, Text

from headrace.server.store.shaped import plain
from headrace.wire.filters import Operator

Condition = ColumnElement[bool]
Conditions = list[Condition]

_NO_ATTRIBUTES = {"operator", "concurrency_limit"}
"""The contract's server passes over an empty filter of limits, in whatever company."""
_OF_NONE = {"all_", "startswith_"}
"""Lists that ask for nothing when they are empty; any other empty list is met by nothing."""


def combine(operator: Operator, conditions: Sequence[Condition]) -> Conditions:
    """The conditions joined as the filter says; nothing where there are none."""
    if len(conditions) < 2:
        return list(conditions)
    return [or_(*conditions) if operator is Operator.OR else and_(*conditions)]


class NounFilter(Protocol):
    """The filter of a noun: a filter for each attribute, and how they are joined."""

    __struct_fields__: ClassVar[tuple[str, ...]]

    @property
    def operator(self) -> Operator:
        """How what is asked of the attributes is joined."""
        ...


def combine_attributes(given: NounFilter, conditions: Sequence[Condition]) -> Conditions:
    """What a noun's filter asks for, from the conditions on its attributes.

    An attribute of which nothing is asked meets its filter: joined by OR, every row is meant then.
    """
    names = (name for name in given.__struct_fields__ if name not in _NO_ATTRIBUTES)
    attributes = (getattr(given, name) for name in names)
    if given.operator is Operator.OR and any(
        attribute is not None and _asks_nothing(attribute) for attribute in attributes
    ):
        return []
    return combine(given.operator, conditions)


def _asks_nothing(value: object) -> bool:
    """Whether a part of a filter is left out, or none of its own parts asks for anything."""
    if not isinstance(value, Struct):
        return value is None
    return all(
        _asks_nothing(part := getattr(value, name)) or (name in _OF_NONE and part == [])
        for name in value.__struct_fields__
        if name != "operator"
    )


def together(*conditions: Conditions) -> Conditions:
    """What one attribute's filter asks for, as one condition: it holds whole or not at all.

    However the attributes of a filter are combined, what is asked of one of them is asked at once.
    """
    several = [condition for part in conditions for condition in part]
    return several if len(several) < 2 else [and_(*several)]


def all_of(conditions: Sequence[Condition]) -> Condition:
    """One condition that holds when each does."""
    return and_(true(), *conditions)


def equal_any(column: ColumnElement[Any], values: Iterable[object] | None) -> Conditions:
    """The column is one of the values. An empty list matches nothing."""
    return [] if values is None else [column.in_([plain(value) for value in values])]


def equal_none(column: ColumnElement[Any], values: Iterable[object] | None) -> Conditions:
    """The column is none of the values (and not null)."""
    return [] if values is None else [column.not_in([plain(value) for value in values])]


def contain_text(column: ColumnElement[Any], text: str | None) -> Conditions:
    """The column contains the text in any case; `%` and `_` in it are wildcards, as in the contract."""
    return [] if text is None else [ContainsText(column, cast("Any", text))]


class Choice(Protocol):
    """A filter that names what is meant, and what is not."""

    @property
    def any_(self) -> Sequence[object] | None:
        """What is meant."""
        ...

    @property
    def not_any_(self) -> Sequence[object] | None:
        """What is not meant."""
        ...


def be_one_of(column: ColumnElement[Any], given: Choice) -> Conditions:
    """The column is one of the values that are meant, and none of the others."""
    return together(equal_any(column, given.any_), equal_none(column, given.not_any_))


class NameFilter(Protocol):
    """A filter of names: those, or those with a text in them."""

    @property
    def any_(self) -> Sequence[str] | None:
        """The names."""
        ...

    @property
    def like_(self) -> str | None:
        """The text."""
        ...


def be_named(column: ColumnElement[Any], given: NameFilter) -> Conditions:
    """The column is one of the names, and contains the text."""
    return together(equal_any(column, given.any_), contain_text(column, given.like_))


def start_with_any(column: ColumnElement[Any], prefixes: Iterable[str] | None) -> Conditions:
    """The column starts with one of the texts, in any case; of no texts nothing is asked."""
    some = [column.istartswith(prefix) for prefix in prefixes or ()]
    return [or_(*some)] if some else []


def be_null(column: ColumnElement[Any], wanted: bool | None) -> Conditions:
    """The column is null, or is not."""
    if wanted is None:
        return []
    return [column.is_(None) if wanted else column.is_not(None)]


def lie_between(
    column: ColumnElement[Any], after: datetime | None, before: datetime | None
) -> Conditions:
    """The moment lies within the bounds, both inclusive."""
    conditions: Conditions = []
    if before is not None:
        conditions.append(column <= plain(before))
    if after is not None:
        conditions.append(column >= plain(after))
    return conditions


def have_tags(
    column: ColumnElement[Any],
    *,
    all_of_them: Sequence[str] | None,
    any_of_them: Sequence[str] | None = None,
    is_empty: bool | None,
) -> Conditions:
    """The JSON list in the column holds all the tags, any of the tags, or nothing."""
    conditions: Conditions = []
    if all_of_them:
        conditions.append(and_(*(HasTag(column, tag) for tag in all_of_them)))
    if any_of_them is not None:
        some = [HasTag(column, tag) for tag in any_of_them]
        conditions.append(or_(*some) if some else ~true())
    if is_empty is not None:
        conditions.append(column == "[]" if is_empty else column != "[]")
    return conditions


class ContainsText(FunctionElement[bool]):
    """Whether a text contains another in any case, in which `%` and `_` are wildcards."""

    name = "contains_text"
    type = Boolean()
    inherit_cache = True


@compiles(ContainsText, "sqlite")
def _contains_text_on_sqlite(element: ContainsText, compiler: SQLCompiler, **options: Any) -> str:
    column, text = (compiler.process(part, **options) for part in element.clauses)
    # SQLite's LIKE and its `lower` know the same letters: lowering a million names first says nothing.
    return f"({column} LIKE '%' || {text} || '%')"


@compiles(ContainsText, "postgresql")
def _contains_text_on_postgresql(
    element: ContainsText, compiler: SQLCompiler, **options: Any
) -> str:
    column, text = (compiler.process(part, **options) for part in element.clauses)
    return f"({column} ILIKE '%' || CAST({text} AS text) || '%')"


class HasTag(FunctionElement[bool]):
    """Whether the JSON list in a text column holds a text."""

    name = "has_tag"
    type = Boolean()
    inherit_cache = True


@compiles(HasTag, "sqlite")
def _has_tag_on_sqlite(element: HasTag, compiler: SQLCompiler, **options: Any) -> str:
    column, tag = (compiler.process(part, **options) for part in element.clauses)
    # Both parts are SQL that the compiler made: the tag is a bound parameter.
    return f"(EXISTS (SELECT 1 FROM json_each({column}) AS tag_ WHERE tag_.value = {tag}))"  # noqa: S608


@compiles(HasTag, "postgresql")
def _has_tag_on_postgresql(element: HasTag, compiler: SQLCompiler, **options: Any) -> str:
    column, tag = (compiler.process(part, **options) for part in element.clauses)
    return f"jsonb_exists(CAST({column} AS jsonb), CAST({tag} AS text))"


class JsonText(FunctionElement[str]):
    """The text at a key of the JSON object in a text column."""

    name = "json_text"
    type = Text()
    inherit_cache = True


@compiles(JsonText, "sqlite")
def _json_text_on_sqlite(element: JsonText, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(part, **options) for part in element.clauses)
    return f"json_extract({column}, '$.' || {key})"


@compiles(JsonText, "postgresql")
def _json_text_on_postgresql(element: JsonText, compiler: SQLCompiler, **options: Any) -> str:
    column, key = (compiler.process(part, **options) for part in element.clauses)
    return f"(CAST({column} AS json) ->> CAST({key} AS text))"
