"""The loop that deletes leases of concurrency limits that are over."""

from dataclasses import dataclass
from datetime import datetime

from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import concurrency_limits as sql
from headrace.server.store.database import Database, Transaction


@dataclass(frozen=True, slots=True)
class SlotExpiryLoop:
    """Deletes what was not renewed, and what is held for task runs that are over.

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
            tx.execute(sql.EXPIRED, {"now": tx.now()})
            tx.execute(sql.FORGOTTEN)

        await self.database.transact(work)
        return None
