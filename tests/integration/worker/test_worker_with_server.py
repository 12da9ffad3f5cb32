"""Served and deployed flows against the real server, with real processes."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import served_flows
from desk import Desk, wait_for
from served_flows import three_steps
from tests.integration.conftest import LiveServer
from tests.integration.sources.git_server import GitServer, Repository

from headrace.infrastructure.templates import DEFAULT_TEMPLATES
from headrace.settings import temporary_settings


@pytest.fixture
def git_host(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "host").mkdir()
    server = GitServer(tmp_path / "host")
    yield server
    server.close()


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
    assert program.wait(60) == 0
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
    assert program.wait(60) == 0, log.read_text()
    assert "headrace worker start --pool 'local'" in log.read_text()
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    run = desk.over(desk.run("three-steps/d"))
    assert run["state_type"] == "COMPLETED"
    [step] = desk.server.get("/deployments/name/three-steps/d").json["pull_steps"]
    assert list(step) == ["headrace.deployments.steps.fetch_bundle"]


def test_a_run_that_needs_more_memory_than_its_limit_crashes_and_says_so(desk: Desk):
    """The limit is checked when it is given; what another run may have is not touched by it."""
    pool = {
        "name": "local",
        "type": "process",
        "base_job_template": DEFAULT_TEMPLATES["process"],
    }
    assert desk.server.post("/work_pools/", pool).status == 201
    body = {
        "name": "d",
        "flow_id": desk.server.post("/flows/", {"name": "swallows"}).json["id"],
        "work_pool_name": "local",
        "path": str(Path(served_flows.__file__).parent),
        "entrypoint": "served_flows.py:swallows",
    }
    for wrong, said in (
        ({"memory_limit": 1}, "64"),
        ({"memory_limit": "much"}, "integer"),
        ({"cpu_limit": 0}, "0"),
    ):
        refused = desk.server.post("/deployments/", body | {"job_variables": wrong})
        assert refused.status in {409, 422}, refused.json
        assert next(iter(wrong)) in str(refused.json)
        assert said in str(refused.json)
    limited = body | {"job_variables": {"memory_limit": 256, "cpu_limit": 1}}
    assert desk.server.post("/deployments/", limited).status == 201
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    large = desk.over(desk.run("swallows/d", parameters={"megabytes": 400}))
    assert large["state_type"] == "CRASHED"
    assert "out of memory: limit 256 MiB" in large["state"]["message"]
    small = desk.over(desk.run("swallows/d", parameters={"megabytes": 4}))
    assert small["state_type"] == "COMPLETED"


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
    assert program.wait(60) != 0
    assert "headrace image build" in log.read_text()
    assert desk.server.get("/deployments/name/three-steps/d").status == 404


def pool_of_processes(desk: Desk) -> None:
    assert desk.server.post("/work_pools/", {"name": "local", "type": "process"}).status == 201


def deploy(desk: Desk, code: str) -> str:
    program, log = desk.start("-c", code)
    assert program.wait(60) == 0, log.read_text()
    return log.read_text()


FLOW = """
import os
from pathlib import Path
from headrace import flow
from lib.words import word

@flow
def says(note: str):
    Path(note).open("a").write(f"{word()} {os.getcwd()}\\n")
    assert Path("data.txt").read_text() == "data"
