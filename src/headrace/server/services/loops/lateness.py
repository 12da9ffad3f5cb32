"""The loop that marks runs late: due for a while, and nobody took them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.states import LATE, StateType
from headrace.core.times import to_datetime, to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import lateness as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction
from headrace.server.store.facts import FlowRunRow


@dataclass(frozen=True, slots=True)
class LatenessLoop:
    """Moves overdue runs from `Scheduled` to `Late`. They stay what they are otherwise.

    Args:
        after: How long after its time a run is late.
        page: Runs of one transaction: three rows each, some 5 ms together.
        breath: Seconds between two pages, in which others write.
    """

    database: Database
    signals: Signals
    after: timedelta = timedelta(seconds=15)
    page: int = 20
    breath: float = 0.02
    name: str = "late_runs"
    pace: Pace = Pace(interval=5.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Mark a page of runs."""
        first = await self.database.fetch_all(sql.FIRST_SCHEDULED)
        due: str | None = first[0][0]
        if due is None or to_datetime(due) + self.after > now:
            return None
        late_from, text = to_text(now - self.after), to_text(now)
        marked, topics = await self.database.transact(
            lambda tx: _mark(tx, late_from, text, self.page)
        )
        if topics:
            self.signals.publish(*topics)
        return self.breath if marked == self.page else None


def _mark(tx: Transaction, late_from: str, now: str, page: int) -> tuple[int, tuple[str, ...]]:
    rows = tx.fetch_all(sql.LATE, {"late_from": late_from, "page": page})
    topics: dict[str, None] = {}
    for row in rows:
        run = FlowRunRow(*row)
        before = run.facts().state
        details = dict(before.details) if before else {}
        state = transitions.new_state(StateType.SCHEDULED, LATE, timestamp=now, details=details)
        transitions.carry_out(tx, transitions.flow_run(run, state, now=now))
        topics |= dict.fromkeys(transitions.signals(run))
    return len(rows), tuple(topics)
