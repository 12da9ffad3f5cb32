"""Following log lines as they are stored."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from sqlalchemy import Select, select

from headrace.core.ids import first_id_of
from headrace.server.services.logs import TOPIC
from headrace.server.services.signals import Signals
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.small_nouns import filter_logs
from headrace.server.store.logs import SHAPE
from headrace.server.store.schema import log
from headrace.wire.logs import LogFilter

_SAFETY_SECONDS: Final = 2.0
"""A look without a wake-up: another server's notification can be lost with its connection."""

_LATE_SECONDS: Final = 5.0
"""A line is numbered before it waits for its commit: lines that much older are looked for again."""

_BACKFILL: Final = 1000  # lines; who wants more asks for pages
_PORTION: Final = 500  # lines read at a time

_ID: Final = SHAPE.positions["id"]


async def follow_logs(
    database: Database,
    signals: Signals,
    closing: asyncio.Event,
    given: LogFilter,
    *,
    backfill: bool,
) -> AsyncIterator[bytes]:
    """Lines that the filter means, as JSON: those there are, if asked for, then new ones, once each.

    Args:
        database: Where they are kept.
        signals: What wakes it.
        closing: Set when the server stops; it then ends.
        given: Which lines are meant.
        backfill: Whether to begin with the newest lines there are.
    """
    query = select(*SHAPE.columns).where(*filter_logs(given))
    with signals.listen((TOPIC, "closing")) as listener:
        sent: set[str] = set()
        rows = await _newest(database, query)
        for row in rows:
            if backfill:
                yield SHAPE.encode(row)
            sent.add(row[_ID])
        while not closing.is_set():
            floor = first_id_of(time.time() - _LATE_SECONDS)
            sent = {key for key in sent if key >= floor}
            after: str | None = floor
            while after is not None:
                rows = await _after(database, query, after)
                for row in rows:
                    if row[_ID] not in sent:
                        sent.add(row[_ID])
                        yield SHAPE.encode(row)
                after = rows[-1][_ID] if len(rows) == _PORTION else None
            await listener.wait(_SAFETY_SECONDS)


async def _newest(database: Database, query: Select[Any]) -> list[Row]:
    newest = query.order_by(log.c.timestamp.desc(), log.c.id.desc()).limit(_BACKFILL)
    return list(reversed(await database.fetch_all(newest)))


async def _after(database: Database, query: Select[Any], after: str) -> list[Row]:
    return await database.fetch_all(
        query.where(log.c.id > after).order_by(log.c.id).limit(_PORTION)
    )
