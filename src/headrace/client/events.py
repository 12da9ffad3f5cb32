"""Events."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.wire.events import (
    Countable,
    CountAccountEventsBody,
    Event,
    EventCount,
    EventPage,
    ReadEventsBody,
)


def create_events(client: Client, events: list[Event] | bytes) -> None:
    """Add events; bytes are an encoded list of them. Repeating one (by id) has no effect."""
    client.call("POST", "/events", events, is_idempotent=True)


def list_events(client: Client, body: ReadEventsBody) -> EventPage:
    """The first page of the events that pass the filter."""
    return client.call("POST", "/events/filter", body, answer=EventPage, is_idempotent=True)


def count_events(
    client: Client, countable: Countable, body: CountAccountEventsBody
) -> list[EventCount]:
    """How many events pass the filter, by day, time, event or resource."""
    return client.call(
        "POST",
        f"/events/count-by/{countable.value}",
        body,
        answer=list[EventCount],
        is_idempotent=True,
    )
