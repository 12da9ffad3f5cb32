"""Reads on PostgreSQL: point reads share one session, lists have a few of their own.

Point reads that are asked for in the same turn of the event loop go out together: one write, one
synchronisation, one wake-up for all of them.
"""

import asyncio
from dataclasses import dataclass

from headrace.errors import DatabaseUnavailable, TooBusy
from headrace.server.store.database import Row
from headrace.server.store.postgresql_errors import lost
from headrace.server.store.postgresql_session import (
    Aborted,
    Answer,
    Bound,
    Connector,
    Link,
    only_rows,
)

LIST_SESSIONS = 4
"""Lists at a time; more sessions than that only wait for the server's processors."""

MAX_WAITING = 1024
"""Lists that may wait: about a second of them."""

MAX_TRIES = 4
"""Times a point read is sent before its caller hears of what is in its way."""

MAX_BURST = 64
"""Point reads in one burst: keeps the first one's wait short."""


@dataclass(slots=True)
class _Point:
    bound: Bound
    future: asyncio.Future[list[Row]]
    tries: int = 0


class PostgresqlReader:
    """Answers the queries of one server process."""

    def __init__(self, connector: Connector) -> None:
        self._loop = asyncio.get_running_loop()
        self._points: list[_Point] = []
        self._point_link = Link(connector)
        self._idle = [Link(connector) for _ in range(LIST_SESSIONS)]
        self._links = [self._point_link, *self._idle]
        self._free = asyncio.Semaphore(LIST_SESSIONS)
        self._waiting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def fetch_point(self, bound: Bound) -> list[Row]:
        """The rows of a short query, in one burst with others."""
        point = _Point(bound, self._loop.create_future())
        self._ask(point)
        return await point.future

    def _ask(self, point: _Point) -> None:
        self._points.append(point)
        if len(self._points) == 1:
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        points, self._points = self._points[:MAX_BURST], self._points[MAX_BURST:]
        if self._points:
            self._loop.call_soon(self._send)
        session = self._point_link.ready
        if session is None:
            task = self._loop.create_task(self._send_when_connected(points))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        answers = session.send([point.bound for point in points])
        answers.add_done_callback(lambda done: self._hand_out(points, done))

    async def _send_when_connected(self, points: list[_Point]) -> None:
        try:
            await self._point_link.session()
        except DatabaseUnavailable as error:
            for point in points:
                _refuse(point, error)
        else:
            for point in points:
                self._ask(point)

    def _hand_out(self, points: list[_Point], done: asyncio.Future[list[Answer]]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._ask_again(points, error)
            return
        aborted: list[_Point] = []
        for point, answer in zip(points, done.result(), strict=True):
            if isinstance(answer.error, Aborted):
                aborted.append(point)
            elif answer.error is not None:
                _refuse(point, answer.error)
            elif not point.future.done():
                point.future.set_result(only_rows(answer, point.bound[0]))
        self._ask_again(aborted, lost("one query after the other was refused"))

    def _ask_again(self, points: list[_Point], error: BaseException) -> None:
        """Repeat reads whose connection was lost, or which stood behind a refused one."""
        for point in points:
            point.tries += 1
            if point.tries >= MAX_TRIES:
                _refuse(point, error)
            else:
                self._ask(point)

    async def fetch_list(self, bound: Bound) -> list[Row]:
        """The rows of a query on a session of its own. Raises `TooBusy` when too many wait."""
        if self._waiting >= MAX_WAITING:
            message = f"{MAX_WAITING} queries are waiting; try again in a moment"
            raise TooBusy(message)
        self._waiting += 1
        try:
            async with self._free:
                link = self._idle.pop()
                try:
                    (answer,) = await link.ask((bound,))
                finally:
                    self._idle.append(link)
        finally:
            self._waiting -= 1
        return only_rows(answer, bound[0])

    def close(self) -> None:
        """Close the sessions."""
        for link in self._links:
            link.close()


def _refuse(point: _Point, error: BaseException) -> None:
    if not point.future.done():
        point.future.set_exception(error)
