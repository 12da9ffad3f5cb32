"""Slots of tags' limits, as a change of a task run's state takes them and gives them back.

A task run that is moved by `set_state` holds a slot of every limited tag it has while it is RUNNING or
CANCELLING. The contract's clients take theirs with a lease of their own before they report RUNNING.
"""

import math
from typing import Final

import msgspec

from headrace.core.concurrency import wait_seconds
from headrace.core.orchestration.facts import Refusal
from headrace.core.states import State, StateType
from headrace.core.times import now_text
from headrace.server.services.concurrency_limits import TAG
from headrace.server.services.concurrency_slots import Holder, Lease, grant, lock_limits
from headrace.server.store import concurrency_limits as sql
from headrace.server.store.concurrency_limits import Limit
from headrace.server.store.database import Database, Transaction, Write
from headrace.server.store.facts import TaskRunRow

_HOLDING: Final = frozenset({StateType.RUNNING, StateType.CANCELLING})
_decode_tags = msgspec.json.Decoder(list[str]).decode


async def limited_tags(database: Database, run: TaskRunRow) -> list[str]:
    """The names of the limits that this task run needs a slot of."""
    names = [TAG + tag for tag in _decode_tags(run.tags)]
    if not names:
        return []
    rows = await database.fetch_few(sql.BY_NAMES, {"names": names, "now": now_text()})
    return [limit.name for limit in (Limit(*row) for row in rows) if limit.active]


class TagSlots:
    """The slots that one task run needs to start, within one transaction.

    Args:
        tx: The transaction; the limits are locked until its end.
        run_id: The task run.
        names: Of its limits.
    """

    def __init__(self, tx: Transaction, run_id: str, names: list[str]) -> None:
        self._tx = tx
        self._run_id = run_id
        limits, self._now = lock_limits(tx, names)
        held = {row[0] for row in tx.fetch_all(sql.HELD, {"holder_id": run_id, "now": self._now})}
        self._wanted = [one for one in limits if one.active and one.id not in held]

    def refusal(self) -> Refusal | None:
        """What keeps the task run from starting now, or for good."""
        for limit in self._wanted:
            if limit.limit <= 0:
                tag = limit.name.removeprefix(TAG)
                return Refusal(f"The limit of tag {tag!r} is 0: no task runs with it.", cancel=True)
        full = [one for one in self._wanted if one.active_slots(self._now) >= one.limit]
        if not full:
            return None
        tags = ", ".join(repr(limit.name.removeprefix(TAG)) for limit in full)
        waits = [
            wait_seconds(1, limit.limit, limit.decay, limit.denied, limit.occupancy)
            for limit in full
        ]
        return Refusal(f"All slots are taken of tag {tags}.", retry_after=math.ceil(max(waits)))

    def take(self) -> None:
        """Hold a slot of each from now on."""
        if self._wanted:
            lease = Lease(None, Holder("task_run", self._run_id))
            grant(self._tx, self._wanted, 1, lease, self._now)


def release_after(run: TaskRunRow, state: State) -> list[Write]:
    """The writes that free a task run's slots where it enters a state that needs none."""
    if state.type in _HOLDING or run.tags == "[]":
        return []
    return [Write(sql.RELEASE_TASK, {"holder_id": run.id})]
