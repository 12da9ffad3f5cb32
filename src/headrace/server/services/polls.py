"""Polls of the contract's workers and runners: they are shown runs, and propose PENDING afterwards.

A poll shows only what admission would let through at this moment, in waterfall order; it takes
nothing. One that looks a little ahead (a waiting worker) may be held open until there is something.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from time import monotonic

from headrace.core.admission import ResourceKind
from headrace.core.times import later, now_text
from headrace.server.services.admission import cancels_new
from headrace.server.services.delivery import Counter, Desks
from headrace.server.services.grants import Demand, Lane
from headrace.server.services.signals import Signals
from headrace.server.services.sources import Source, SourceLook
from headrace.server.store import claims as claim_sql
from headrace.server.store import polls as sql
from headrace.server.store.database import Database, Row, Statement

HOLD_SECONDS = 30.0
"""The longest a poll is held open: half of the shortest time-out of the contract's clients."""

WAITING_WINDOW_SECONDS = 60.0
"""A poll that looks this far ahead, and no farther, comes from somebody who waits for work."""

_LOOP_SECONDS = (1.0, 120.0)
"""Seconds between the answer to a poll and the next poll of the same worker."""

_OFFERED_SECONDS = 2.0
"""How long a run that one waiting worker was shown is kept from the next: it proposes PENDING first."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What a poll asks for; moments as the store's text.

    Args:
        limit: Runs at most.
        before: Only runs due by then.
        after: Only runs due since then.
        window: Seconds that `before` lies ahead, where the poll may be held open; it slides.
    """

    limit: int
    before: str = sql.LATEST
    after: str = sql.EARLIEST
    window: float | None = None


