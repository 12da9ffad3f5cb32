"""Leases: renewing them, and the heartbeats that stand for one.

A lease is columns of its run. A Headrace worker renews all of its leases in one request; a run of a
contract client is kept by the heartbeat events of its process; a run with neither never ends by time.
"""

from dataclasses import dataclass

from headrace.core.leases import heartbeat_lease, must_be_fenced
from headrace.core.states import StateType
from headrace.core.times import later, seconds_between
from headrace.server.services.lease_ends import end_leases
from headrace.server.services.signals import Signals
from headrace.server.store import leases as sql
from headrace.server.store.database import Database, Params, Transaction
from headrace.server.store.facts import FlowRunRow, open_state

_ENDS_BY_ITSELF = frozenset({"COMPLETED", "FAILED"})
"""A run that its own process brought to its end is not lost: the process is about to exit."""

_HAS_PROCESS = frozenset({"PENDING", "RUNNING", "CANCELLING", "PAUSED"})
"""States in which a heartbeat means that a process is there."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of the leases that were held.

    Args:
        lost: Runs that the owner no longer holds.
        cancelling: Runs that are to be cancelled.
        fenced: Runs whose processes must be dead before their leases can be over.
    """

    lost: list[str]
    cancelling: list[str]
    fenced: list[str]


async def give_up(database: Database, signals: Signals, owner: str, over: dict[str, int]) -> None:
    """End leases now: nothing of their attempts runs any more, and they said nothing themselves.

    A run that is running keeps its lease: why it ends is for its holder to say.

    Args:
        database: Where the runs are.
        signals: Told of what becomes of them.
        owner: The holder.
        over: The epoch of each attempt, by run id.
    """
    if over:
        topics = await database.transact(lambda tx: _give_up(tx, owner, over))
        if topics:
            signals.publish(*topics)


def _give_up(tx: Transaction, owner: str, over: dict[str, int]) -> list[str]:
    now = tx.now()
    rows = tx.fetch_all(sql.HELD_RUNS, {"ids": list(over), "owner": owner})
    ours = [row for row in rows if _is_given_up(FlowRunRow(*row[:-1]), over)]
    return end_leases(tx, ours, now, given_up=True)[1]


def _is_given_up(run: FlowRunRow, over: dict[str, int]) -> bool:
    state = open_state(run.state)
    is_running = state is not None and state.type is StateType.RUNNING
    return run.epoch == over[run.id] and not is_running


async def renew(
    database: Database, owner: str, held: dict[str, int], lease_seconds: float
) -> Renewal:
    """Keep all leases of an owner, in one statement.

    Args:
        database: Where the runs are.
        owner: The holder.
        held: The epoch of each run that it believes to hold, by run id.
        lease_seconds: How long they last from now on.
    """
    if not held:
        return Renewal([], [], [])
    return await database.transact(lambda tx: _renew(tx, owner, held, lease_seconds))


def _renew(tx: Transaction, owner: str, held: dict[str, int], lease_seconds: float) -> Renewal:
    found = {row[0]: row[1:] for row in tx.fetch_all(sql.LEASES, {"ids": list(held)})}
    kept: list[str] = []
    lost: list[str] = []
    cancelling: list[str] = []
    fenced: list[str] = []
    for run_id, epoch in held.items():
        newest, state, holder, policy = found.get(run_id, (None, None, None, None))
        if newest == epoch and holder == owner:
            kept.append(run_id)
            if must_be_fenced(state, policy):
                fenced.append(run_id)
            if state == "CANCELLING":
                cancelling.append(run_id)
        elif newest != epoch or state not in _ENDS_BY_ITSELF:
            lost.append(run_id)
    if kept:
        expires = later(tx.now(), lease_seconds)
        tx.execute(sql.RENEW, {"ids": kept, "owner": owner, "expires": expires})
    return Renewal(lost, cancelling, fenced)


class Heartbeats:
    """Collects heartbeats of contract clients; the lease loop writes them down together."""

    def __init__(self) -> None:
        self._latest: dict[str, str] = {}

    def note(self, flow_run_id: str, occurred: str) -> None:
        """A `prefect.flow-run.heartbeat` event of this run occurred then (the store's text)."""
        if occurred > self._latest.get(flow_run_id, ""):
            self._latest[flow_run_id] = occurred

    async def flush(self, database: Database) -> int:
        """Write what was collected since the last time; how many runs that were."""
        latest, self._latest = self._latest, {}
        if not latest:
            return 0
        try:
            return await database.transact(lambda tx: _beat(tx, latest))
        except BaseException:
            self._latest = latest | self._latest
            raise


def _beat(tx: Transaction, latest: dict[str, str]) -> int:
    now = tx.now()
    changes: list[Params] = []
    for run_id, before, kind, state in tx.fetch_all(sql.HEARTBEATS, {"ids": list(latest)}):
        # A Headrace worker answers for its runs; a late heartbeat of a run that ended says nothing.
        if kind == "worker" or state not in _HAS_PROCESS:
            continue
        at = latest[run_id]
        seconds = heartbeat_lease(None if before is None else seconds_between(before, at))
        changes.append(
            {"run": run_id, "at": at, "kind": "heartbeat", "expires": later(now, seconds)}
        )
    if changes:
        tx.execute(sql.BEAT, changes)
    return len(changes)
