"""Flows and tasks of the contract's SDK, called in Python, against our server."""

from collections import Counter
from typing import Any

import pytest

from tests.interop.contract_client import ContractClient
from tests.interop.served import Served

pytestmark = pytest.mark.timeout(240)

ENDS = {
    "mapped": ("Completed", 30),
    "retried-task": ("Completed", "done"),
    "retried-flow": ("Completed", 2),
    "cached": ("Completed", [40, 40, 40]),
    "failing": ("Failed", "RuntimeError('on purpose')"),
    "failed-state": ("Failed", None),
    "slow-task": ("Completed", "TimedOut"),
    "async": ("Completed", 17),
    "generator": ("Completed", [0, 1, 2]),
    "parent": ("Completed", ["me: 2", "you: 2", 4]),
    "undone": ("Failed", "ValueError('roll back')"),
    "hooked": ("Completed", None),
    "hooked-failing": ("Failed", "ValueError('hook me')"),
}
STATES = {
    "mapped": ["Pending", "Running", "Completed"],
    "retried-flow": ["Pending", "Running", "AwaitingRetry", "Running", "Completed"],
    "failing": ["Pending", "Running", "Failed"],
    "failed-state": ["Pending", "Running", "Failed"],
    "slow-flow": ["Pending", "Running", "TimedOut"],
}


@pytest.fixture(scope="module")
def report(client: ContractClient) -> dict[str, Any]:
    """What `programs/flows.py` did."""
    return client.program("flows")


@pytest.mark.parametrize("name", ENDS)
def test_a_flow_ends_as_its_code_says(report: dict[str, Any], name: str) -> None:
    """The client sees the state and result that the flow's code leads to."""
    assert (report[name]["state"], report[name]["result"]) == ENDS[name]


@pytest.mark.parametrize("name", STATES)
def test_a_flow_runs_states_are_recorded(report: dict[str, Any], served: Served, name: str) -> None:
    """The server has each state once and in order; the run is in the last of them."""
    run = report[name]["run"]
    assert served.states(run) == STATES[name]
    assert served.get(f"/flow_runs/{run}")["state_name"] == STATES[name][-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("retried-task", {("Completed", 3): 1}),
        ("retried-flow", {("Completed", 1): 2}),
        ("cached", {("Completed", 1): 1, ("Cached", 1): 2}),
        ("failing", {("Failed", 1): 1}),
        ("returns-states", {("Failed", 1): 1, ("NotReady", 0): 1}),
        ("slow-task", {("TimedOut", 1): 1}),
        ("mapped", {("Completed", 1): 15}),
        ("undone", {("RolledBack", 1): 1}),
    ],
)
def test_task_runs_are_recorded(
    report: dict[str, Any], served: Served, name: str, expected: dict[tuple[str, int], int]
) -> None:
    """Task runs come as events: each is there, in its last state, with the number of its attempts."""
    found = served.task_runs(report[name]["run"])
    assert Counter((one["state_name"], one["run_count"]) for one in found) == expected


def test_mapped_tasks_have_names_tags_and_inputs(report: dict[str, Any], served: Served) -> None:
    """Names from templates, tags of the task and of its surroundings, and what it was fed with."""
    found = served.task_runs(report["mapped"]["run"])
    doubled = [one for one in found if "numbers" in one["tags"]]
    assert sorted(one["name"] for one in doubled) == [f"double-{i}" for i in range(1, 6)]
    assert all(set(one["tags"]) == {"numbers", "batch"} for one in doubled)
    ids = {one["id"] for one in found}
    assert all(one["task_inputs"]["x"][0]["id"] in ids for one in doubled)
    nested = [one for one in found if "__parents__" in one["task_inputs"]]
    parents = {one["task_inputs"]["__parents__"][0]["id"] for one in nested}
    # The client's threads at times give a task one more parent: the task its input comes from.
    assert parents >= {one["id"] for one in doubled}


def test_logs_and_prints_arrive(report: dict[str, Any], served: Served) -> None:
    """Lines of the run's logger and what the flow prints are kept with the run."""
    run = report["mapped"]["run"]
    lines = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
    told = [(line["level"], line["message"]) for line in lines]
    assert (30, "from the logger") in told
    assert (20, "printed") in told


def test_sub_flows_are_runs_of_their_parents(report: dict[str, Any], served: Served) -> None:
    """A sub-flow, sync or async, is a run of its own, tied to a task run of its parent."""
    parent = report["parent"]["run"]
    holders = served.task_runs(parent)
    body = {"flow_runs": {"parent_flow_run_id": {"any_": [parent]}}}
    children = served.post("/flow_runs/filter", body)
    assert len(children) == 3
    assert {one["parent_task_run_id"] for one in children} == {one["id"] for one in holders}
    assert {one["state_name"] for one in children + holders} == {"Completed"}
    assert {"child-of-me", "child-of-you"} < {one["name"] for one in children}


def test_hooks_and_rollbacks_run(report: dict[str, Any]) -> None:
    """State hooks of flows and tasks are called, and a transaction's roll-back."""
    assert report["hooks"] == [
        *("running:hooked:Running", "task-completion:t:Completed", "completion:hooked:Completed"),
        *("running:hooked:Running", "task-completion:t:Completed", "failure:hooked:Failed"),
    ]
    assert report["ran"]["rolled-back"] == 1
    assert report["ran"]["cached"] == 1


def test_the_runtime_context_tells_the_run(report: dict[str, Any]) -> None:
    """`runtime` inside of a run: its name, flow and id, and the task's name."""
    told = report["runtime"]["result"]
    assert told["id"] == report["runtime"]["run"]
    assert (told["name"], told["flow"], told["parameters"]) == ("told", "runtime", {"x": 3})
    assert (told["task"], told["context"]) == ("inside", "inside")


def test_a_run_tells_that_it_lives(report: dict[str, Any], served: Served) -> None:
    """The client's heartbeats arrive as events of the run, besides the events of its states."""
    run = report["heartbeats"]["run"]
    body = {"filter": {"resource": {"id": [f"prefect.flow-run.{run}"]}}, "limit": 50}
    events = served.post("/events/filter", body)["events"]
    assert {one["event"] for one in events} >= {
        "prefect.flow-run.heartbeat",
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.Completed",
    }
