"""`prefect deploy` of a project file, and the contract's own process worker on our server."""

import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import PROGRAMS, CommandLine, ContractClient, Running
from tests.interop.served import Served
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def project(place: Path) -> Path:
    """A copy of `programs/project`."""
    return Path(shutil.copytree(PROGRAMS / "project", place / "project"))


@pytest.fixture(scope="module")
def deployed(client: ContractClient, served: Served, project: Path) -> Iterator[CommandLine]:
    """The command, after it deployed the project."""
    command = CommandLine(client, cwd=project, PROJECT=str(project))
    command("work-pool", "create", "contract", "--type", "process")
    command("deploy", "--all", "--no-prompt")
    yield command
    command.close()


@pytest.fixture(scope="module")
def worker(client: ContractClient, deployed: CommandLine, served: Served) -> Iterator[Running]:
    """The contract's worker, which polls each second."""
    program = str(client.python.parent / "prefect")
    command = (program, "worker", "start", "--pool", "contract", "--name", "theirs")
    with client.running(*command, PREFECT_WORKER_QUERY_SECONDS="1") as running:

        def is_online() -> bool:
            found = served.post("/work_pools/contract/workers/filter", {})
            return any(one["status"] == "ONLINE" for one in found)

        wait_until(is_online, lambda: running.output)
        yield running


def trigger(served: Served, name: str, **body: Any) -> str:
    """A run of a deployment, now; its id."""
    deployment = served.get(f"/deployments/name/{name}/{name}")["id"]
    return served.post(f"/deployments/{deployment}/create_flow_run", body)["id"]


def test_a_project_file_is_deployed(deployed: CommandLine, served: Served) -> None:
    """All of its fields arrive; deployed again, nothing is there twice."""
    deployed("deploy", "--all", "--no-prompt")
    assert served.post("/deployments/count", {}) == 3
    found = served.get("/deployments/name/squares/squares")
    assert (found["version"], found["description"]) == ("1.2", "Adds up squares")
    assert (found["tags"], found["parameters"]) == (["sums"], {"n": 4})
    assert found["job_variables"] == {"env": {"A": "1"}}
    assert found["global_concurrency_limit"]["limit"] == 3
    assert found["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    schedules = {key: one for one in found["schedules"] for key in one["schedule"]}
    assert (schedules["cron"]["slug"], schedules["cron"]["parameters"]) == ("work-days", {"n": 5})
    assert [schedules[kind]["active"] for kind in ("cron", "interval", "rrule")] == [
        True,
        False,
        True,
    ]
    assert served.get("/deployments/name/caller/caller")["work_queue_name"] == "calls"


def test_a_deployed_flow_can_be_inspected(deployed: CommandLine) -> None:
    """The command shows a deployment with what belongs to it."""
    assert deployed.json("deployment", "inspect", "squares/squares")["version"] == "1.2"


def test_the_worker_runs_a_deployment(worker: Running, served: Served, project: Path) -> None:
    """Each state once; parameters, variables, logs and task runs as the flow has them."""
    run = trigger(served, "squares", parameters={"n": 5})
    served.wait_for_state(run, "Completed")
    states = ["Scheduled", "Pending", "Submitting", "Running", "Completed"]
    assert served.states(run) == states
    assert (project / f"squares-{run}").read_text() == "30"

    def told() -> list[str]:
        lines = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return [line["message"] for line in lines if line["message"].startswith("pid")]

    wait_until(lambda: bool(told()))
    assert told()[0].endswith("squares, A=1, total 30")
    assert len(served.task_runs(run)) == 5
    found = served.get(f"/flow_runs/{run}")
    assert found["infrastructure_pid"]


def test_a_suspended_run_is_resumed_in_a_new_process(
    worker: Running, deployed: CommandLine, served: Served, project: Path
) -> None:
    """Its process ends; answered, the worker starts another, which goes on after what was done."""
    run = trigger(served, "suspended")
    served.wait_for_state(run, "Suspended")

    def answer() -> bool:
        """Refused until the run has stored what it asks, which it does after it is suspended."""
        body = {"run_input": {"size": 4}}
        return served.post(f"/flow_runs/{run}/resume", body)["status"] == "ACCEPT"

    wait_until(answer)
    served.wait_for_state(run, "Completed")
    _, total = (project / f"suspended-{run}").read_text().split()
    assert total == "13"
    states = served.states(run)
    assert (states.count("Suspended"), states.count("Running")) == (1, 2)
    assert [one["state_name"] for one in served.task_runs(run)][-1] in {"Completed", "Cached"}


def test_a_flow_runs_a_deployment(worker: Running, served: Served) -> None:
    """As a sub-flow, which it waits for, and as a run of its own, which it does not."""
    run = trigger(served, "caller")
    served.wait_for_state(run, "Completed")
    wanted = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
    (child,) = served.post("/flow_runs/filter", wanted)
    assert (child["state_name"], child["parameters"]) == ("Completed", {"n": 2})
    (alone,) = served.post("/flow_runs/filter", {"flow_runs": {"tags": {"all_": ["alone"]}}})
    assert alone["parent_task_run_id"] is None
    served.wait_for_state(alone["id"], "Completed")


def test_a_waiting_worker_is_held_until_there_is_work(worker: Running, served: Served) -> None:
    """Its polls are answered when a run is due; a preview is answered at once."""
    path = "/work_pools/{name}/get_scheduled_flow_runs"

    def held() -> int:
        below, every = polls(served, path)
        return every - below

    wait_until(lambda: held() > 0)
    begin = time.monotonic()
    served.post("/work_pools/contract/get_scheduled_flow_runs", {})
    assert time.monotonic() - begin < 5


def test_one_worker_run_ends_by_itself(deployed: CommandLine, served: Served) -> None:
    """`--run-once` with nothing to do is not held up; with a run, it runs it."""
    once = ("worker", "start", "--pool", "other", "--run-once")
    deployed("work-pool", "create", "other", "--type", "process")
    deployed(*once, "--name", "once")
    found = served.post("/work_pools/other/workers/filter", {})
    assert [one["name"] for one in found] == ["once"]


def test_the_worker_uses_its_channel(worker: Running, served: Served) -> None:
    """It is connected by WebSocket and complains of nothing."""
    assert "Traceback" not in worker.output
    assert "ERROR" not in worker.output


def polls(served: Served, path: str) -> tuple[int, int]:
    """How many polls were answered within a second, and how many in all."""
    root = served.url.removesuffix("/api")
    with urllib.request.urlopen(f"{root}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    labels = f'method="POST",path="{path}"'
    fast = re.search(rf'seconds_bucket{{{re.escape(labels)},le="1.0"}} (\d+)', text)
    every = re.search(rf"seconds_count{{{re.escape(labels)}}} (\d+)", text)
    return int(fast[1]) if fast else 0, int(every[1]) if every else 0
