"""Limits, pauses, inputs, subscriptions and background tasks of the contract's SDK, against our server."""

from typing import Any

import pytest

from tests.interop.contract_client import PROGRAMS, ContractClient
from tests.interop.served import Served
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)
DATABASE = "postgresql"


@pytest.fixture(scope="module")
def report(client: ContractClient) -> dict[str, Any]:
    """What `programs/features.py` did."""
    return client.program("features")


def test_limits_hold(report: dict[str, Any], served: Served) -> None:
    """One slot lets one task in at a time, by a global limit and by a tag's; all slots are free again."""
    assert report["limited"] == 1
    assert report["tag-limited"] == 1
    narrow = served.get("/v2/concurrency_limits/narrow")
    assert narrow["active_slots"] == 0
    assert served.get("/concurrency_limits/tag/one-at-a-time")["active_slots"] == []


def test_rates_are_kept(report: dict[str, Any]) -> None:
    """Two more passages than there are slots wait a quarter of a second each."""
    assert report["rated"] >= 0.4


def test_a_paused_flow_gets_what_a_person_gives(report: dict[str, Any]) -> None:
    """A flow that waits in its process goes on with typed input."""
    assert report["paused"] == {"ok": True, "note": "fine"}


def test_runs_send_each_other_input(report: dict[str, Any]) -> None:
    """What one run sends the other receives."""
    assert report["heard"] == ["hello"]


def test_subscriptions_bring_what_was_and_what_comes(report: dict[str, Any]) -> None:
    """A subscription to events tells of one before it and one after; one to logs brings a run's lines."""
    assert report["events"] == ["early.bird", "late.bird"]
    assert [one for one in report["logs"] if one.startswith("line ")] == [
        "line 0",
        "line 1",
        "line 2",
    ]


def test_background_tasks_run_elsewhere(client: ContractClient, served: Served) -> None:
    """Tasks that were handed over run once each in the process that serves them; failures are told."""
    program = str(PROGRAMS / "background.py")
    with client.running(str(client.python), program, "serve") as server:
        told = client.program("background")
    assert told["doubled"] == [0, 2, 4, 6, 8]
    assert told["where"] == server.process.pid != told["mine"]
    assert told["failed"] == "Failed"
    found = served.post("/task_runs/filter", {"task_runs": {"id": {"any_": told["runs"]}}})
    counts = sorted((one["state_name"], one["run_count"]) for one in found)
    assert counts == [("Completed", 1)] * 6 + [("Failed", 2)]


def test_background_tasks_wait_for_a_server(client: ContractClient, served: Served) -> None:
    """What is handed over while nobody serves waits, and runs when somebody does."""
    script = str(client.python), str(PROGRAMS / "background.py")
    waiting = {"task_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    report = client.work / "late.json"
    with client.running(*script, REPORT=str(report)):
        wait_until(lambda: served.post("/task_runs/count", waiting) == 7)
        with client.running(*script, "serve"):
            wait_until(report.exists)
    assert served.post("/task_runs/count", waiting) == 0
