"""Whether one event is meant by a filter: the same answer as the filter's SQL, without a database."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from headrace.server.store.filters.events import as_list
from headrace.wire.events import (
    EventAnyResourceFilter,
    EventFilter,
    EventNameFilter,
    EventRelatedFilter,
    EventResourceFilter,
    ReceivedEvent,
)

Resource = Mapping[str, str]
_ID = "prefect.resource.id"
_ROLE = "prefect.resource.role"


def is_meant(given: EventFilter, event: ReceivedEvent) -> bool:
    """Whether the filter means this event."""
    return (
        _in_time(given, event)
        and (not given.id.id or event.id in given.id.id)
        and (given.event is None or _named(given.event, event.event))
        and (given.resource is None or _of_resource(given.resource, event.resource))
        and all(_related_to(one, event.related) for one in as_list(given.related))
        and all(_about(one, event) for one in as_list(given.any_resource))
        and (given.text is None or _says(given.text.query, event))
    )


def _in_time(given: EventFilter, event: ReceivedEvent) -> bool:
    since, until = given.occurred.since, given.occurred.until
    return (since is UNSET or event.occurred >= since) and (
        until is UNSET or event.occurred <= until
    )


def _named(given: EventNameFilter, name: str) -> bool:
    if given.exclude_name and name in given.exclude_name:
        return False
    if given.exclude_prefix and name.startswith(tuple(given.exclude_prefix)):
        return False
    if not given.name and not given.prefix:
        return True
    return name in (given.name or ()) or name.startswith(tuple(given.prefix or ()))


def _of_resource(given: EventResourceFilter, resource: Resource) -> bool:
    key = resource.get(_ID, "")
    return (
        (not given.id or key in given.id)
        and (not given.id_prefix or key.startswith(tuple(given.id_prefix)))
        and _labelled(given.labels, [resource])
    )


def _related_to(given: EventRelatedFilter, related: Sequence[Resource]) -> bool:
    ids = {one.get(_ID) for one in related}
    roles = {one.get(_ROLE) for one in related}
    return (
        (not given.id or not ids.isdisjoint(given.id))
        and (not given.role or not roles.isdisjoint(given.role))
        and all(key in ids and role in roles for key, role in given.resources_in_roles or [])
        and _labelled(given.labels, related)
    )


def _about(given: EventAnyResourceFilter, event: ReceivedEvent) -> bool:
    resources = [event.resource, *event.related]
    ids = [one.get(_ID, "") for one in resources]
    return (
        (not given.id or any(key in given.id for key in ids))
        and (not given.id_prefix or any(key.startswith(tuple(given.id_prefix)) for key in ids))
        and (_labelled(given.labels, [event.resource]) or _labelled(given.labels, event.related))
    )


def _labelled(labels: Mapping[str, Any] | None, resources: Sequence[Resource]) -> bool:
    """Every label has one of its values somewhere in these resources."""
    return all(
        any(
            _has(resources, key, value)
            for value in ([values] if isinstance(values, str) else values)
        )
        for key, values in (labels or {}).items()
    )


def _has(resources: Sequence[Resource], key: str, value: str) -> bool:
    negated, text = value.startswith("!"), value.removeprefix("!")
    found = [one[key] for one in resources if key in one]
    if text.endswith("*"):
        return negated != any(one.startswith(text[:-1]) for one in found)
    return negated != (text in found)


def _says(query: str, event: ReceivedEvent) -> bool:
    whole = f"{event.event} {event.resource} {event.related} {event.payload}".lower()
    for word in query.lower().split():
        wanted = word.lstrip("-!+").strip('"')
        if wanted and (wanted in whole) == (word[0] in "-!"):
            return False
    return True
