"""The loop that ends pauses which nobody ended in time: the run fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from headrace.core.states import StateType
from headrace.core.times import to_datetime, to_text
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import lateness as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow

_MESSAGE: Final = "The run was paused, and nobody resumed it before the pause's time was over."


class _Details(msgspec.Struct):
    pause_timeout: str | None = None


class _State(msgspec.Struct):
    state_details: _Details = msgspec.field(default_factory=_Details)


_read_state = msgspec.json.Decoder(_State).decode


@dataclass(frozen=True, slots=True)
class PauseExpiryLoop:
    """Fails paused and suspended runs whose `pause_timeout` has passed.

    Args:
        page: Paused runs looked at in one query, and ended in one transaction.
    """

    database: Database
    signals: Signals
    page: int = 100
    name: str = "pause_expirations"
    pace: Pace = Pace(interval=5.0)  # noqa: RUF009 - frozen
    topics: tuple[str, ...] = ()

    async def run_once(self, now: datetime) -> float | None:
        """Go through all paused runs once."""
        after = "00000000-0000-0000-0000-000000000000"
        while True:
            params = {"after": after, "page": self.page}
            rows = await self.database.fetch_all(sql.PAUSED, params)
            over = [run_id for run_id, state in rows if _is_over(state, now)]
            if over:
                text = to_text(now)
                topics = await self.database.transact(lambda tx, ids=over, t=text: _end(tx, ids, t))
                self.signals.publish(*topics)
            if len(rows) < self.page:
                return None
            after = rows[-1][0]


def _is_over(state: str, now: datetime) -> bool:
    timeout = _read_state(state).state_details.pause_timeout
    return timeout is not None and to_datetime(timeout) <= now


def _end(tx: Transaction, run_ids: Sequence[str], now: str) -> tuple[str, ...]:
    topics: dict[str, None] = {}
    for run_id in run_ids:
        row = tx.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
        if row is None:
            continue
        run = FlowRunRow(*row)
        state = run.facts().state
        # Read again: it may have been resumed, and paused once more, since.
        if state is None or state.type is not StateType.PAUSED or not _still_over(state, now):
            continue
        failed = transitions.new_state(StateType.FAILED, timestamp=now, message=_MESSAGE)
        transitions.carry_out(tx, transitions.flow_run(run, failed, now=now))
        topics |= dict.fromkeys(transitions.signals(run))
    return tuple(topics)


def _still_over(state: transitions.State, now: str) -> bool:
    timeout = state.text_detail("pause_timeout")
    return timeout is not None and to_datetime(timeout) <= to_datetime(now)
