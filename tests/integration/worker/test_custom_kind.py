"""The example of a kind from another package, installed and used by a worker."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk import HERE, Desk, wait_for
from tests.integration.conftest import LiveServer

EXAMPLE = Path(__file__).parents[3] / "examples" / "custom_kind"


@pytest.fixture
def desk(sqlite_server: LiveServer, tmp_path: Path) -> Iterator[Desk]:
    site = tmp_path / "site"
    install = ["uv", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(EXAMPLE)]
    subprocess.run(install, check=True, timeout=100)
    made = Desk(sqlite_server, tmp_path, {"PYTHONPATH": str(site)})
    yield made
    made.close()


def work(desk: Desk, *options: str) -> Path:
    program = ("-m", "headrace.cli", "worker", "start", "--pool", "mine", "--type", "nohup")
    _, log = desk.start(*program, *options)
    return log


def test_its_runs_complete_crash_and_are_cancelled(desk: Desk):
    """The worker makes the pool with the kind's template; everything else is as with our own kinds."""
    log = work(desk)
    wait_for(lambda: "takes runs of" in log.read_text(), log)
    for flow, command in (("three_steps", None), ("breaks", "echo last words; exit 3")):
        flow_id = desk.server.post("/flows/", {"name": flow}).json["id"]
        body = {
            "name": "d",
            "flow_id": flow_id,
            "work_pool_name": "mine",
            "entrypoint": f"{HERE}/served_flows.py:{flow}",
            "job_variables": {"command": command} if command else {},
        }
        headers = {"user-agent": "headrace/0"}
        assert desk.server.post("/deployments/", body, headers=headers).status == 201
    done = desk.over(desk.run("three_steps/d"))
    assert done["state_type"] == "COMPLETED", done["state"]
    crashed = desk.over(desk.run("breaks/d"))
    assert crashed["state_type"] == "CRASHED"
    assert "code 3" in crashed["state"]["message"]
    assert "last words" in crashed["state"]["message"]
    run = desk.run("breaks/d", job_variables={"command": "sleep 60"})
    wait_for(lambda: list((desk.home / "workers").glob(f"*/nohup/{run}.1/pid")), log)
    state = {"state": {"type": "CANCELLING"}}
    assert desk.server.post(f"/flow_runs/{run}/set_state", state).status == 201
    assert desk.over(run)["state_type"] == "CANCELLED"


def test_where_it_is_not_installed_one_line_says_what_is_known(desk: Desk):
    desk.environment.clear()
    log = work(desk)
    wait_for(lambda: "it knows: docker" in log.read_text(), log)
    assert "Traceback" not in log.read_text()
