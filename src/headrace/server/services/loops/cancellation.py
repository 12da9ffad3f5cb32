"""The loop that closes what a run that is over left open, and ends cancellations that hang."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from headrace.core.states import LIVE, State, StateType
from headrace.core.times import later, to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import cancellations as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction
from headrace.server.store.facts import FlowRunRow, TaskRunRow

_OF_PARENT: Final = "The flow run that it belongs to was cancelled."
_LOST: Final = (
    "The flow run that it belongs to ended ({}) and nothing was heard of how this one did."
)
_LEAST_SECONDS: Final = 1e-6  # after the last state that was heard of
_STUCK: Final = "Nobody confirmed the cancellation within {:.0f} s, so it counts as done."


@dataclass(frozen=True, slots=True)
class CancellationLoop:
    """Ends the task runs and sub-flows of runs that are over, and cancellations that hang.

    Of a cancelled run, they are cancelled; a sub-flow with a process of its own is asked to stop
    (Cancelling). Of a run that ended otherwise, they are crashed as of when they were last heard of,
    so that a report which was kept on a disk and comes later still counts; a sub-flow with a process
    of its own goes on.

    Args:
        patience: How long a run may be Cancelling where no lease will end it.
        settle: How long after a run's end its last reports may take to come.
        reach: How long after a run's end its leftovers are looked for.
        page: Runs of one transaction: three rows each.
    """

    database: Database
    signals: Signals
    patience: timedelta = timedelta(seconds=300)
    settle: timedelta = timedelta(seconds=60)
    reach: timedelta = timedelta(hours=3)
    page: int = 100
    name: str = "cancellation_cleanup"
    pace: Pace = Pace(interval=20.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Close a page of each."""
        since = {
            "since": to_text(now - self.reach),
            "settled": to_text(now - self.settle),
            "page": self.page,
        }
        stuck = {"stuck_since": to_text(now - self.patience), "page": self.page}
        reads = (
            await self.database.fetch_all(sql.OPEN_SUB_FLOWS, since),
            await self.database.fetch_all(sql.OPEN_TASK_RUNS, since),
            await self.database.fetch_all(sql.STUCK, stuck),
        )
        if not any(reads):
            return None
        text = to_text(now)

        def work(tx: Transaction) -> tuple[str, ...]:
            topics: dict[str, None] = {}
            for row in tx.fetch_all(sql.OPEN_SUB_FLOWS, since):
                run, parent = FlowRunRow(*row[:-1]), StateType(row[-1])
                topics |= dict.fromkeys(_end_sub_flow(tx, run, parent, text))
            for row in tx.fetch_all(sql.OPEN_TASK_RUNS, since):
                _end_task_run(tx, TaskRunRow(*row), text)
            for row in tx.fetch_all(sql.STUCK, stuck):
                message = _STUCK.format(self.patience.total_seconds())
                topics |= dict.fromkeys(_cancel(tx, FlowRunRow(*row), text, message))
            return ("events", *topics)

        self.signals.publish(*await self.database.transact(work))
        return 0 if any(len(rows) == self.page for rows in reads) else None


def _end_sub_flow(tx: Transaction, run: FlowRunRow, parent: StateType, now: str) -> tuple[str, ...]:
    state = run.facts().state
    if parent is not StateType.CANCELLED:
        crashed = _lost(state, parent, now)
        transitions.carry_out(tx, transitions.flow_run(run, crashed, now=now))
        return transitions.signals(run)
    own_process = run.lease_owner is not None or run.deployment_id is not None
    if own_process and state is not None and state.type in LIVE:
        ending = transitions.new_state(StateType.CANCELLING, timestamp=now, message=_OF_PARENT)
        transitions.carry_out(tx, transitions.flow_run(run, ending, now=now))
        return transitions.signals(run)
    return _cancel(tx, run, now, _OF_PARENT)


def _lost(state: State | None, parent: StateType, now: str) -> State:
    """Crashed, as of when it was last heard of."""
    heard = now if state is None else later(state.timestamp, _LEAST_SECONDS)
    message = _LOST.format(parent.capitalize())
    return transitions.new_state(StateType.CRASHED, timestamp=heard, message=message)


def _cancel(tx: Transaction, run: FlowRunRow, now: str, message: str) -> tuple[str, ...]:
    state = transitions.new_state(StateType.CANCELLED, timestamp=now, message=message)
    transitions.carry_out(tx, transitions.flow_run(run, state, now=now))
    return transitions.signals(run)


def _end_task_run(tx: Transaction, run: TaskRunRow, now: str) -> None:
    parent = StateType(run.flow_run_state_type) if run.flow_run_state_type else None
    if parent is None or parent is StateType.CANCELLED:
        state = transitions.new_state(StateType.CANCELLED, timestamp=now, message=_OF_PARENT)
    else:
        state = _lost(run.facts().state, parent, now)
    transitions.carry_out(tx, transitions.task_run(run, state, now=now))
