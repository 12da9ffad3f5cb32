"""Long queries on SQLite: one thread with its own connection, so that they hold up no request.

One thread and not several: the driver takes the interpreter's lock for each row, so that more
threads get in each other's way and answer fewer lists (figures: `docs/decisions/0003`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import TypeVar

import apsw

from headrace.errors import DatabaseUnavailable, TooBusy
from headrace.server.store.database import Row
from headrace.server.store.plans import Prepared, Values
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import Connection, Cursor

T = TypeVar("T")

MAX_WAITING = 1024
"""Queries that may wait: about a second of lists."""

QUERY_SECONDS = 30.0
"""A query that takes longer is stopped, for the sake of those behind it."""

_DEADLINE_CHECK = 100_000  # steps of SQLite's machine between two looks at the clock: some ms


@dataclass(slots=True)
class _Query:
    prepared: Prepared
    values: Values
    future: asyncio.Future[list[Row]]


class SqliteReader:
    """Runs queries one after the other in a thread.

    Args:
        connection: Open to use by another thread; the reader closes it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Query | None] = SimpleQueue()
        self._deadline = 0.0
        self._closed = False
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._thread = Thread(target=self._run, name="store-reader", daemon=True)
        self._thread.start()

    async def fetch(self, prepared: Prepared, values: Values) -> list[Row]:
        """All rows of a query. Raises `TooBusy` and the store's errors."""
        if self._closed:
            message = "the database is closed"
            raise DatabaseUnavailable(message)
        if self._queue.qsize() >= MAX_WAITING:
            message = f"{MAX_WAITING} queries are waiting; try again in a moment"
            raise TooBusy(message)
        future: asyncio.Future[list[Row]] = self._loop.create_future()
        self._queue.put(_Query(prepared, values, future))
        return await future

    async def close(self) -> None:
        """Finish what is queued and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.shield(self._finished)

    def _run(self) -> None:
        self._connection.set_progress_handler(self._is_late, _DEADLINE_CHECK)
        cursor = self._connection.cursor()
        while (query := self._queue.get()) is not None:
            if not query.future.done():
                self._answer(cursor, query)
        self._connection.close()
        self._hand_over(lambda: _resolve(self._finished, None))

    def _answer(self, cursor: Cursor, query: _Query) -> None:
        self._deadline = monotonic() + QUERY_SECONDS
        try:
            rows: list[Row] = cursor.execute(query.prepared.sql, query.values).fetchall()
            if query.prepared.load is not None:
                rows = query.prepared.load(rows)
        except Exception as error:  # noqa: BLE001  # handed to the caller who waits for the rows
            refusal = translate(error) if isinstance(error, apsw.Error) else error
            self._hand_over(lambda: _refuse(query.future, refusal))
        else:
            self._hand_over(lambda: _resolve(query.future, rows))

    def _is_late(self) -> bool:
        return monotonic() > self._deadline

    def _hand_over(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the event loop was closed without closing the database
            self._loop.call_soon_threadsafe(call)


def _resolve(future: "asyncio.Future[T]", value: T) -> None:
    if not future.done():
        future.set_result(value)


def _refuse(future: asyncio.Future[list[Row]], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
