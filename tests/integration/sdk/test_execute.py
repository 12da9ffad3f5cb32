"""The process of a run: started with a run's id, it loads the flow and reports how it went."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from bench.kills.links import start_gate
from bench.sides import stop

FLOWS = Path(__file__).parent / "flows_on_disk"
DEADLINE = 30.0  # seconds for anything a test waits for


class Runs:
    """Deployments of the flows in `steps.py`, and processes that execute their runs."""

    def __init__(self, api, home: Path, code: Path) -> None:
        self.api = api
        self.home = home
        self.code = code
        self.processes: list[subprocess.Popen[bytes]] = []

    def create(self, entrypoint: str, parameters=None, **deployment) -> str:
        flow_id = self.api.server.post("/flows/", {"name": "steps"}).json["id"]
        body = {
            "name": f"d-{time.monotonic_ns()}",
            "flow_id": flow_id,
            "entrypoint": entrypoint,
            "path": str(self.code),
            "enforce_parameter_schema": False,
        } | deployment
        deployed = self.api.server.post("/deployments/", body).json["id"]
        created = self.api.server.post(
            f"/deployments/{deployed}/create_flow_run",
            {"parameters": parameters or {}, "state": {"type": "PENDING"}},
        )
        assert created.status == 201, created.body
        return created.json["id"]

    def start(
        self, run_id: str, epoch: int | None = None, url: str = "", **more: str
    ) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "HEADRACE__FLOW_RUN_ID": run_id,
            "HEADRACE_API_URL": url or self.api.url,
            "HEADRACE_HOME": str(self.home),
            **more,
        }
        if epoch is not None:
            environment["HEADRACE__FLOW_RUN_EPOCH"] = str(epoch)
        process = subprocess.Popen(
            [sys.executable, "-m", "headrace.engine.execute"], env=environment
        )
        self.processes.append(process)
        return process

    def execute(self, run_id: str) -> int:
        return self.start(run_id).wait(DEADLINE)

    def await_state(self, run_id: str, name: str) -> dict:
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            run = self.api.flow_run(run_id)
            if run["state_name"] == name:
                return run
            time.sleep(0.02)
        raise AssertionError(run["state"])

    def notes(self) -> list[str]:
        path = self.code / "notes.txt"
        return path.read_text().splitlines() if path.exists() else []

    def await_note(self, text: str) -> None:
        deadline = time.monotonic() + DEADLINE
        while text not in self.notes():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def runs(api, tmp_path: Path) -> Iterator[Runs]:
    code = tmp_path / "code"
    shutil.copytree(FLOWS, code)
    runs = Runs(api, tmp_path / "home", code)
    yield runs
    for process in runs.processes:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_run_is_executed_where_its_code_is(runs):
    """The working directory is the deployment's path; retries and the run's name reach the server."""
    run_id = runs.create("steps.py:flaky", {"value": 7})
    assert runs.execute(run_id) == 0
    run = runs.api.flow_run(run_id)
    assert (run["state_name"], run["run_count"], run["name"]) == ("Completed", 2, "try-7")
    steps = [line for line in runs.notes() if line.startswith("step")]
    assert steps == ["step 7"]  # the second attempt uses the stored result of the first
    assert runs.notes()[-1].startswith("attempt 2 of d-")


def test_a_suspended_run_goes_on_in_a_new_process(runs):
    """The finished task is not run again, and the answer is there."""
    run_id = runs.create("steps.py:approve", {"value": 5})
    assert runs.execute(run_id) == 0
    assert runs.await_state(run_id, "Suspended")["state_type"] == "PAUSED"
    resumed = runs.api.server.post(f"/flow_runs/{run_id}/resume", {"run_input": {"value": 9}})
    assert resumed.json["status"] == "ACCEPT"
    runs.api.server.post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "PENDING"}})
    assert runs.execute(run_id) == 0
    assert runs.await_state(run_id, "Completed")
    assert runs.notes() == ["step 5", "answer 5 9"]


def test_a_claimed_run_outlasts_a_server_that_is_away_before_it_begins(runs):
    """Its container was started, and the server died: it begins when the server is back."""
    run_id = runs.create("steps.py:flaky", {"value": 3})
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.settimeout(2 * DEADLINE)
        port = deaf.getsockname()[1]
        process = runs.start(
            run_id, 0, f"http://127.0.0.1:{port}/api", HEADRACE_CLIENT_MAX_RETRIES="0"
        )
        for _ in range(2):  # it has tried, and tries again
            deaf.accept()[0].close()
    target = f"127.0.0.1:{runs.api.server.port}"
    gate = start_gate(f"127.0.0.1:{port}", target, runs.code / "server")
    try:
        assert process.wait(2 * DEADLINE) == 0
        assert runs.api.flow_run(run_id)["state_name"] == "Completed"
    finally:
        stop(gate)


def test_a_process_whose_paused_run_goes_on_elsewhere_does_not_go_on(runs):
    """In a pod that nobody could reach, say: it is refused by its number before it works on."""
    run_id = runs.create("steps.py:waits_for_word")
    deployment = runs.api.flow_run(run_id)["deployment_id"]
    post = runs.api.server.post
    post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "SCHEDULED"}, "force": True})

    def claim(owner: str) -> int:
        body = {"claim_id": str(uuid4()), "owner": owner, "deployment_ids": [deployment]}
        (found,) = post("/headrace/claims", body).json["runs"]
        return found["epoch"]

    first = claim("first")
    process = runs.start(run_id, first)
    runs.await_state(run_id, "Paused")
    over = [{"flow_run_id": run_id, "epoch": first}]
    post("/headrace/leases/renew", {"owner": "first", "leases": [], "over": over})
    runs.await_state(run_id, "Suspended")
    post(f"/flow_runs/{run_id}/resume", {})
    number = {"x-headrace-epoch": str(claim("second"))}
    state = {"state": {"type": "RUNNING"}}
    assert post(f"/flow_runs/{run_id}/set_state", state, headers=number).status == 201
    process.wait(2 * DEADLINE)
    assert runs.notes() == ["before"]
    assert runs.api.flow_run(run_id)["state_name"] == "Running"


@pytest.mark.parametrize("name", ["sleeps", "sleeps_async"])
def test_a_cancelled_run_runs_its_hooks_and_says_so(runs, name):
    """SIGTERM in a run that is Cancelling ends it Cancelled, sync and async alike."""
    run_id = runs.create(f"steps.py:{name}")
    process = runs.start(run_id)
    runs.await_note("started")
    runs.api.server.post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING"}})
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
    assert runs.api.flow_run(run_id)["state_name"] == "Cancelled"
    assert runs.notes() == ["started", "hook Cancelled"]


@pytest.mark.parametrize("name", ["sleeps", "sleeps_async"])
def test_a_stopped_run_that_nobody_cancelled_has_crashed(runs, name):
    """SIGTERM from elsewhere (a machine that shuts down) is a crash with its reason."""
    run_id = runs.create(f"steps.py:{name}")
    process = runs.start(run_id)
    runs.await_note("started")
    process.send_signal(signal.SIGTERM)
    assert process.wait(DEADLINE) == 0
    run = runs.api.flow_run(run_id)
    assert run["state_name"] == "Crashed"
    assert runs.notes() == ["started", "hook Crashed"]


@pytest.mark.parametrize(
    ("entrypoint", "parameters", "state", "reason"),
    [
        ("steps.py:nothing", {}, "Crashed", "no flow 'nothing'"),
        ("gone.py:f", {}, "Crashed", "There is no file"),
        ("steps.py:approve", {"size": 1}, "Failed", "['size']"),
        ("steps.py:approve", {"value": "x"}, "Failed", "value"),
        ("steps.py:exits", {}, "Crashed", "SystemExit"),
    ],
)
def test_a_run_that_cannot_start_says_why(runs, entrypoint, parameters, state, reason):
    """The server's state has the reason; the process ends as one that has reported."""
    run_id = runs.create(entrypoint, parameters)
    assert runs.execute(run_id) == 0
    run = runs.api.flow_run(run_id)
    assert run["state_name"] == state
    assert reason in run["state"]["message"]


