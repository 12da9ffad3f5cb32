"""What becomes of runs whose lease ran out."""

import pytest

from headrace.core.leases import Verdict, heartbeat_lease, judge
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
