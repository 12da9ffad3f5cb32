"""The loop that plans the runs of schedules ahead of their time."""

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headrace.core.planning import LONGEST_SLEEP, Horizon
from headrace.core.times import to_datetime, to_text
from headrace.errors import HeadraceError
from headrace.server.services.loops.service import Pace
from headrace.server.services.planned_runs import Due, make_runs, plan_runs, store_runs
from headrace.server.services.signals import Signals
from headrace.server.store import deployment_schedules as sql
from headrace.server.store.database import Database

_log = logging.getLogger(__name__)

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
    name: str = "scheduler"
    pace: Pace = Pace(interval=60.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ("schedules",)

    async def run_once(self, now: datetime) -> float | None:
        """Plan for all schedules that want to be looked at."""
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

    async def _plan(self, due: Due, now: datetime) -> None:
        try:
            planned = plan_runs(due, now, self.horizon)
            runs = make_runs(due, planned.dates)
            look_again = to_text(planned.look_again)
        except (HeadraceError, ValueError, OverflowError) as error:
            _log.error(
                "Schedule %s of deployment %s cannot be planned: %s",
                due.schedule.id,
                due.source.id,
                error,
            )
            runs, look_again = [], to_text(now + _TRY_AGAIN)
        topics = await store_runs(self.database, due, runs, look_again)
        if topics:
            self.signals.publish(*topics)

    async def _until_next_look(self, now: datetime) -> float | None:
        rows = await self.database.fetch_all(sql.NEXT_LOOK)
        earliest: str | None = rows[0][0]
        if earliest is None:
            return None
        ahead = (to_datetime(earliest) - now).total_seconds()
        return max(0.05, min(ahead, self.pace.interval))