def test_a_file_that_raises_is_named(runs):
    """An error in the file itself crashes the run with the file and the error."""
    (runs.code / "broken.py").write_text("1 / 0\n")
    run_id = runs.create("broken.py:f")
    assert runs.execute(run_id) == 0
    message = runs.api.flow_run(run_id)["state"]["message"]
    assert "broken.py raised ZeroDivisionError" in message


def test_a_plain_function_and_a_module_can_be_entrypoints(runs):
    """`module:function` from the code's directory, made a flow."""
    run_id = runs.create("steps:plain", {"value": 4})
    assert runs.execute(run_id) == 0
    assert runs.notes() == ["plain 4"]


@pytest.mark.parametrize("product", ["prefect", "headrace"])
def test_pull_steps_of_either_sdk_set_the_directory(runs, product):
    """A deployment made by either SDK says where its code is in a pull step."""
    step = {f"{product}.deployments.steps.set_working_directory": {"directory": str(runs.code)}}
    run_id = runs.create("steps.py:plain", path=None, pull_steps=[step])
    assert runs.execute(run_id) == 0
    assert runs.notes() == ["plain 1"]


def test_a_pull_step_that_cannot_be_run_is_named(runs):
    """It is never skipped in silence."""
    run_id = runs.create("steps.py:plain", pull_steps=[{"prefect.deployments.steps.git_clone": {}}])
    assert runs.execute(run_id) == 0
    assert "git_clone" in runs.api.flow_run(run_id)["state"]["message"]


def test_a_run_that_does_not_exist_is_one_line(runs):
    """The process says which run, and ends with an error."""
    process = subprocess.run(
        [sys.executable, "-m", "headrace.engine.execute"],
        env=os.environ
        | {
            "HEADRACE__FLOW_RUN_ID": "f9d0d887-da49-4e0b-82fd-9881fbe626ce",
            "HEADRACE_API_URL": runs.api.url,
            "HEADRACE_HOME": str(runs.home),
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert process.returncode == 1
    assert len(process.stderr.strip().splitlines()) == 1
    assert "f9d0d887" in process.stderr


def test_another_attempt_stops_this_one(runs):
    """When the run is over already, the process does not run the flow."""
    run_id = runs.create("steps.py:plain")
    runs.api.server.post(f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLED"}})
    assert runs.execute(run_id) == 0
    assert runs.notes() == []
    assert runs.api.flow_run(run_id)["state_name"] == "Cancelled"
