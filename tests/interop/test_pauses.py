"""Runs of the contract's SDK that wait for a person, and that talk with each other."""

from typing import Any

import pytest

from tests.interop.contract_client import ContractClient
from tests.interop.served import Served

DATABASE = "postgresql"

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def report(client: ContractClient) -> dict[str, Any]:
    """What `programs/pauses.py` did."""
    return client.program("pauses")


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("approved", {"first": "before", "approved": True, "by": "me", "amounts": [1, 2.5]}),
        ("asked", 7),
        ("plain", "went on"),
        ("listening", ["go", "stop"]),
    ],
)
def test_what_a_person_entered_reaches_the_run(
    report: dict[str, Any], name: str, result: Any
) -> None:
    """Typed forms, plain types, no input at all, and a loop over what is sent."""
    assert (report[name]["state"], report[name]["result"]) == ("Completed", result)


def test_a_paused_runs_states_are_recorded(report: dict[str, Any], served: Served) -> None:
    """Running, paused, running again in the same process."""
    expected = ["Pending", "Running", "Paused", "Resuming", "Running", "Completed"]
    assert served.states(report["approved"]["run"]) in (
        expected,
        [state for state in expected if state != "Resuming"],
    )


def test_an_answer_that_does_not_fit_is_refused(report: dict[str, Any]) -> None:
    """A field is missing, or nothing was entered; the run stays paused."""
    assert len(report["refusals"]) == 2
    assert all("approved" in one or "input" in one for one in report["refusals"])


def test_a_form_is_kept_with_the_run(report: dict[str, Any], served: Served) -> None:
    """The schema, its description and what is filled in beforehand: what a page shows."""
    run = report["approved"]["run"]
    stored = served.post(f"/flow_runs/{run}/input/filter", {"prefix": "paused-1", "limit": 9})
    kinds = {one["key"].removeprefix("paused-1-"): one["value"] for one in stored}
    assert set(kinds) == {"schema", "description", "response"}
    assert kinds["description"] == '"May it **go**?"'


def test_a_pause_that_nobody_ends_fails_the_run(report: dict[str, Any], served: Served) -> None:
    """Whoever finds out first says so, the server or the run."""
    assert report["late"]["state"] == "Failed"
    states = served.states(report["late"]["run"])
    assert (states.count("Paused"), states[-1]) == (1, "Failed")


def test_runs_talk_with_each_other(report: dict[str, Any]) -> None:
    """Input is sent to a run, and its sender is answered."""
    assert report["heard"] == ["heard go", "heard stop", "speaking"]
