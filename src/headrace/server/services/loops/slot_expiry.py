"""The loop that deletes leases of concurrency limits that are over."""

from dataclasses import dataclass
from datetime import datetime

from headrace.core.times import later
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import concurrency_limits as sql
from headrace.server.store.database import Database, Transaction

UNKNOWN_SECONDS = 3600.0
"""A client may take a slot for a task run before the server hears of that task run; not for long."""


@dataclass(frozen=True, slots=True)
class SlotExpiryLoop:
    """Deletes what was not renewed, and what is held for task runs that are over or unknown.

    An expired lease takes no slot from the moment it ends: this only clears it away. One that a
    task run holds without an end is ended here.
    """

    database: Database
    signals: Signals
    name: str = "repossessor"
    pace: Pace = Pace(interval=15.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Delete them all."""
        del now  # leases are judged by the database's time

        def work(tx: Transaction) -> None:
            now = tx.now()
            tx.execute(sql.EXPIRED, {"now": now})
            unknown_before = later(now, -UNKNOWN_SECONDS)
            tx.execute(sql.FORGOTTEN, {"unknown_before": unknown_before})

        await self.database.transact(work)
        return None
