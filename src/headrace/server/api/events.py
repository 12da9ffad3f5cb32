"""HTTP and WebSockets of events."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.errors import ValidationFailed
from headrace.server.api.operations import Call, Operations
from headrace.server.api.subscriptions import pump, take_filter
from headrace.server.auth.sockets import Socket
from headrace.server.services import event_lists
from headrace.server.services.container import Services
from headrace.server.services.events import EventStream
from headrace.wire.decode import decode, encode
from headrace.wire.events import (
    Countable,
    CountAccountEventsBody,
    Event,
    EventCount,
    EventFilter,
    EventPage,
    ReadEventsBody,
)
from headrace.wire.faults import make_fault

operations = Operations("events")

_NAMELESS = "A resource needs the label prefect.resource.id"


@operations.post("/events", list[Event], status=204)
async def create_events(call: Call[list[Event]]) -> None:
    """Record events. They are durable when this is answered."""
    refuse_nameless(call.body, ("body",))
    await call.services.event_intake.record(call.body)


def refuse_nameless(events: Sequence[Event], place: tuple[str, ...]) -> None:
    """Raise `ValidationFailed` where an event does not say what it is about.

    Args:
        events: The events.
        place: Where in the request they are.
    """
    faults = [
        make_fault("value_error", (*place, at, "resource"), _NAMELESS, event.resource)
        for at, event in enumerate(events)
        if not event.resource.get("prefect.resource.id")
    ]
    if faults:
        raise ValidationFailed(faults)


@operations.post("/events/filter", ReadEventsBody, returns=EventPage)
async def read_events(call: Call[ReadEventsBody]) -> bytes:
    """List events."""
    body = call.body
    return await _page(call, body.filter or EventFilter(), body.limit, None)


@operations.get("/events/filter/next", returns=EventPage, parameters={"page-token": str})
async def read_next_events(call: Call[None]) -> bytes:
    """List the next page of events, of the link that the page before gave."""
    token = event_lists.read_token(call.query("page-token"))
    return await _page(call, token.filter, token.limit, token)


async def _page(
    call: Call[Any], given: EventFilter, limit: int, after: event_lists.PageToken | None
) -> bytes:
    events, total, token = await event_lists.read_page(call.services.database, given, limit, after)
    link = None
    if token is not None:
        scheme = call.header("x-forwarded-proto") or "http"
        host = call.header("host") or "127.0.0.1"
        link = (
            f"{scheme}://{host}/api/events/filter/next?page-token={event_lists.write_token(token)}"
        )
    return encode({"events": msgspec.Raw(events), "total": total, "next_page": link})


@operations.post(
    "/events/count-by/{countable}",
    CountAccountEventsBody,
    returns=list[EventCount],
    parameters={"countable": Countable},
)
async def count_events(call: Call[CountAccountEventsBody]) -> bytes:
    """Count events by day, by stretch of time, by name or by resource."""
    body = call.body
    try:
        by = Countable(call.path["countable"])
    except ValueError as error:
        message = f"Input should be {', '.join(Countable)}"
        raise ValidationFailed(
            [make_fault("enum", ("path", "countable"), message, call.path["countable"])]
        ) from error
    return await event_lists.count_events(
        call.services.database, body.filter, by, body.time_unit, body.time_interval
    )


@operations.socket("/events/in")
async def take_events(services: Services, _: dict[str, str], socket: Socket) -> None:
    """Record the events that a client sends, one a frame, in their order."""
    stream = EventStream(services.event_intake)
    try:
        while True:
            frame = await socket.receive()
            try:
                event = decode(Event, frame)
            except ValidationFailed:
                # Nobody waits for an answer; the connection's other events are fine.
                continue
            if event.resource.get("prefect.resource.id"):
                await stream.put(event)
    finally:
        await stream.close()


@operations.socket("/events/out")
async def send_events(services: Services, _: dict[str, str], socket: Socket) -> None:
    """Send the events that a filter means: those there are, then new ones."""
    given, backfill = await take_filter(socket, EventFilter)
    events = services.event_tail.follow(given, backfill=backfill)
    await pump(socket, events, b'{"type":"event","event":')
