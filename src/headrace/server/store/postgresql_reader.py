"""Reads on PostgreSQL: point reads share one session, quick lists others, long ones have their own."""

import asyncio
from time import monotonic

from headrace.errors import DatabaseUnavailable, TooBusy
from headrace.server.store.database import Row
from headrace.server.store.postgresql_bursts import Bursts
from headrace.server.store.postgresql_errors import TIMED_OUT
from headrace.server.store.postgresql_session import Bound, Connector, Link, only_rows

MAX_BURST = 64
"""Point reads in one burst."""

MAX_TRIES = 4
"""Times a point read is sent before its caller hears of what is in its way."""

QUICK_SESSIONS = 2
"""Sessions for lists that take little: while one is at work, the other's rows become answers."""

QUICK_BURST = 16
"""Lists in one burst: a few milliseconds of them."""

QUICK_MILLISECONDS = 50
"""After this time a list is stopped, for those behind it, and begun anew on a session of its own."""

SLOW_SECONDS = 10.0
"""How long a query that was slow has a session of its own: its table may have shrunk by then."""

PLANNED_ANEW = ("SET plan_cache_mode = force_custom_plan",)
"""For what is long, a plan for the values in it, common or rare, is worth the making each time."""

LIST_SESSIONS = 4
"""Long lists at a time; more sessions than that only wait for the server's processors."""

MAX_WAITING = 1024
"""Lists that may wait: about a second of them."""


class PostgresqlReader:
    """Answers the queries of one server process."""

    def __init__(self, connector: Connector) -> None:
        point = Link(connector)
        stopped_soon = (f"SET statement_timeout = {QUICK_MILLISECONDS}",)
        quick = [Link(connector, stopped_soon) for _ in range(QUICK_SESSIONS)]
        self._points = Bursts(point, most=MAX_BURST, tries=MAX_TRIES)
        self._quick = [Bursts(link, most=QUICK_BURST, tries=1) for link in quick]
        self._idle = [Link(connector, PLANNED_ANEW) for _ in range(LIST_SESSIONS)]
        self._links = [point, *quick, *self._idle]
        self._free = asyncio.Semaphore(LIST_SESSIONS)
        self._waiting = 0

    async def fetch_point(self, bound: Bound) -> list[Row]:
        """The rows of a short query, in one burst with others."""
        return only_rows(await self._points.ask(bound), bound[0])

    async def fetch_list(self, bound: Bound) -> list[Row]:
        """The rows of a query that may take long. Raises `TooBusy` when too many wait."""
        if self._waiting >= MAX_WAITING:
            message = f"{MAX_WAITING} queries are waiting; try again in a moment"
            raise TooBusy(message)
        self._waiting += 1
        try:
            if not bound[0].is_slow(monotonic()):
                rows = await self._fetch_quickly(bound)
                if rows is not None:
                    return rows
            return await self._fetch_alone(bound)
        finally:
            self._waiting -= 1

    async def _fetch_quickly(self, bound: Bound) -> list[Row] | None:
        """The rows; or none when it takes too long, or something is in its way."""
        session = min(self._quick, key=_by_load)
        try:
            answer = await session.ask(bound)
        except DatabaseUnavailable:  # or it stood behind one that took too long
            return None
        if answer.sqlstate == TIMED_OUT:
            bound[0].mark_slow(monotonic() + SLOW_SECONDS)
            return None
        return only_rows(answer, bound[0])

    async def _fetch_alone(self, bound: Bound) -> list[Row]:
        async with self._free:
            link = self._idle.pop()
            try:
                (answer,) = await link.ask((bound,))
            finally:
                self._idle.append(link)
        return only_rows(answer, bound[0])

    def close(self) -> None:
        """Close the sessions."""
        for link in self._links:
            link.close()


def _by_load(bursts: Bursts) -> int:
    return bursts.unanswered
