"""Our process worker runs what the contract's SDK deployed, where that SDK is installed beside it."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.infrastructure.process.template import TEMPLATE
from tests.interop.contract_client import PROGRAMS, ContractClient
from tests.interop.served import Served, serve
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(240)

FLOWS = ("steps", "failing", "killed", "long", "suspending")


def deploy(client: ContractClient, served: Served, pool: str, *flows: str) -> None:
    """A process pool, and deployments of flows of `programs/deployed.py` in it."""
    template: dict[str, Any] = {key: dict(value) for key, value in TEMPLATE.items()}  # type: ignore[arg-type]
    body = {"name": pool, "type": "process", "base_job_template": template}
    served.post("/work_pools/", body)
    client.run(str(client.python), str(PROGRAMS / "deployed.py"), pool, *flows)


def trigger(served: Served, name: str, *, pool: str = "ours", **body: Any) -> str:
    """A run of a flow's deployment to a pool, now; its id."""
    deployment = served.get(f"/deployments/name/{name}/{pool}")
    run = served.post(f"/deployments/{deployment['id']}/create_flow_run", body)
    return run["id"]


@pytest.fixture(scope="module")
def notes(place: Path) -> Path:
    """Where runs leave notes."""
    directory = place / "notes"
    directory.mkdir()
    return directory


@pytest.fixture(scope="module")
def worker(client: ContractClient, served: Served) -> Iterator[None]:
    """Our worker, in an environment that has both SDKs."""
    deploy(client, served, "ours", *FLOWS)
    program = str(client.python.parent / "headrace")
    settings = {"HEADRACE_API_URL": served.url, "HEADRACE_HOME": str(client.work / "ours")}
    command = (program, "worker", "start", "--pool", "ours", "--name", "both")
    with client.running(*command, **settings):
        yield


def note_of(notes: Path, run: str) -> dict[str, Any]:
    """What a run told."""
    path = notes / f"{run}.json"
    wait_until(path.exists, lambda: f"run {run} left no note")
    return json.loads(path.read_text())


def is_told(served: Served, run: str) -> bool:
    """Whether the server knows of all that a run of `steps` with four parts did."""
    lines = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
    states = [one["state_name"] for one in served.task_runs(run)]
    said = {line["message"] for line in lines}
    return states == ["Completed"] * 4 and said > {"working on 4", "printed 4"}


def test_a_run_is_forked_from_an_interpreter_that_has_the_sdk(
    worker: None, served: Served, notes: Path
) -> None:
    """The flow runs by its own SDK's engine; a second run has the same warm parent."""
    told: list[dict[str, Any]] = []
    for _ in range(2):
        run = trigger(served, "steps", parameters={"place": str(notes), "n": 4})
        served.wait_for_state(run, "Completed")
        assert served.states(run) == ["Scheduled", "Pending", "Running", "Completed"]
        # Tasks and logs are told in batches, the last of them after the run's own end.
        wait_until(lambda run=run: is_told(served, run))
        told.append(note_of(notes, run))
    assert [one["total"] for one in told] == [10, 10]
    assert told[0]["pid"] != told[1]["pid"]
    assert told[0]["parent_pid"] == told[1]["parent_pid"]
    assert "headrace.worker.warm.program" in told[0]["parent"]


def test_a_run_has_the_environment_of_its_job(worker: None, served: Served, notes: Path) -> None:
    """Variables of the run go over the pool's; the contract's `env` reaches the flow."""
    variables = {"env": {"GREETING": "hello"}}
    run = trigger(served, "steps", parameters={"place": str(notes)}, job_variables=variables)
    served.wait_for_state(run, "Completed")
    assert note_of(notes, run)["GREETING"] == "hello"


def test_settings_of_the_runs_directory_are_read(
    worker: None, served: Served, notes: Path, place: Path
) -> None:
    """A directory with settings of that SDK gets an interpreter of its own, which reads them."""
    directory = place / "with settings"
    directory.mkdir()
    (directory / "prefect.toml").write_text('[logging]\nlevel = "ERROR"\n')
    variables = {"working_dir": str(directory)}
    run = trigger(served, "steps", parameters={"place": str(notes)}, job_variables=variables)
    served.wait_for_state(run, "Completed")
    assert "headrace.worker.warm.program" in note_of(notes, run)["parent"]
    assert not served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})


def test_failures_and_deaths_are_told_apart(worker: None, served: Served, notes: Path) -> None:
    """What the flow raises is Failed, by its engine; a killed process is Crashed, by the worker."""
    failed = trigger(served, "failing", parameters={"place": str(notes)})
    killed = trigger(served, "killed", parameters={"place": str(notes)})
    assert "on purpose" in served.wait_for_state(failed, "Failed")["state"]["message"]
    message = served.wait_for_state(killed, "Crashed")["state"]["message"]
    assert "SIGKILL" in message
    assert "my last words" in message


