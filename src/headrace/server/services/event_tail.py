"""Following events as they are recorded, without missing one."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from headrace.server.services.event_matching import is_meant
from headrace.server.services.signals import Signals
from headrace.server.store import events as store
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.events import filter_events, order_events
from headrace.wire.events import EventFilter, EventOrder, ReceivedEvent

_SAFETY_SECONDS: Final = 2.0
"""A look without a wake-up: another server's notification can be lost with its connection."""

_BACKFILL: Final = 1000  # events; who wants more asks for pages

_decoder = msgspec.json.Decoder(ReceivedEvent)


class EventTail:
    """The end of the log of events, read once for all who follow it."""

    def __init__(self, database: Database, signals: Signals, closing: asyncio.Event) -> None:
        self._database = database
        self._signals = signals
        self._closing = closing
        self._reading: dict[int, asyncio.Task[list[Row]]] = {}

    async def newest(self) -> int:
        """The number of the newest event that can be read."""
        row = await self._database.fetch_one(store.NEWEST)
        return 0 if row is None else row[0]

    async def follow(self, given: EventFilter, *, backfill: bool) -> AsyncIterator[bytes]:
        """Events that the filter means, as JSON: those there are, if asked for, then new ones.

        Where it stands is fixed before the backfill is read: no event is missed, none comes twice.
        Ends when the server closes.
        """
        with self._signals.listen(("events", "closing")) as listener:
            cursor = await self.newest()
            if backfill:
                for text in await self._backfill(given, cursor):
                    yield text
            while not self._closing.is_set():
                rows = await self._after(cursor)
                for row in rows:
                    cursor = row[0]
                    text = store.SHAPE.encode(row[1:])
                    if is_meant(given, _decoder.decode(text)):
                        yield text
                if len(rows) < store.BATCH:
                    await listener.wait(_SAFETY_SECONDS)

    async def _backfill(self, given: EventFilter, cursor: int) -> list[bytes]:
        """The newest events up to the cursor, oldest first."""
        query = (
            store.UP_TO.where(*filter_events(given))
            .order_by(*order_events(EventOrder.DESC))
            .limit(_BACKFILL)
        )
        rows = await self._database.fetch_all(query, {"seq": cursor})
        return [store.SHAPE.encode(row) for row in reversed(rows)]

    async def _after(self, cursor: int) -> list[Row]:
        """What followers who stand at the same place want is read once."""
        reading = self._reading.get(cursor)
        if reading is None:
            reading = asyncio.create_task(self._read(cursor))
            self._reading[cursor] = reading
        return await asyncio.shield(reading)

    async def _read(self, cursor: int) -> list[Row]:
        try:
            return await self._database.fetch_all(store.AFTER, {"seq": cursor})
        finally:
            del self._reading[cursor]
