from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from headrace.infrastructure.contract import Phase, Status
from headrace.wire.flow_runs import FlowRunPolicy, FlowRunResponse
from headrace.wire.states import StateType
from headrace.worker.endings import Verdict, conclude, judge
from headrace.worker.leases import must_be_dead_by

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OVER = Status(Phase.EXITED, code=1, reason="exited with code 1", proven=True)
NEVER = Status(Phase.EXITED, reason="not started", proven=True, never_ran=True)
TOLD = Status(Phase.EXITED, code=86, proven=True, reported=True)


@pytest.mark.parametrize(
    ("status", "lost", "cancelling", "verdict"),
    [
        (OVER, False, False, Verdict.ASK),
        (OVER, True, False, Verdict.NOTHING),
        (TOLD, False, True, Verdict.NOTHING),
        (NEVER, False, False, Verdict.RELEASE),
        (NEVER, False, True, Verdict.ASK),
        (NEVER, True, True, Verdict.NOTHING),
    ],
)
def test_who_is_spoken_for(status: Status, lost: bool, cancelling: bool, verdict: Verdict):
    """Only attempts of ours that said nothing themselves; those that never ran go back."""
    assert judge(status, lost=lost, cancelling=cancelling) is verdict


def run_in(state: StateType, policy: FlowRunPolicy | None = None, attempts: int = 1):
    return FlowRunResponse(
        id=uuid4(),
        flow_id=uuid4(),
        created=NOW,
        updated=NOW,
        state_type=state,
        run_count=attempts,
        empirical_policy=policy or FlowRunPolicy(),
    )


def concluded(run: FlowRunResponse | None, *, cancelling: bool = False, status: Status = OVER):
    return conclude(run, status, cancelling=cancelling, stopping="", lines=["a", "b"], now=NOW)


@pytest.mark.parametrize(
    ("retry_type", "retries", "attempts", "proven", "expected"),
    [
        ("reschedule", 1, 1, True, StateType.SCHEDULED),
        ("reschedule", 1, 2, True, StateType.CRASHED),
        ("reschedule", 1, 1, False, StateType.CRASHED),
        ("in_process", 1, 1, True, StateType.CRASHED),
        (None, 1, 1, True, StateType.CRASHED),
    ],
)
def test_it_runs_again_only_by_policy_and_when_the_old_attempt_is_proven_dead(
    retry_type, retries: int, attempts: int, proven: bool, expected: StateType
):
    policy = FlowRunPolicy(retry_type=retry_type, retries=retries)
    status = replace(OVER, proven=proven)
    proposed = concluded(run_in(StateType.RUNNING, policy, attempts), status=status)
    assert proposed is not None
    assert proposed.type is expected


@pytest.mark.parametrize("state", [*StateType, None])
@pytest.mark.parametrize("cancelling", [True, False])
def test_what_is_said(state: StateType | None, cancelling: bool):
    """A run at rest is left alone; one that claims to run is cancelled if asked, else crashed."""
    run = None if state is None else run_in(state)
    proposed = concluded(run, cancelling=cancelling)
    live = {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}
    if state not in live:
        assert proposed is None
    elif cancelling or state is StateType.CANCELLING:
        assert proposed is not None
        assert proposed.type is StateType.CANCELLED
    else:
        assert proposed is not None
        assert proposed.type is StateType.CRASHED
        assert proposed.message == (
            "The run's process exited with code 1. Its last lines were:\n    a\n    b"
        )


def test_a_process_ends_before_its_lease_by_a_tenth_and_no_less_than_a_second():
    assert must_be_dead_by(100.0, 60.0) == pytest.approx(154.0)
    assert must_be_dead_by(100.0, 4.0) == pytest.approx(103.0)
