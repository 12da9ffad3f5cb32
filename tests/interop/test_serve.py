"""Flows that the contract's SDK serves: registered, run as their runs are due, stopped."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.interop.contract_client import PROGRAMS, ContractClient, Running
from tests.interop.served import Served
from tests.waiting import wait_until

DATABASE = "postgresql"

pytestmark = pytest.mark.timeout(240)


@contextlib.contextmanager
def serving_as(name: str, client: ContractClient, served: Served) -> Iterator[Running]:
    """The program `serving.py`, once its deployments are there. It asks for runs each second."""
    command = (str(client.python), str(PROGRAMS / "serving.py"), name)
    with client.running(*command, PREFECT_RUNNER_POLL_FREQUENCY="1") as running:
        wanted = {"deployments": {"name": {"any_": [name]}}}
        wait_until(lambda: served.post("/deployments/count", wanted) == 2, lambda: running.output)
        yield running


@pytest.fixture(scope="module")
def serving(client: ContractClient, served: Served) -> Iterator[Running]:
    """Two deployments named `served`."""
    with serving_as("served", client, served) as running:
        yield running


def deployment(served: Served, name: str) -> dict[str, Any]:
    return served.get(f"/deployments/name/{name}/served")


def trigger(served: Served, name: str) -> str:
    """A run, now; its id."""
    return served.post(f"/deployments/{deployment(served, name)['id']}/create_flow_run", {})["id"]


def test_they_are_registered(serving: Running, served: Served) -> None:
    """With entrypoint, schedule and tags, and without a pool; the schedule's runs are planned."""
    found = deployment(served, "steps")
    assert found["work_pool_name"] is None
    assert found["entrypoint"].endswith("serving.py:steps")
    assert (found["tags"], found["parameters"]) == (["here"], {"n": 2})
    wanted = {"deployments": {"id": {"any_": [found["id"]]}}}

    def is_planned() -> bool:
        return any(run["auto_scheduled"] for run in served.post("/flow_runs/filter", wanted))

    wait_until(is_planned)


def test_runs_are_picked_up(serving: Running, served: Served, client: ContractClient) -> None:
    """Each run has a process of its own, at the same time as others."""
    runs = [trigger(served, "steps") for _ in range(3)]
    for run in runs:
        served.wait_for_state(run, "Completed")
        assert served.states(run) == [
            *("Scheduled", "Pending", "Submitting", "Running", "Completed")
        ]
    notes = [(client.work / f"steps-{run}").read_text().split() for run in runs]
    assert [result for _, result in notes] == ["2", "2", "2"]
    assert len({pid for pid, _ in notes}) == 3
    wait_until(lambda: deployment(served, "steps")["status"] == "READY")


def test_a_run_is_cancelled(serving: Running, served: Served, client: ContractClient) -> None:
    """Its process is ended by the program that started it."""
    run = trigger(served, "endless")
    note = client.work / f"endless-{run}"
    wait_until(lambda: note.exists() and note.read_text() != "", lambda: serving.output)
    cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
    served.post(f"/flow_runs/{run}/set_state", cancelling)
    served.wait_for_state(run, "Cancelled")
    pid = int(note.read_text())
    wait_until(lambda: not is_alive(pid), lambda: f"process {pid} still runs")


def test_it_stops_when_asked_to(client: ContractClient, served: Served) -> None:
    """SIGINT ends it; its schedules are paused."""

    def is_served() -> bool:
        return served.get("/deployments/name/steps/stopped")["status"] == "READY"

    with serving_as("stopped", client, served) as running:
        wait_until(is_served, lambda: running.output)
        running.process.send_signal(signal.SIGINT)
        running.process.wait(30)
        assert served.get("/deployments/name/steps/stopped")["paused"] is True


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
