"""What becomes of a run whose lease ran out. Pure: facts in, a verdict out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from headrace.core.states import StateType

HEARTBEATS_PER_LEASE = 3
"""Heartbeats that may be missed before a run is taken for dead."""

FIRST_HEARTBEAT_SECONDS = 180.0
"""The interval that is assumed after one heartbeat: the contract's default."""

SHORTEST_HEARTBEAT_SECONDS = 10.0
"""Two events of one burst are not an interval."""

LONGEST_HEARTBEAT_SECONDS = 3600.0
"""A longer gap is a pause or a new attempt, not an interval."""

PROVEN_DEAD = frozenset({"process"})
"""Pool types whose runs end themselves before their lease does: its end proves that they are dead."""


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long leases last.

    Args:
        seconds: A confirmed one: three renewals may fail before a run is given up.
        unconfirmed_seconds: Until its first renewal: what a lost answer can delay a run.
    """

    seconds: float = 60.0
    unconfirmed_seconds: float = 15.0


class Verdict(StrEnum):
    """What to do with a run whose lease ran out."""

    REQUEUE = "requeue"
    """It never started: somebody else takes it."""
    RESCHEDULE = "reschedule"
    """It ran and is proven dead, and its policy asks for another attempt."""
    CRASH = "crash"
    CANCEL = "cancel"
    """It was to be cancelled, and nobody is left who could tell that it is."""
    SUSPEND = "suspend"
    """Its process waited for a person and is gone: whoever resumes the run starts a new one."""
    LET_GO = "let go"
    """Nothing runs that a lease could stand for: only the lease goes."""


def judge(
    state: StateType | None,
    *,
    lease_kind: str | None,
    pool_type: str | None,
    retry_type: str | None,
    attempts_left: int,
    can_start_again: bool,
    suspended: bool,
) -> Verdict:
    """What becomes of a run whose lease ran out.

    Args:
        state: The run's state.
        lease_kind: `worker` or `heartbeat`.
        pool_type: The type of its pool, where it has one.
        retry_type: Its retry policy; `reschedule` lets another process take the next attempt.
        attempts_left: Retries that its policy still allows.
        can_start_again: It has a deployment, so that a new process can be started for it.
        suspended: It is paused, and no process waits.
    """
    if state is StateType.PENDING:
        return Verdict.REQUEUE
    if state is StateType.CANCELLING:
        return Verdict.CANCEL
    if state is StateType.PAUSED and lease_kind == "worker" and not suspended:
        return Verdict.SUSPEND if can_start_again else Verdict.CRASH
    if state is not StateType.RUNNING:
        return Verdict.LET_GO
    is_dead = lease_kind == "worker" and pool_type in PROVEN_DEAD
    if is_dead and retry_type == "reschedule" and attempts_left > 0:
        return Verdict.RESCHEDULE
    return Verdict.CRASH


def must_be_fenced(state: str | None, policy: str | None) -> bool:
    """Whether a run's process must be dead before its lease can be over.

    It must where the end of the lease lets another process have the run (`judge`: reschedule or
    suspend). Elsewhere it may outlive a server that is away: nothing takes its place.

    Args:
        state: The type of the run's state.
        policy: Its retry policy, JSON.
    """
    return state == StateType.PAUSED or '"reschedule"' in (policy or "")


@dataclass(frozen=True, slots=True)
class Absence:
    """What a server that was away owes to leases: nobody could renew them.

    Args:
        looked: When leases were last looked at.
        now: The present moment.
        longest: What a lease may have left at most after it, seconds.
    """

    looked: datetime
    now: datetime
    longest: float

    def shift(self, expires: datetime) -> datetime:
        """When a lease ends that was to end at `expires`: later by the time away, within bounds."""
        shifted = expires + (self.now - self.looked)
        return max(expires, min(shifted, self.now + timedelta(seconds=self.longest)))


def heartbeat_lease(seconds_since_last: float | None) -> float:
    """How many seconds a heartbeat keeps a run: three times the interval that was seen."""
    interval = seconds_since_last
    if interval is None or interval > LONGEST_HEARTBEAT_SECONDS:
        interval = FIRST_HEARTBEAT_SECONDS
    return HEARTBEATS_PER_LEASE * max(SHORTEST_HEARTBEAT_SECONDS, interval)
