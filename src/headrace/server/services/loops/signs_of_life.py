"""The loop that writes signs of life down: workers' heartbeats, polls, runs' heartbeats."""

from dataclasses import dataclass, field
from datetime import datetime

from headrace.server.services.leases import Heartbeats
from headrace.server.services.liveness import FLUSH_SECONDS, Liveness
from headrace.server.services.loops.service import Pace
from headrace.server.store.database import Database


@dataclass(frozen=True, slots=True)
class SignsOfLifeLoop:
    """Flushes what this server was told. Every server runs it."""

    database: Database
    liveness: Liveness
    heartbeats: Heartbeats
    name: str = "signs_of_life"
    pace: Pace = field(default_factory=lambda: Pace(interval=FLUSH_SECONDS))
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:  # noqa: ARG002 - times came with the signs
        """One unit for all workers, queues and deployments, one transaction for all runs."""
        await self.liveness.flush()
        await self.heartbeats.flush(self.database)
        return None
