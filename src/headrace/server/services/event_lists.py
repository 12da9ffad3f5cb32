"""Events that were recorded: pages of them, and counts."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import UNSET
from sqlalchemy import func, select

from headrace.core.times import to_text
from headrace.errors import Unprocessable, ValidationFailed
from headrace.server.store.database import Database
from headrace.server.store.events import SHAPE
from headrace.server.store.filters.events import filter_events, order_events
from headrace.server.store.schema import event
from headrace.server.store.spans import SPANS, spans_table, spans_text
from headrace.wire.decode import encode
from headrace.wire.events import Countable, EventFilter, EventOrder, TimeUnit
from headrace.wire.faults import make_fault

MOST_BUCKETS: Final = 1000
_SECONDS: Final = {
    TimeUnit.WEEK: 7 * 86400.0,
    TimeUnit.DAY: 86400.0,
    TimeUnit.HOUR: 3600.0,
    TimeUnit.MINUTE: 60.0,
    TimeUnit.SECOND: 1.0,
}


class PageToken(msgspec.Struct):
    """Where the next page of a list of events begins, and of which list."""

    filter: EventFilter
    limit: int
    occurred: str
    seq: int
    total: int


async def read_page(
    database: Database, given: EventFilter, limit: int, after: PageToken | None = None
) -> tuple[bytes, int, PageToken | None]:
    """A page of events as a JSON list, how many there are in all, and where the next one begins."""
    conditions = filter_events(given)
    if after is None:
        counted = await database.fetch_all(
            select(func.count()).select_from(event).where(*conditions)
        )
        total = counted[0][0]
    else:
        total = after.total
        conditions.append(_beyond(given.order, after))
    query = select(*SHAPE.columns, event.c.seq).where(*conditions)
    rows = await database.fetch_all(query.order_by(*order_events(given.order)).limit(limit + 1))
    shown, more = rows[:limit], len(rows) > limit
    token = None
    if more and shown:
        last = shown[-1]
        occurred = last[SHAPE.positions["occurred"]]
        token = PageToken(given, limit, occurred, last[-1], total)
    return SHAPE.encode_list([row[:-1] for row in shown]), total, token


def _beyond(order: EventOrder, after: PageToken) -> Any:
    same = event.c.occurred == after.occurred
    if order is EventOrder.ASC:
        return (event.c.occurred > after.occurred) | (same & (event.c.seq > after.seq))
    return (event.c.occurred < after.occurred) | (same & (event.c.seq < after.seq))


def write_token(token: PageToken) -> str:
    """The token as text that a URL can carry."""
    return base64.urlsafe_b64encode(encode(token)).decode()


def read_token(text: str | None) -> PageToken:
    """The token that a URL carries. Raises `ValidationFailed`."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text or ""), type=PageToken)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        message = "The page token is not one that this server gave"
        raise ValidationFailed(
            [make_fault("value_error", ("query", "page-token"), message, text)]
        ) from error


async def count_events(
    database: Database, given: EventFilter, by: Countable, unit: TimeUnit, interval: float
) -> bytes:
    """How many events there are of each kind, of each resource, or in each stretch of time."""
    if by is Countable.EVENT:
        return await _count_groups(database, given, event.c.event, event.c.event, str)
    if by is Countable.RESOURCE:
        resource = func.max(event.c.resource)
        return await _count_groups(database, given, event.c.resource_id, resource, _name_of)
    seconds = _SECONDS[TimeUnit.DAY] if by is Countable.DAY else _SECONDS[unit] * interval
    return await _count_spans(database, given, seconds)


async def _count_groups(
    database: Database, given: EventFilter, key: Any, shown: Any, label: Callable[[str], str]
) -> bytes:
    query = (
        select(key, shown, func.count(), func.min(event.c.occurred), func.max(event.c.occurred))
        .where(*filter_events(given))
        .group_by(key)
        .order_by(func.count().desc(), key)
        .limit(MOST_BUCKETS)
    )
    return encode(
        [
            {
                "value": value,
                "label": label(text),
                "count": count,
                "start_time": first,
                "end_time": last,
            }
            for value, text, count, first, last in await database.fetch_all(query)
        ]
    )


def _name_of(text: str) -> str:
    """What a resource, as JSON, is shown by."""
    resource = msgspec.json.decode(text, type=dict[str, str])
    return resource.get("prefect.resource.name") or resource.get("prefect.resource.id", "")


async def _count_spans(database: Database, given: EventFilter, seconds: float) -> bytes:
    try:
        spans = _spans(given, seconds)
    except (OverflowError, ValueError) as error:  # beyond the years that a date can have
        message = f"steps of {seconds} s over that time leave the calendar: ask for a shorter time"
        raise Unprocessable(message) from error
    table = spans_table()
    text = spans_text([(to_text(begin), to_text(end)) for begin, end in spans])
    within = (event.c.occurred >= table.c.begin) & (event.c.occurred < table.c.finish)
    query = (
        select(table.c.number, func.count())
        .select_from(table.join(event, within))
        .where(*filter_events(given))
        .group_by(table.c.number)
    )
    rows = await database.fetch_all(query, {SPANS: text})
    found: dict[int, int] = {row[0]: row[1] for row in rows}
    return encode(
        [
            {
                "value": str(at),
                "label": begin.isoformat(),
                "count": found.get(at, 0),
                "start_time": begin,
                "end_time": end - timedelta(microseconds=1),
            }
            for at, (begin, end) in enumerate(spans)
        ]
    )


def _spans(given: EventFilter, seconds: float) -> list[tuple[datetime, datetime]]:
    """Stretches that begin at whole multiples of their length, from the filter's bounds."""
    until = datetime.now(UTC) if given.occurred.until is UNSET else given.occurred.until
    since = until - timedelta(days=1) if given.occurred.since is UNSET else given.occurred.since
    step = timedelta(seconds=seconds)
    begin = datetime.fromtimestamp(since.timestamp() // seconds * seconds, UTC)
    if (until - begin) / step > MOST_BUCKETS:
        raise Unprocessable(
            f"{since.isoformat()} to {until.isoformat()} in steps of {seconds} s is more than "
            f"{MOST_BUCKETS} counts: ask for longer steps or a shorter time."
        )
    spans: list[tuple[datetime, datetime]] = []
    while begin <= until:
        spans.append((begin, begin + step))
        begin += step
    return spans
