"""Taking due runs: one short transaction that picks, admits, moves to PENDING and leases.

Everything here runs in the database's own thread, inside `Database.transact`; nothing waits for
anything but SQL. `services.claims` decides when to call it.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from headrace.core.admission import Blocked, Resource, ResourceKind, Slots
from headrace.core.states import StateType
from headrace.core.times import later
from headrace.errors import StaleWrite
from headrace.server.services.admission import Candidate, count
from headrace.server.store import claims as sql
from headrace.server.store import transitions
from headrace.server.store.database import Params, Statement, Transaction, Write
from headrace.server.store.facts import FlowRunRow

MAX_BATCH = 25
"""Runs of one transaction, so that it stays at about 5 ms: each takes three rows and 0.2 ms. A worker
with more room claims again."""

_NO_DEPLOYMENT = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Demand:
    """Who wants runs, and how many.

    Args:
        claim_id: Made by the caller; asking again with it gives the same runs.
        owner: Who will hold the leases.
        limit: Free capacity, runs.
        prefetch: Seconds ahead of their due time that runs may be taken.
    """

    claim_id: str
    owner: str
    limit: int
    prefetch: float = 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue or a served deployment as the source of due runs.

    Args:
        resources: What limits the whole lane, known before its runs are read.
        due: When its first run is due, as text.
        room: How many more runs the look found room for; None for any number.
    """

    kind: ResourceKind
    id: str
    resources: tuple[Resource, ...]
    due: str | None
    room: int | None

    @property
    def name(self) -> str:
        """The queue's or deployment's name."""
        return self.resources[-1].name

    @property
    def is_open(self) -> bool:
        """Whether the look found room in it."""
        return self.room is None or self.room > 0


@dataclass(frozen=True, slots=True)
class Grant:
    """A run whose lease was given away."""

    run_id: str
    epoch: int
    expires: str


@dataclass(slots=True)
class Harvest:
    """What one transaction did."""

    grants: list[Grant] = field(default_factory=list[Grant])
    topics: list[str] = field(default_factory=list[str])


def take(tx: Transaction, demand: Demand, lanes: Sequence[Lane], lease_seconds: float) -> Harvest:
    """Give `demand` the runs that are due, in the order of the lanes, as far as limits allow."""
    held = tx.fetch_all(sql.HELD_BY_CLAIM, {"claim": demand.claim_id, "owner": demand.owner})
    if held:
        expires = later(tx.now(), lease_seconds)
        tx.execute(sql.EXTEND, {"ids": [run_id for run_id, _ in held], "expires": expires})
        return Harvest([Grant(run_id, epoch, expires) for run_id, epoch in held])
    picking = _Picking(tx, demand, lease_seconds)
    picking.count([r for lane in lanes for r in lane.resources])
    for lane in lanes:
        if picking.wanted <= 0:
            break
        picking.draw(lane)
    return picking.harvest


