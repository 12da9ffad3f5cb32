"""Served and deployed flows against the real server, with real processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import Desk, wait_for
from served_flows import three_steps
from tests.integration.conftest import LiveServer

from headrace.settings import temporary_settings


@pytest.fixture
def desk(sqlite_server: LiveServer, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(sqlite_server, tmp_path)
    yield made
    made.close()


def test_a_served_flow_runs_when_triggered_and_its_schedules_pause_when_it_stops(desk: Desk):
    program, log = desk.serve("three_steps")
    note = desk.home / "note"
    run = desk.over(desk.run("three-steps/test", parameters={"n": 4, "note": str(note)}))
    assert run["state_type"] == "COMPLETED"
    value, pid = note.read_text().split()
    assert value == "7"
    assert int(pid) != program.pid, "each run has a process of its own"
    tasks = desk.server.post("/task_runs/filter", {}).json
    assert [task["state_type"] for task in tasks] == ["COMPLETED"] * 3
    logs = desk.server.post("/logs/filter", {}).json
    assert any("the sum is 7" in line["message"] for line in logs)
    program.send_signal(signal.SIGTERM)
    assert program.wait(30) == 0
    assert desk.server.get("/deployments/name/three-steps/test").json["paused"] is True
    assert "are paused until it is served again" in log.read_text()


def test_a_burst_of_runs_of_a_served_flow_all_complete(desk: Desk):
    desk.serve("three_steps")
    runs = [desk.run("three-steps/test") for _ in range(30)]
    assert {desk.over(run)["state_type"] for run in runs} == {"COMPLETED"}
    assert {desk.flow_run(run)["run_count"] for run in runs} == {1}


def test_a_flow_that_raises_has_failed_and_not_crashed(desk: Desk):
    desk.serve("breaks")
    run = desk.over(desk.run("breaks/test"))
    assert run["state_type"] == "FAILED"
    assert "it broke" in run["state"]["message"]


def test_a_deployed_flow_is_run_by_a_worker_of_its_pool(desk: Desk):
    body = {"name": "local", "type": "process"}
    assert desk.server.post("/work_pools/", body).status == 201
    code = "import served_flows; served_flows.three_steps.deploy('d', work_pool_name='local')"
    program, log = desk.start("-c", code)
    assert program.wait(30) == 0, log.read_text()
    assert "headrace worker start --pool 'local'" in log.read_text()
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    run = desk.over(desk.run("three-steps/d"))
    assert run["state_type"] == "COMPLETED"
    [step] = desk.server.get("/deployments/name/three-steps/d").json["pull_steps"]
    assert list(step) == ["headrace.deployments.steps.fetch_bundle"]


def test_a_deployment_to_containers_without_an_image_is_refused(desk: Desk):
    """The line says how to get one; nothing is registered."""
    template = {
        "variables": {"properties": {"image": {"type": "string"}}},
        "job_configuration": {"image": "{{ image }}"},
    }
    body = {"name": "boxes", "type": "docker", "base_job_template": template}
    assert desk.server.post("/work_pools/", body).status == 201
    code = "import served_flows; served_flows.three_steps.deploy('d', work_pool_name='boxes')"
    program, log = desk.start("-c", code)
    assert program.wait(30) != 0
    assert "headrace image build" in log.read_text()
    assert desk.server.get("/deployments/name/three-steps/d").status == 404


def test_deploying_to_a_pool_that_is_not_there_says_how_to_make_it(desk: Desk):
    code = "import served_flows; served_flows.breaks.deploy('d', work_pool_name='nowhere')"
    program, log = desk.start("-c", code)
    assert program.wait(30) != 0
    assert "headrace work-pool create nowhere --type process" in log.read_text()


@pytest.mark.kill
def test_a_killed_process_crashes_its_run_and_a_cancelled_one_is_cancelled(desk: Desk):
    desk.serve("sleeper")
    killed, cancelled = desk.home / "a", desk.home / "b"
    first = desk.run("sleeper/test", parameters={"mark": str(killed)})
    second = desk.run("sleeper/test", parameters={"mark": str(cancelled)})
    log = desk.home / "program-0.out"
    wait_for(lambda: all(m.exists() and m.read_text() for m in (killed, cancelled)), log)
    os.kill(int(killed.read_text()), signal.SIGKILL)
    run = desk.over(first)
    assert run["state_type"] == "CRASHED"
    assert "SIGKILL" in run["state"]["message"]
    state = {"state": {"type": "CANCELLING"}}
    assert desk.server.post(f"/flow_runs/{second}/set_state", state).status == 201
    assert desk.over(second)["state_type"] == "CANCELLED"


@pytest.mark.kill
def test_a_run_whose_policy_says_so_runs_again_when_its_process_was_killed(desk: Desk):
    desk.serve("sleeper")
    mark = desk.home / "mark"
    policy = {"retries": 1, "retry_type": "reschedule"}
    run = desk.run("sleeper/test", parameters={"mark": str(mark)}, empirical_policy=policy)
    log = desk.home / "program-0.out"
    wait_for(lambda: mark.exists() and mark.read_text(), log)
    pid = mark.read_text()
    os.kill(int(pid), signal.SIGKILL)
    wait_for(lambda: mark.read_text() not in {"", pid}, log)
    os.kill(int(mark.read_text()), signal.SIGKILL)
    assert desk.over(run)["state_type"] == "CRASHED"


def test_serving_with_a_work_pool_is_refused_before_anything_is_asked():
    with (
        temporary_settings(api_url="http://127.0.0.1:1/api"),
        pytest.raises(Exception, match="Use deploy instead of serve"),
    ):
        three_steps.serve("x", work_pool_name="p")