"""


def project(root: Path, word: str = "one") -> Path:
    """A flow that needs a module and a file beside it."""
    (root / "lib").mkdir(parents=True, exist_ok=True)
    (root / "lib" / "words.py").write_text(f"def word():\n    return {word!r}\n")
    (root / "data.txt").write_text("data")
    (root / "flows.py").write_text(FLOW)
    return root


def test_runs_of_an_uploaded_project_share_its_code_until_it_is_deployed_anew(desk: Desk):
    """The directory that was deployed may change or go: runs have what was uploaded."""
    pool_of_processes(desk)
    root, note = project(desk.home / "project"), desk.home / "note"
    code = (
        f"import os; os.chdir({str(root)!r}); from headrace import Flow\n"
        "from headrace.deployments import RunnerDeployment, deploy\n"
        "one = RunnerDeployment.from_entrypoint('flows.py:says', 'd')\n"
        "deploy(one, work_pool_name='local')"
    )
    deploy(desk, code)
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    project(root, "changed")
    runs = [desk.run("says/d", parameters={"note": str(note)}) for _ in range(10)]
    assert {desk.over(run)["state_type"] for run in runs} == {"COMPLETED"}
    said = [line.split() for line in note.read_text().splitlines()]
    assert {word for word, _ in said} == {"one"}
    [first] = {directory for _, directory in said}
    deploy(desk, code)
    assert (
        desk.over(desk.run("says/d", parameters={"note": str(note)}))["state_type"] == "COMPLETED"
    )
    word, directory = note.read_text().splitlines()[-1].split()
    assert (word, directory != first) == ("changed", True)


def test_runs_of_a_flow_from_a_repository_get_it_as_it_is_when_they_are_due(
    desk: Desk, git_host: GitServer
):
    """Deployed from elsewhere than its code; each run in a directory of its own, which ends with it."""
    pool_of_processes(desk)
    repository = Repository(git_host.root, "code")
    project(repository.work)
    repository.commit("more", "1")
    code = (
        "from headrace import flow\n"
        f"flow.from_source({git_host.url('code')!r}, 'flows.py:says')"
        ".deploy('d', work_pool_name='local')"
    )
    assert "headrace worker start --pool 'local'" in deploy(desk, code)
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    note = desk.home / "note"
    runs = [desk.run("says/d", parameters={"note": str(note)}) for _ in range(10)]
    assert {desk.over(run)["state_type"] for run in runs} == {"COMPLETED"}
    project(repository.work, "pushed")
    repository.commit("more", "2")
    assert (
        desk.over(desk.run("says/d", parameters={"note": str(note)}))["state_type"] == "COMPLETED"
    )
    said = [line.split() for line in note.read_text().splitlines()]
    assert [word for word, _ in said] == ["one"] * 10 + ["pushed"]
    directories = {directory for _, directory in said}
    assert len(directories) == 11
    log = desk.home / "program-1.out"
    wait_for(lambda: not any(Path(directory).exists() for directory in directories), log)


def test_a_flow_from_a_repository_is_served(desk: Desk, git_host: GitServer):
    """Serving pulls as deploying does."""
    repository = Repository(git_host.root, "code")
    project(repository.work)
    repository.commit("more", "1")
    code = (
        "from headrace import flow\n"
        f"flow.from_source({git_host.url('code')!r}, 'flows.py:says').serve('d')"
    )
    _, log = desk.start("-c", code)
    wait_for(lambda: "headrace deployment run" in log.read_text(), log)
    note = desk.home / "note"
    assert (
        desk.over(desk.run("says/d", parameters={"note": str(note)}))["state_type"] == "COMPLETED"
    )
    assert note.read_text().startswith("one ")


def test_code_that_cannot_be_had_crashes_the_run_with_its_reason(desk: Desk):
    """A bundle that is gone: the run's state says to deploy again."""
    pool_of_processes(desk)
    root = project(desk.home / "project")
    code = (
        f"import os; os.chdir({str(root)!r})\n"
        "from headrace.deployments import RunnerDeployment, deploy\n"
        "deploy(RunnerDeployment.from_entrypoint('flows.py:says', 'd'), work_pool_name='local')"
    )
    deploy(desk, code)
    deployment = desk.server.get("/deployments/name/says/d").json
    gone = {"headrace.deployments.steps.fetch_bundle": {"sha256": "0" * 64}}
    body = {"pull_steps": [gone]}
    assert desk.server.patch(f"/deployments/{deployment['id']}", body).status == 204
    desk.start("-m", "headrace.cli", "worker", "start", "--pool", "local")
    run = desk.over(desk.run("says/d", parameters={"note": "x"}))
    assert run["state_type"] == "CRASHED"
    assert "Deploy again" in run["state"]["message"]


def test_deploying_to_a_pool_that_is_not_there_says_how_to_make_it(desk: Desk):
    code = "import served_flows; served_flows.breaks.deploy('d', work_pool_name='nowhere')"
    program, log = desk.start("-c", code)
    assert program.wait(60) != 0
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
