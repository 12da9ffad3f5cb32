"""The loop that plans the runs of schedules ahead of their time."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from headrace.core.misfires import next_judgement
from headrace.core.planning import LONGEST_SLEEP, Horizon, Plan
from headrace.core.times import to_datetime, to_text
from headrace.errors import HeadraceError
from headrace.server.services.loops.service import Pace
from headrace.server.services.missed_runs import Judgement, judge
from headrace.server.services.planned_runs import Due, Marks, make_runs, plan_runs, store_runs
from headrace.server.services.signals import Signals
from headrace.server.store import deployment_schedules as sql
from headrace.server.store.database import Database

_log = logging.getLogger(__name__)

SCHEDULER = "scheduler"

_FIRST = str(UUID(int=0))  # before every id
_DRIFT = timedelta(seconds=1)
"""A clock that is disciplined goes back by less; one that is set, by more."""

_TRY_AGAIN = timedelta(minutes=5)
"""After a schedule that cannot be planned: it waits, and the others go on."""


@dataclass(frozen=True, slots=True)
class SchedulingLoop:
    """Plans what is to be planned; idle, it costs one look into an index a minute.

    Args:
        page: Schedules looked at in one go.
    """

    database: Database
    signals: Signals
    horizon: Horizon = field(default_factory=Horizon)
    page: int = 100
    name: str = SCHEDULER
    pace: Pace = Pace(interval=60.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ("schedules",)
    seen: list[datetime] = field(default_factory=list[datetime])
    """When it looked last: what tells that the clock was set back."""

    async def run_once(self, now: datetime) -> float | None:
        """Plan for all schedules that want to be looked at."""
        if self._went_back(now):
            await self.catch_up(now)
        rows = await self.database.fetch_all(
            sql.DUE,
            {
                "now": to_text(now),
                "too_far": to_text(now + 2 * LONGEST_SLEEP),
                "page": self.page,
            },
        )
        for row in rows:
            await self._plan(Due.of(row), now)
        if len(rows) == self.page:
            return 0
        return await self._until_next_look(now)

    async def catch_up(self, now: datetime) -> None:
        """Look at every schedule that does something about missed times, whenever it is due.

        For a server that begins, before anybody can take a run that is to be skipped; and for a clock
        that was set back.
        """
        after = _FIRST
        while True:
            params = {"after": after, "page": self.page}
            rows = await self.database.fetch_all(sql.WITH_MISFIRE, params)
            for row in rows:
                due = Due.of(row)
                await self._plan(due, now)
                after = due.schedule.id
            if len(rows) < self.page:
                return

    def _went_back(self, now: datetime) -> bool:
        last = self.seen[-1] if self.seen else now
        self.seen[:] = [now]
        return now < last - _DRIFT

    async def _plan(self, due: Due, now: datetime) -> None:
        topics: tuple[str, ...] = ()
        try:
            planned = plan_runs(due, now, self.horizon)
            judged = await judge(self.database, due, now)
            topics = judged.topics
            runs = make_runs(due, sorted({*judged.missing, *planned.dates}))  # now may be in both
            marks = _marks(due, planned, judged, now)
        except (HeadraceError, ValueError, OverflowError) as error:
            _log.error(
                "Schedule %s of deployment %s cannot be planned: %s",
                due.schedule.id,
                due.source.id,
                error,
            )
            again = to_text(now + _TRY_AGAIN)
            runs, marks = [], Marks(to_text(now), again, due.planned_to)
        topics += await store_runs(self.database, due, runs, marks)
        if topics:
            self.signals.publish(*topics)

    async def _until_next_look(self, now: datetime) -> float | None:
        rows = await self.database.fetch_all(sql.NEXT_LOOK)
        earliest: str | None = rows[0][0]
        if earliest is None:
            return None
        ahead = (to_datetime(earliest) - now).total_seconds()
        return max(0.05, min(ahead, self.pace.interval))


def _marks(due: Due, planned: Plan, judged: Judgement, now: datetime) -> Marks:
    look_again = planned.look_again
    if not judged.is_whole:
        look_again = now
    elif due.misfire is not None:
        ahead = next((date for date in planned.dates if date > now), look_again)
        waiting = (*judged.waiting, *judged.missing)
        look_again = min(look_again, next_judgement(waiting, ahead, due.misfire))
    planned_to = max((now, *planned.dates))
    return Marks(to_text(now), to_text(look_again), to_text(planned_to))
