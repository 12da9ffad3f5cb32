"""The loop that notices deployments whose runs nobody asks for any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.ids import new_id
from headrace.core.times import to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import deployments as sql
from headrace.server.store.database import Database, Transaction
from headrace.server.store.transitions import INSERT_EVENT
from headrace.wire.decode import encode


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
        quiet = await self.database.fetch_all(sql.GONE_QUIET, params)
        if not quiet:
            return None
        text, since = to_text(now), params["since"]

        def work(tx: Transaction) -> int:
            changed = 0
            for deployment_id, name in quiet:
                found = {"deployment_id": deployment_id, "since": since}
                if tx.execute(sql.SET_NOT_READY, found) == 1:
                    tx.execute(INSERT_EVENT, _event(deployment_id, name, text))
                    changed += 1
            return changed

        if await self.database.transact(work):
            self.signals.publish("events")
        return 0 if len(quiet) == self.page else None


def _event(deployment_id: str, name: str, now: str) -> dict[str, object]:
    resource_id = f"prefect.deployment.{deployment_id}"
    return {
        "id": new_id(),
        "occurred": now,
        "received": now,
        "event": "prefect.deployment.not-ready",
        "resource_id": resource_id,
        "resource": encode(
            {"prefect.resource.id": resource_id, "prefect.resource.name": name}
        ).decode(),
        "related": "[]",
        "payload": "{}",
        "follows": None,
    }
