"""What becomes of runs whose lease ran out."""

from datetime import UTC, datetime, timedelta

import pytest

from headrace.core.leases import Absence, Verdict, heartbeat_lease, judge, must_be_fenced
from headrace.core.states import StateType

DEFAULTS = {
    "lease_kind": "worker",
    "pool_type": "process",
    "retry_type": None,
    "attempts_left": 0,
    "can_start_again": True,
    "suspended": False,
}


@pytest.mark.parametrize(
    ("state", "facts", "verdict"),
    [
        (StateType.PENDING, {}, Verdict.REQUEUE),
        (StateType.CANCELLING, {}, Verdict.CANCEL),
        (StateType.RUNNING, {}, Verdict.CRASH),
        (StateType.RUNNING, {"attempts_left": 3}, Verdict.CRASH),
        (
            StateType.RUNNING,
            {"attempts_left": 1, "retry_type": "reschedule"},
            Verdict.RESCHEDULE,
        ),
        (StateType.RUNNING, {"attempts_left": 0, "retry_type": "reschedule"}, Verdict.CRASH),
        # Nothing proves that these are dead: another attempt could run beside them.
        (
            StateType.RUNNING,
            {"attempts_left": 1, "retry_type": "reschedule", "pool_type": "kubernetes"},
            Verdict.CRASH,
        ),
        (
            StateType.RUNNING,
            {"attempts_left": 1, "retry_type": "reschedule", "lease_kind": "heartbeat"},
            Verdict.CRASH,
        ),
        (StateType.PAUSED, {}, Verdict.SUSPEND),
        (StateType.PAUSED, {"can_start_again": False}, Verdict.CRASH),
        (StateType.PAUSED, {"suspended": True}, Verdict.LET_GO),
        # A program of the contract may still wait, and would run beside a new process.
        (StateType.PAUSED, {"lease_kind": "heartbeat"}, Verdict.LET_GO),
        (StateType.SCHEDULED, {}, Verdict.LET_GO),
        (None, {}, Verdict.LET_GO),
    ],
)
def test_verdicts(state, facts, verdict):
    assert judge(state, **DEFAULTS | facts) is verdict


def test_a_heartbeat_keeps_a_run_for_three_intervals():
    assert heartbeat_lease(30.0) == 90.0
    assert heartbeat_lease(None) == 540.0  # the first one: the contract's 180 s are assumed
    assert heartbeat_lease(0.01) == 30.0  # two events of one burst
    assert heartbeat_lease(86400.0) == 540.0  # the gap is a pause, not an interval


@pytest.mark.parametrize("state", [None, *StateType])
@pytest.mark.parametrize("retry_type", [None, "in_process", "reschedule"])
def test_whoever_may_be_replaced_is_fenced(state: StateType | None, retry_type: str | None):
    """Wherever the end of a lease starts another process, the first must be dead by then.

    A PENDING run is claimed anew too, but its old process is refused before it runs any of the flow.
    """
    facts = DEFAULTS | {"retry_type": retry_type, "attempts_left": 1}
    verdict = judge(state, **facts)
    policy = None if retry_type is None else f'{{"retry_type": "{retry_type}"}}'
    if verdict in {Verdict.RESCHEDULE, Verdict.SUSPEND}:
        assert must_be_fenced(state, policy)


@pytest.mark.parametrize(
    ("left", "away", "after"),
    [
        (30, 20, 30),  # half a minute was left when it was last looked at: it is left again
        (90, 3600, 60),  # never more than the bound
        (60, 5, 60),
        (90, 5, 85),  # what is longer than the bound is not cut
    ],
)
def test_a_lease_is_prolonged_by_the_absence(left: float, away: float, after: float):
    looked = datetime(2026, 11, 21, tzinfo=UTC)
    now = looked + timedelta(seconds=away)
    expires = looked + timedelta(seconds=left)
    shifted = Absence(looked, now, 60.0).shift(expires)
    assert (shifted - now).total_seconds() == after
