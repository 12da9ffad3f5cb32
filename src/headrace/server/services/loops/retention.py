"""The loop that deletes what is older than the installation wants to keep."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.times import to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import retention as sql
from headrace.server.store.database import Database, Statement
from headrace.server.store.tallies import forget_empty

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RetentionLoop:
    """Deletes finished runs with all that belongs to them, loose logs and events.

    Args:
        keep: Age beyond which something goes; zero keeps everything.
        breath: Seconds between two slices, in which others write.
        longest: Seconds that one run takes at most: then it lets others lead, and goes on.
    """

    database: Database
    signals: Signals
    keep: timedelta
    breath: float = 0.005
    longest: float = 20.0
    name: str = "db_vacuum"
    pace: Pace = Pace(interval=3600.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Delete until nothing old is left, or for as long as one run may take."""
        if self.keep <= timedelta(0):
            return None
        before = to_text(now - self.keep)
        deadline = asyncio.get_running_loop().time() + self.longest
        deleted = 0
        while asyncio.get_running_loop().time() < deadline:
            if await self.database.fetch_one(sql.FIRST_RUN, {"before": before}) is None:
                deleted += await self._delete_loose(before, deadline)
                await self.database.transact(lambda tx: forget_empty(tx, before))
                break
            for statement in sql.OF_RUNS:
                await self._delete_all(statement, before, deadline)
            if asyncio.get_running_loop().time() < deadline:
                deleted += await self._delete(sql.RUNS, before)
        else:
            return 0
        if deleted:
            _log.info("Deleted %d runs and events from before %s", deleted, before)
        return None if asyncio.get_running_loop().time() < deadline else 0

    async def _delete_loose(self, before: str, deadline: float) -> int:
        loose = (sql.LOOSE_TASK_RUNS, sql.OLD_ARTIFACTS, sql.OLD_LOGS, sql.OLD_EVENTS)
        return sum([await self._delete_all(one, before, deadline) for one in loose])

    async def _delete_all(self, statement: Statement, before: str, deadline: float) -> int:
        deleted = 0
        while asyncio.get_running_loop().time() < deadline:
            some = await self._delete(statement, before)
            deleted += some
            if not some:
                break
            await asyncio.sleep(self.breath)
        return deleted

    async def _delete(self, statement: Statement, before: str) -> int:
        return await self.database.transact(lambda tx: tx.execute(statement, {"before": before}))
