"""What return values and errors become, and what states give back."""

import pytest

from headrace import states
from headrace.errors import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)
from headrace.results import read_result, write_result
from headrace.settings import temporary_settings
from headrace.states import (
    AwaitingRetry,
    Cancelled,
    Completed,
    Crashed,
    Failed,
    Paused,
    Pending,
    Running,
    State,
    StateType,
    Suspended,
    return_value_to_state,
)


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (3, StateType.COMPLETED),
        (None, StateType.COMPLETED),
        ([], StateType.COMPLETED),
        ([1, Failed()], StateType.COMPLETED),
        (Failed(message="no"), StateType.FAILED),
        (Cancelled(), StateType.CANCELLED),
        ([Completed(), Completed()], StateType.COMPLETED),
        ((Completed(), Failed()), StateType.FAILED),
        ([Completed(), Crashed()], StateType.FAILED),
        ([Completed(), Cancelled(), Failed()], StateType.CANCELLED),
        ([Completed(), Paused()], StateType.PAUSED),
        ([Completed(), Running()], StateType.FAILED),
    ],
)
def test_a_return_value_decides_the_final_state(returned, expected):
    """States count, alone or together; anything else is the result of a completed run."""
    assert return_value_to_state(returned).type is expected


def test_a_failed_group_says_how_many_failed():
    """The message of a judged list counts."""
    assert return_value_to_state([Completed(), Failed(), Failed()]).message == "2/3 states failed."


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (Failed(data=ValueError("mine")), ValueError),
        (Failed(message="told"), FailedRun),
        (Failed(data=[Completed(data=1), Failed(data=KeyError("inner"))]), KeyError),
        (Crashed(), CrashedRun),
        (Cancelled(), CancelledRun),
        (Paused(), PausedRun),
        (Pending(), UnfinishedRun),
        (Completed(), MissingResult),
    ],
)
def test_asking_a_state_without_result_raises_why(state, error):
    """A run's own error is raised as it was; otherwise the kind of state names the error."""
    with pytest.raises(error):
        state.result()


def test_a_failed_state_gives_its_error_when_asked_not_to_raise():
    """`raise_on_failure=False` returns the error."""
    error = ValueError("mine")
    assert Failed(data=error).result(raise_on_failure=False) is error


def test_a_state_reads_a_stored_result(tmp_path):
    """A completed state that only knows where its result lies reads it."""
    with temporary_settings(home=tmp_path):
        stored = write_result("key", {"a": [1, 2]})
    assert State(StateType.COMPLETED, data=stored).result() == {"a": [1, 2]}


def test_a_stored_result_that_is_gone_is_named(tmp_path):
    """The path of the missing file is in the message."""
    with temporary_settings(home=tmp_path):
        stored = write_result("key", 1)
    (tmp_path / "storage" / "key").unlink()
    with pytest.raises(MissingResult, match=str(tmp_path)):
        read_result(stored)


def test_an_expired_result_counts_as_gone(tmp_path):
    """A result is not given out after its time."""
    with temporary_settings(home=tmp_path):
        stored = write_result("key", 1, expiration=1.0)
    with pytest.raises(MissingResult, match="expired"):
        read_result(stored)


def test_names_follow_the_contract():
    """Constructors carry the names that rules and filters look for."""
    assert (AwaitingRetry().name, AwaitingRetry().type) == ("AwaitingRetry", StateType.SCHEDULED)
    assert Suspended().state_details.pause_reschedule is True
    assert Paused(timeout_seconds=5).state_details.pause_timeout is not None
    assert repr(Suspended()) == "Suspended(type=PAUSED)"


def test_a_copy_is_another_state():
    """A fresh copy keeps what the state says and has its own id."""
    first = Failed(message="m", data=ValueError())
    copy = first.fresh_copy(name="TimedOut")
    assert copy.id != first.id
    assert (copy.type, copy.name, copy.message, copy.value) == (
        StateType.FAILED,
        "TimedOut",
        "m",
        first.value,
    )


def test_every_public_constructor_of_the_contract_exists():
    """The names that users import."""
    for name in (
        "Scheduled",
        "Late",
        "Retrying",
        "Submitting",
        "InfrastructurePending",
        "Cancelling",
    ):
        assert getattr(states, name)().name == name
