"""The filter of events as conditions on their table.

Resources are stored as compact JSON objects of text, so that a label with its value is one piece of
text to look for: `"key":"value"`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast

from msgspec import UNSET
from sqlalchemy import ColumnElement, and_, false, not_, or_

from headrace.core.times import to_text
from headrace.server.store.filters.conditions import Condition, Conditions
from headrace.server.store.schema import event
from headrace.wire.decode import encode
from headrace.wire.events import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventOrder,
    EventRelatedFilter,
    EventResourceFilter,
)

T = TypeVar("T")
_ID = "prefect.resource.id"
_ROLE = "prefect.resource.role"


def order_events(order: EventOrder) -> tuple[ColumnElement[Any], ...]:
    """By when they occurred, then as they were numbered."""
    if order is EventOrder.ASC:
        return event.c.occurred.asc(), event.c.seq.asc()
    return event.c.occurred.desc(), event.c.seq.desc()


def filter_events(given: EventFilter) -> Conditions:
    """Conditions on `event`."""
    parts: Conditions = []
    since, until = given.occurred.since, given.occurred.until
    if since is not UNSET:
        parts.append(event.c.occurred >= to_text(since))
    if until is not UNSET:
        parts.append(event.c.occurred <= to_text(until))
    if given.id.id:
        parts.append(event.c.id.in_([str(one) for one in given.id.id]))
    if given.event is not None:
        parts += _names(given.event)
    if given.resource is not None:
        parts += _resource(given.resource)
    for related in as_list(given.related):
        parts += _related(related)
    for either in as_list(given.any_resource):
        parts += _any_resource(either)
    if given.text is not None:
        parts += _text(given.text.query)
    return parts


def as_list(given: T | list[T] | None) -> list[T]:
    """Filters of a field that takes one or several; none where it is absent."""
    if given is None:
        return []
    return cast("list[T]", given) if isinstance(given, list) else [given]


def _names(given: EventNameFilter) -> Conditions:
    name = event.c.event
    parts: Conditions = []
    wanted: list[Condition] = []
    if given.name:
        wanted.append(name.in_(given.name))
    if given.prefix:
        wanted += [_starts(name, prefix) for prefix in given.prefix]
    if wanted:
        parts.append(or_(*wanted))
    if given.exclude_name:
        parts.append(name.not_in(given.exclude_name))
    if given.exclude_prefix:
        parts += [not_(_starts(name, prefix)) for prefix in given.exclude_prefix]
    return parts


def _starts(column: ColumnElement[str], prefix: str) -> Condition:
    """A range, which the index serves and in which case matters on both databases."""
    return and_(column >= prefix, column < prefix + "\U0010ffff")


def _resource(given: EventResourceFilter) -> Conditions:
    parts: Conditions = []
    if given.id:
        parts.append(event.c.resource_id.in_(given.id))
    if given.id_prefix:
        parts.append(or_(*(_starts(event.c.resource_id, one) for one in given.id_prefix)))
    if given.labels:
        parts += _labels(event.c.resource, given.labels)
    return parts


def _related(given: EventRelatedFilter) -> Conditions:
    parts: Conditions = []
    if given.id:
        parts.append(_has_any(event.c.related, _ID, given.id))
    if given.role:
        parts.append(_has_any(event.c.related, _ROLE, given.role))
    for key, role in given.resources_in_roles or []:
        # A resource names its id before its role, and nothing but labels of text stands between.
        parts.append(
            and_(_has(event.c.related, _ID, str(key)), _has(event.c.related, _ROLE, str(role)))
        )
    if given.labels:
        parts += _labels(event.c.related, given.labels)
    return parts


def _any_resource(given: EventAnyResourceFilter) -> Conditions:
    parts: Conditions = []
    if given.id:
        parts.append(
            or_(event.c.resource_id.in_(given.id), _has_any(event.c.related, _ID, given.id))
        )
    if given.id_prefix:
        wanted: list[Condition] = []
        for prefix in given.id_prefix:
            wanted.append(_starts(event.c.resource_id, prefix))
            wanted.append(_contains(event.c.related, _piece(_ID, prefix)[:-1]))
        parts.append(or_(*wanted))
    if given.labels:
        own = and_(*_labels(event.c.resource, given.labels))
        parts.append(or_(own, and_(*_labels(event.c.related, given.labels))))
    return parts


def _labels(column: ColumnElement[str], labels: Mapping[str, Any]) -> Conditions:
    return [_label(column, key, values) for key, values in labels.items()]


def _label(column: ColumnElement[str], key: str, values: str | Sequence[str]) -> Condition:
    wanted: list[Condition] = []
    for value in [values] if isinstance(values, str) else values:
        negated, text = value.startswith("!"), value.removeprefix("!")
        piece = _piece(key, text.removesuffix("*"))
        found = _contains(column, piece[:-1] if text.endswith("*") else piece)
        wanted.append(not_(found) if negated else found)
    return or_(false(), *wanted)


def _has_any(column: ColumnElement[str], key: str, values: Sequence[str]) -> Condition:
    return or_(*(_has(column, key, value) for value in values))


def _has(column: ColumnElement[str], key: str, value: str) -> Condition:
    return _contains(column, _piece(key, value))


def _piece(key: str, value: str) -> str:
    """The text of one label within a resource's JSON."""
    return encode({key: value}).decode()[1:-1]


def _contains(column: ColumnElement[str], text: str) -> Condition:
    return column.contains(text, autoescape=True)


def _text(query: str) -> Conditions:
    """Every word must be there; one with `-` before it must not."""
    whole = event.c.event + " " + event.c.resource + " " + event.c.related + " " + event.c.payload
    parts: Conditions = []
    for word in query.split():
        wanted = word.lstrip("-!+").strip('"')
        if wanted:
            found = whole.icontains(wanted, autoescape=True)
            parts.append(not_(found) if word[0] in "-!" else found)
    return parts