def test_a_cancelled_run_ends(worker: None, served: Served, notes: Path) -> None:
    """Cancelling stops the process within seconds; the run is Cancelled."""
    run = trigger(served, "long", parameters={"place": str(notes)})
    process = note_of(notes, run)["pid"]
    served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    served.wait_for_state(run, "Cancelled")
    wait_until(lambda: not Path(f"/proc/{process}").exists(), lambda: "its process lives on")
    assert (notes / f"{run}.cancelled").read_text() in {"Cancelling", "Cancelled"}


def test_a_suspended_run_goes_on_in_another_process(
    worker: None, served: Served, notes: Path
) -> None:
    """Its process ends; with what a person gives, another one brings it to its end."""
    run = trigger(served, "suspending", parameters={"place": str(notes)})
    state = served.wait_for_state(run, "Suspended")["state"]
    assert state["state_details"]["run_input_keyset"]

    def is_answered() -> bool:
        answer = served.post(f"/flow_runs/{run}/resume", {"run_input": {"value": 42}})
        return answer["status"] == "ACCEPT"

    wait_until(is_answered)  # it tells what it asks for after it has suspended itself
    served.wait_for_state(run, "Completed")
    assert note_of(notes, run)["given"] == 42


def test_without_that_sdk_the_run_says_what_is_missing(
    client: ContractClient, served: Served, notes: Path
) -> None:
    """A worker whose environment lacks the SDK crashes the run at once, and names the remedy."""
    deploy(client, served, "bare", "steps")
    environment = {"HEADRACE_API_URL": served.url, "HEADRACE_HOME": str(client.work / "bare")}
    command = (sys.executable, "-m", "headrace.cli", "worker", "start", "--pool", "bare")
    run = trigger(served, "steps", pool="bare", parameters={"place": str(notes)})
    with client.running(*command, **environment, HOME=os.environ["HOME"]):
        message = served.wait_for_state(run, "Crashed")["state"]["message"]
    assert "prefect SDK, which is not installed" in message


def test_flows_have_deployments_run(
    worker: None, client: ContractClient, served: Served, notes: Path
) -> None:
    """A run of a deployment as a sub-flow has a task run of its parent; one on its own has none."""
    told = client.program("subruns", str(notes))
    assert told["states"] == ["Completed", "Completed"]
    within, alone = (served.get(f"/flow_runs/{told[name]}") for name in ("within", "alone"))
    (holder,) = served.task_runs(told["parent"])
    assert within["parent_task_run_id"] == holder["id"]
    wait_until(lambda: served.get(f"/task_runs/{holder['id']}")["state_name"] == "Completed")
    assert alone["parent_task_run_id"] is None
    assert alone["tags"] == ["alone"]


def test_runs_show_the_workers_key(place: Path, peer_python: Path, notes: Path) -> None:
    """Where the API asks for a key, runs of that SDK have the one that the worker was given."""
    key = "open-sesame-12345"
    database = f"sqlite:///{place / 'locked.db'}"
    with (
        serve(place / "locked", database, HEADRACE_SERVER_API_KEY=key) as locked,
        ContractClient(peer_python, locked.url, place / "locked client") as client,
    ):
        client.cli(
            "work-pool", "create", "ours", "--type", "process", PREFECT_API_AUTH_STRING=f"me:{key}"
        )
        script = str(PROGRAMS / "deployed.py")
        client.run(str(client.python), script, "ours", "steps", PREFECT_API_AUTH_STRING=f"me:{key}")
        program = str(client.python.parent / "headrace")
        settings = {"HEADRACE_API_URL": locked.url, "HEADRACE_HOME": str(client.work / "ours")}
        command = (program, "worker", "start", "--pool", "ours")
        with client.running(*command, **settings, HEADRACE_API_KEY=key):
            parameters = ("-p", f"place={notes}", "-p", "n=7")
            client.cli(
                "deployment",
                "run",
                "steps/ours",
                *parameters,
                "--watch",
                PREFECT_API_AUTH_STRING=f"me:{key}",
            )
    assert any(json.loads(path.read_text()).get("total") == 28 for path in notes.glob("*.json"))


def test_a_run_outlives_its_worker(client: ContractClient, served: Served, notes: Path) -> None:
    """A killed worker's run goes on; the next worker of that name takes it over, and can cancel it."""
    deploy(client, served, "mortal", "long")
    program = str(client.python.parent / "headrace")
    settings = {"HEADRACE_API_URL": served.url, "HEADRACE_HOME": str(client.work / "mortal")}
    command = (program, "worker", "start", "--pool", "mortal", "--name", "phoenix")
    with client.running(*command, **settings) as first:
        run = trigger(served, "long", pool="mortal", parameters={"place": str(notes)})
        process = note_of(notes, run)["pid"]
        first.process.kill()
        first.process.wait()
        with client.running(*command, **settings) as second:
            wait_until(lambda: "takes runs" in second.output)
            assert served.get(f"/flow_runs/{run}")["state_name"] == "Running"
            assert Path(f"/proc/{process}").exists()
            served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
            served.wait_for_state(run, "Cancelled")
            wait_until(lambda: not Path(f"/proc/{process}").exists())