class Polls:
    """Answers polls. One a server."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._desks: Desks[Poll, list[Row], SourceLook] = Desks(signals)
        self._answered: dict[Hashable, deque[float]] = {}
        self._offered: dict[str, float] = {}

    async def poll(
        self, source: Source, look: SourceLook, poll: Poll, until: asyncio.Future[None]
    ) -> list[Row]:
        """The runs that could start, as rows of `store.polls`.

        Args:
            source: What is asked.
            look: What the caller has just seen of it.
            poll: What is wanted.
            until: When it is done, a poll that is held open is answered.
        """
        rows = await self._read(look, poll)
        if not rows and poll.window is not None and poll.limit > 0:
            if self._waits(source.key):
                rows = await self._hold(source, poll, until)
            self._noted(source.key)
        return rows

    async def show(self, look: SourceLook, poll: Poll) -> list[Row]:
        """What comes next, at once: a preview, in which the limits of deployments do not count.

        They say what may start now, not what is planned; the contract's server shows it so too.
        """
        return await self._read(look, poll, is_preview=True)

    def _waits(self, key: Hashable) -> bool:
        """Whether this is the next poll of somebody who polls in a loop.

        The first poll of a worker is answered at once: it may be its only one. Each empty answer lets
        one later poll be held.
        """
        answered, now = self._answered.get(key), monotonic()
        shortest, longest = _LOOP_SECONDS
        while answered and now - answered[0] > longest:
            answered.popleft()
        if not answered or now - answered[0] < shortest:
            if answered is not None and not answered:
                del self._answered[key]
            return False
        answered.popleft()
        return True

    def _noted(self, key: Hashable) -> None:
        """A poll of somebody who waits was answered."""
        self._answered.setdefault(key, deque(maxlen=1000)).append(monotonic())

    async def _hold(self, source: Source, poll: Poll, until: asyncio.Future[None]) -> list[Row]:
        async def serve(look: SourceLook, held: Poll) -> list[Row] | None:
            ahead = later(now_text(), held.window or 0.0)
            self._forget_offered()
            rows = await self._read(look, replace(held, before=ahead), passed_over=self._offered)
            self._offered |= dict.fromkeys(
                (_run_id(row) for row in rows), monotonic() + _OFFERED_SECONDS
            )
            return rows or None

        async def delay_if_blocked(look: SourceLook, held: Poll) -> float:
            delay = await source.delay_if_blocked(look, _demand(held))
            return min(delay, _OFFERED_SECONDS) if self._offered else delay

        counter: Counter[Poll, list[Row], SourceLook] = Counter(
            look=source.look,
            delay=lambda look, held: look.delay(_demand(held)),
            serve=serve,
            give_back=_nothing_was_taken,
            delay_if_blocked=delay_if_blocked,
        )
        return await self._desks.wait(source.key, counter, poll, until) or []

    def _forget_offered(self) -> None:
        now = monotonic()
        self._offered = {run: until for run, until in self._offered.items() if until > now}

    async def _read(
        self,
        look: SourceLook,
        poll: Poll,
        *,
        passed_over: dict[str, float] | None = None,
        is_preview: bool = False,
    ) -> list[Row]:
        """Due runs, lane by lane, as far as the rooms go."""
        found: list[Row] = []
        room = poll.limit if look.room is None else min(poll.limit, look.room)
        for lane in look.lanes:
            wanted = room - len(found)
            if wanted <= 0:
                break
            if lane.is_open and lane.due is not None and lane.due <= poll.before:
                most = wanted if lane.room is None else min(wanted, lane.room)
                if is_preview:
                    found += await self._read_planned(lane, poll, most)
                else:
                    found += await self._read_lane(lane, poll, most, passed_over or {})
        return found

    async def _read_planned(self, lane: Lane, poll: Poll, most: int) -> list[Row]:
        params = {"owner": lane.id, "before": poll.before, "after": poll.after}
        return await self._database.fetch_few(
            _due_in(lane), params | {"full": [_NOBODY], "page": most}
        )

    async def _read_lane(
        self, lane: Lane, poll: Poll, room: int, passed_over: dict[str, float]
    ) -> list[Row]:
        statement = _due_in(lane)
        found: dict[str, Row] = {}
        full: set[str] = set()
        left: dict[str, int] = {}
        page = room + len(passed_over)
        while True:
            params = {"owner": lane.id, "before": poll.before, "after": poll.after}
            rows = await self._database.fetch_few(
                statement, params | {"full": sorted(full) or [_NOBODY], "page": page}
            )
            await self._count_rooms(rows, left)
            known = len(full)
            for row in rows:
                run_id, limited = _run_id(row), row[2]
                if run_id in found or run_id in passed_over:
                    continue
                if left.get(limited, 1) <= 0:
                    full.add(limited)
                    continue
                if limited in left:
                    left[limited] -= 1
                found[run_id] = row
                if len(found) == room:
                    return list(found.values())
            if len(rows) < page or len(full) == known:
                return list(found.values())

    async def _count_rooms(self, rows: Sequence[Row], rooms: dict[str, int]) -> None:
        """The slots that limited deployments have left, for those that were not counted yet."""
        limits: dict[str, int] = {
            row[2]: row[3]
            for row in rows
            # A run that is to be cancelled for want of a slot must be proposed to be.
            if row[3] is not None and row[2] not in rooms and not cancels_new(row[4])
        }
        if limits:
            live = dict(
                await self._database.fetch_few(claim_sql.LIVE_OF_DEPLOYMENTS, {"ids": list(limits)})
            )
            rooms |= {one: max(0, limit - live.get(one, 0)) for one, limit in limits.items()}

    async def close(self) -> None:
        """End the desks; those who wait are answered by their own `until`."""
        await self._desks.close()


_NOBODY = "00000000-0000-0000-0000-000000000000"


def _due_in(lane: Lane) -> Statement:
    return sql.DUE_OF_DEPLOYMENT if lane.kind is ResourceKind.DEPLOYMENT else sql.DUE_IN_QUEUE


def _run_id(row: Row) -> str:
    return row[sql.HEAD + sql.FLOW_RUN_SHAPE.positions["id"]]


def _demand(poll: Poll) -> Demand:
    return Demand("", "", poll.limit, poll.window or 0.0)


async def _nothing_was_taken(_: list[Row]) -> None:
    return
