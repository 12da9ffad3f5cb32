"""The loop that notices deployments whose runs nobody asks for any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.times import to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import deployments as sql
from headrace.server.store.database import Database, Transaction
from headrace.server.store.events import INSERT_EVENT
from headrace.server.store.work_events import DEPLOYMENTS_GONE_QUIET, of_deployment_status


@dataclass(frozen=True, slots=True)
class DeploymentStatusLoop:
    """Sets deployments to NOT_READY that nobody has polled for a while.

    Args:
        after: How long after the last poll.
        page: Deployments of one transaction: two rows each.
    """

    database: Database
    signals: Signals
    after: timedelta = timedelta(seconds=60)
    page: int = 100
    name: str = "foreman"
    pace: Pace = Pace(interval=15.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Set a page of them; without any, one query and no write."""
        params = {"since": to_text(now - self.after), "page": self.page}
        quiet = await self.database.fetch_all(DEPLOYMENTS_GONE_QUIET, params)
        if not quiet:
            return None
        text, since = to_text(now), params["since"]

        def work(tx: Transaction) -> int:
            changed = 0
            for row in quiet:
                found = {"deployment_id": row[0], "since": since}
                if tx.execute(sql.SET_NOT_READY, found) == 1:
                    tx.execute(INSERT_EVENT, of_deployment_status(row, "NOT_READY", text))
                    changed += 1
            return changed

        if await self.database.transact(work):
            self.signals.publish("events")
        return 0 if len(quiet) == self.page else None
