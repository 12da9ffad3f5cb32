import pytest

from headrace.infrastructure.contract import Phase, Status
from headrace.wire.states import StateType
from headrace.worker.endings import Verdict, conclude, judge
from headrace.worker.leases import must_be_dead_by

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


@pytest.mark.parametrize("state", [*StateType, None])
@pytest.mark.parametrize("cancelling", [True, False])
def test_what_is_said(state: StateType | None, cancelling: bool):
    """A run at rest is left alone; one that claims to run is cancelled if asked, else crashed."""
    proposed = conclude(state, OVER, cancelling=cancelling, stopping="", lines=["a", "b"])
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
