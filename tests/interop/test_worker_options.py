"""The contract's process worker with its options, and its runs cancelled and killed."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import PROGRAMS, CommandLine, ContractClient, Running
from tests.interop.served import Served
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
DATABASE = "postgresql"
QUICK = {"PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_RUNNER_POLL_FREQUENCY": "1"}


@pytest.fixture(scope="module")
def notes(place: Path) -> Path:
    """Where runs leave notes."""
    directory = place / "notes"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def pool(prefect: CommandLine, client: ContractClient, notes: Path) -> str:
    """A process pool with the deployments of `jobs_of_workers.py`."""
    prefect("work-pool", "create", "jobs", "--type", "process")
    script = str(PROGRAMS / "jobs_of_workers.py")
    client.run(str(client.python), script, "jobs", "own", str(notes))
    return "jobs"


@contextlib.contextmanager
def working(client: ContractClient, *options: str) -> Iterator[Running]:
    """A worker of the pool."""
    program = str(client.python.parent / "prefect")
    command = (program, "worker", "start", "--pool", "jobs", *options)
    with client.running(*command, **QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def worker(client: ContractClient, pool: str) -> Iterator[Running]:
    """One that takes two runs at a time, from the queue of the deployments."""
    with working(client, "--name", "two", "--limit", "2", "--work-queue", "own") as running:
        yield running


def trigger(served: Served, name: str, **body: Any) -> str:
    """A run, now unless the body says otherwise; its id."""
    deployment = served.get(f"/deployments/name/{name}/jobs")["id"]
    return served.post(f"/deployments/{deployment}/create_flow_run", body)["id"]


def pid_of(notes: Path, what: str, run: str) -> int:
    """The process of a run, which has begun."""
    path = notes / f"{what}-{run}"
    wait_until(path.exists, lambda: f"{what} {run} did not begin")
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def test_a_queue_that_does_not_exist_is_made(
    client: ContractClient, served: Served, pool: str
) -> None:
    """`--work-queue` names it; `--run-once` ends by itself."""
    options = ("--run-once", "--work-queue", "made-up", "--name", "once", "--prefetch-seconds", "5")
    program = str(client.python.parent / "prefect")
    client.run(program, "worker", "start", "--pool", pool, *options)
    assert served.get(f"/work_pools/{pool}/queues/made-up")["priority"] > 1
    workers = served.post(f"/work_pools/{pool}/workers/filter", {})
    assert [one["name"] for one in workers].count("once") == 1


def test_a_worker_takes_no_more_than_its_limit(
    worker: Running, served: Served, notes: Path, prefect: CommandLine
) -> None:
    """With two slots and three runs one waits; a cancelled run's slot goes to it."""
    runs = [trigger(served, "long") for _ in range(3)]

    def running() -> list[str]:
        return [run for run in runs if served.get(f"/flow_runs/{run}")["state_name"] == "Running"]

    def end(run: str) -> None:
        pid = pid_of(notes, "long", run)
        prefect("flow-run", "cancel", run)
        served.wait_for_state(run, "Cancelled")
        wait_until(lambda: is_gone(pid), lambda: f"process {pid} lives on")

    wait_until(lambda: len(running()) == 2, lambda: worker.output)
    first = running()
    (last,) = set(runs) - set(first)
    assert served.get(f"/flow_runs/{last}")["state_name"] in {"Scheduled", "Late"}
    end(first[0])
    served.wait_for_state(last, "Running")
    for run in (first[1], last):
        end(run)
    assert (notes / f"hook-{last}").read_text() in {"Cancelling", "Cancelled"}


def test_a_run_that_has_not_begun_is_cancelled(
    worker: Running, served: Served, notes: Path, prefect: CommandLine
) -> None:
    """At once, and it never begins."""
    details = {"scheduled_time": "2100-01-01T00:00:00Z"}
    run = trigger(served, "short", state={"type": "SCHEDULED", "state_details": details})
    prefect("flow-run", "cancel", run)
    served.wait_for_state(run, "Cancelled")
    assert not (notes / f"short-{run}").exists()


def test_a_sub_flow_is_cancelled_with_its_parent(
    worker: Running, served: Served, notes: Path, prefect: CommandLine
) -> None:
    """The child's run does not stay behind as running."""
    run = trigger(served, "nested")
    served.wait_for_state(run, "Running")
    of = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
    wait_until(lambda: served.post("/flow_runs/count", of) == 1)
    (child,) = served.post("/flow_runs/filter", of)
    pid = pid_of(notes, "child", child["id"])
    prefect("flow-run", "cancel", run)
    served.wait_for_state(run, "Cancelled")
    wait_until(lambda: is_gone(pid), lambda: f"process {pid} lives on")
    served.wait_for_state(child["id"], "Cancelled", "Cancelling", "Crashed")


def test_a_run_that_dies_is_crashed_and_can_be_retried(
    client: ContractClient, served: Served, pool: str, notes: Path, prefect: CommandLine
) -> None:
    """By itself or by `kill -9` from outside; `flow-run retry` has it run again.

    The worker has no limit: one of the contract that has one ends at such a retry, with any server.
    """
    queue = {"work_queue_name": "free"}
    with working(client, "--name", "free", "--work-queue", "free") as running:
        by_itself, killed = trigger(served, "dies", **queue), trigger(served, "long", **queue)
        os.kill(pid_of(notes, "long", killed), signal.SIGKILL)
        for run in (by_itself, killed):
            served.wait_for_state(run, "Crashed")
        prefect("flow-run", "retry", by_itself)
        wait_until(lambda: served.states(by_itself).count("Crashed") == 2, lambda: running.output)
