"""The demo as a newcomer runs it: one command, from nothing to an approved model."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from headrace.client import Client, flow_runs, task_runs, variables
from headrace.wire.filters import TaskRunFilter, TaskRunFilterFlowRunId
from headrace.wire.task_runs import ReadTaskRunsBody

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

DEMO_SECONDS = 120


def headrace(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HEADRACE_")}
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli", *arguments],
        env=kept | {"HEADRACE_HOME": str(home), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )


def run_demo(place: Path, *options: str) -> dict[str, Any]:
    done = headrace("demo", "-d", str(place), "-o", "json", *options, home=place.parent / "home")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def read_back(place: Path, run_id: str) -> dict[str, Any]:
    """What a server that is started on the directory afterwards says of the run."""
    started = headrace("server", "start", "-b", "--port", "0", "-o", "json", home=place)
    assert started.returncode == 0, started.stderr
    try:
        with Client(json.loads(started.stdout)["url"]) as client:
            only = TaskRunFilter(flow_run_id=TaskRunFilterFlowRunId(any_=[UUID(run_id)]))
            body = ReadTaskRunsBody(task_runs=only, limit=200)
            return {
                "states": [s.name for s in flow_runs.read_flow_run_states(client, UUID(run_id))],
                "tasks": task_runs.list_task_runs(client, body),
                "champion": variables.read_variable_by_name(client, "champion").value,
            }
    finally:
        headrace("server", "stop", home=place)


def test_one_command_runs_the_pipeline_to_an_approved_model(tmp_path: Path) -> None:
    """With --yes the demo ends Completed, and a server opened on its directory tells the same."""
    place = tmp_path / "demo"
    report = run_demo(place, "--yes")
    assert report["flow_run"]["state"] == "Completed"
    assert not (place / "server.json").exists(), "the server was left running"
    told = read_back(place, report["flow_run"]["id"])
    assert told["states"][0] == "Scheduled"
    assert told["states"][-1] == "Completed"
    assert "Suspended" in told["states"]
    retried = [task.name for task in told["tasks"] if task.run_count > 1]
    assert any(name.startswith("fetch_batch") for name in retried)
    assert all(task.state_name in {"Completed", "Cached"} for task in told["tasks"])
    assert Path(told["champion"]["path"]).is_file()
    assert 0.5 < told["champion"]["accuracy"] <= 1


def test_waiting_for_approval_survives_the_death_of_server_and_worker(tmp_path: Path) -> None:
    """Without a terminal the run waits; server and worker die by kill -9; it is approved later."""
    place = tmp_path / "demo"
    waiting = run_demo(place)
    assert waiting["flow_run"]["state"] == "Suspended"
    assert "flow-run resume" in waiting["approve"]
    server = json.loads((place / "server.json").read_text())["pid"]
    worker = int((place / "worker.pid").read_text())
    for pid in (worker, server):
        os.kill(pid, signal.SIGKILL)
    finished = run_demo(place, "--yes")
    assert finished["flow_run"]["id"] == waiting["flow_run"]["id"]
    assert finished["flow_run"]["state"] == "Completed"
    assert finished["champion"]["reason"] == "approved with --yes"


def test_a_directory_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    """A directory with somebody's files is refused in one line and nothing is written there."""
    place = tmp_path / "mine"
    place.mkdir()
    (place / "thesis.txt").write_text("do not touch")
    done = headrace("demo", "-d", str(place), home=tmp_path / "home")
    assert done.returncode == 1
    assert "not empty" in done.stderr
    assert [p.name for p in place.iterdir()] == ["thesis.txt"]