class _Picking:
    """One claim being filled."""

    def __init__(self, tx: Transaction, demand: Demand, lease_seconds: float) -> None:
        self.slots = Slots({})
        self.harvest = Harvest()
        self.wanted = min(demand.limit, MAX_BATCH)
        self._tx = tx
        self._demand = demand
        self._lease_seconds = lease_seconds
        self._now = ""

    def count(self, resources: Sequence[Resource]) -> None:
        """Count the slots of what is limited; what is granted then is granted at that moment."""
        if count(self._tx, self.slots, resources) or not self._now:
            self._now = self._tx.now()

    def draw(self, lane: Lane) -> None:
        """Take from one lane until the claim is filled, the lane is empty or its limit is reached."""
        statement = sql.DUE_IN_QUEUE
        if lane.kind is ResourceKind.DEPLOYMENT:
            statement = sql.DUE_OF_DEPLOYMENT
        full: set[str] = set()
        while self.wanted > 0:
            page = self._read(statement, lane, full)
            self.count([r for run in page for r in run.resources()])
            size, closed = self.wanted, self._admit(page, full)
            if closed or len(page) < size:
                return

    def _read(self, statement: Statement, lane: Lane, full: set[str]) -> list[Candidate]:
        rows = self._tx.fetch_all(
            statement,
            {
                "owner": lane.id,
                "horizon": later(self._now, self._demand.prefetch),
                "page": self.wanted,
                "full": sorted(full) or [_NO_DEPLOYMENT],
            },
        )
        return [Candidate.of_row(row) for row in rows]

    def _admit(self, page: Sequence[Candidate], full: set[str]) -> bool:
        """Admit a page; True when the lane has nothing more to give."""
        writes: list[Write] = []
        reasons: list[Params] = []
        closed = False
        for candidate in page:
            verdict = self.slots.admit(candidate.resources())
            if not isinstance(verdict, Blocked):
                writes += self._grant(candidate)
            elif verdict.cancel:
                writes += self._cancel(candidate, verdict)
            else:
                reasons += _tell(candidate, verdict)
                closed = closed or verdict.resource.kind is not ResourceKind.DEPLOYMENT
                full |= {candidate.run.deployment_id or _NO_DEPLOYMENT}
        carry_out_together(self._tx, writes)
        for reason in reasons:
            self._tx.execute(sql.TELL_REASON, reason)
        return closed

    def _grant(self, candidate: Candidate) -> list[Write]:
        run, expires = candidate.run, later(self._now, self._lease_seconds)
        state = transitions.new_state(
            StateType.PENDING, timestamp=self._now, details={"scheduled_time": candidate.due}
        )
        lease = transitions.Lease(
            owner=self._demand.owner,
            kind="worker",
            expires=expires,
            claim_id=self._demand.claim_id,
            epoch=run.epoch + 1,
        )
        self.wanted -= 1
        self.harvest.grants.append(Grant(run.id, lease.epoch, expires))
        # Others who wait for the queue learn nothing from it: no slot and no run came free.
        self.harvest.topics += (f"run:{run.id}", "events")
        return transitions.flow_run(run, state, now=self._now, lease=lease)

    def _cancel(self, candidate: Candidate, verdict: Blocked) -> list[Write]:
        state = transitions.new_state(
            StateType.CANCELLED, timestamp=self._now, message=verdict.sentence
        )
        self.harvest.topics += transitions.signals(candidate.run)
        return transitions.flow_run(candidate.run, state, now=self._now)


def reason_json(verdict: Blocked) -> str:
    """The wait reason as it is stored: what does not change with every run that ends."""
    resource = verdict.resource
    return msgspec.json.encode(
        {"kind": verdict.kind, "id": resource.id, "name": resource.name, "limit": resource.limit}
    ).decode()


def _tell(candidate: Candidate, verdict: Blocked) -> list[Params]:
    """The write of a wait reason, where it is news."""
    reason = reason_json(verdict)
    return [] if reason == candidate.wait_reason else [{"run": candidate.run.id, "reason": reason}]


def carry_out_together(tx: Transaction, writes: Iterable[Write]) -> None:
    """Execute the writes of many changes, with few round trips.

    Those that expect a number of rows come first, one by one; the others as one `executemany` a
    statement. Raises `StaleWrite` if a run was changed by someone else.
    """
    rest: defaultdict[Statement, list[Params]] = defaultdict(list)
    for write in writes:
        if write.expect is None and not isinstance(write.params, Sequence):
            rest[write.statement].append(write.params)
        elif tx.execute(write.statement, write.params) != write.expect:
            raise StaleWrite("A run was changed while it was claimed; claim again.")
    for statement, sets in rest.items():
        tx.execute(statement, sets)


def requeue(row: FlowRunRow, now: str, reason: str) -> list[Write]:
    """The writes that put a run that did not start back into its queue.

    It keeps its place: it is due since it was first meant to start. Its epoch goes up at once: what
    the lost attempt still says, a RUNNING that was on its way included, is refused.
    """
    state = transitions.new_state(
        StateType.SCHEDULED,
        timestamp=now,
        message=reason,
        details={"scheduled_time": row.expected_start_time or now},
    )
    return transitions.flow_run(row, state, now=now, lease=transitions.taken_away(row))
