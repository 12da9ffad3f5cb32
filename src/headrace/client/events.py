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


def create_events(
    client: Client,
    events: list[Event] | bytes,
    *,
    timeout: float | None = None,
    attempts: int | None = None,
) -> None:
    """Add events; repeating one (by id) has no effect.

    Args:
        client: The API.
        events: The events, or an encoded list of them.
        timeout: Seconds for one attempt.
        attempts: Repetitions at most.
    """
    client.call("POST", "/events", events, is_idempotent=True, timeout=timeout, attempts=attempts)


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
