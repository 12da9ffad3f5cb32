"""A worker of a kubernetes pool, the real server, and a cluster that really runs its pods."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import LiveServer
from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster
from tests.waiting import wait_until

from headrace.infrastructure.templates import DEFAULT_TEMPLATES

FLOWS = Path(__file__).parents[1] / "worker"
OVER = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Desk:
    """What a person does who has a cluster and a server."""

    def __init__(self, server: LiveServer, cluster: StandInCluster, home: Path) -> None:
        self.server, self.cluster, self.home = server, cluster, home
        self.kubeconfig = cluster.write_kubeconfig(home / "kubeconfig")
        self.log = home / "worker.out"
        self.programs: list[subprocess.Popen[bytes]] = []
        template = DEFAULT_TEMPLATES["kubernetes"]
        pool = {"name": "k", "type": "kubernetes", "base_job_template": template}
        self._made(server.post("/work_pools/", pool))

    def worker(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "HEADRACE_HOME": str(self.home),
            "HEADRACE_API_URL": f"http://127.0.0.1:{self.server.port}/api",
            "KUBECONFIG": str(self.kubeconfig),
        }
        command = [sys.executable, "-m", "headrace.cli", "worker", "start", "--pool", "k"]
        with self.log.open("ab") as output:
            program = subprocess.Popen(
                [*command, "--name", "w", "--type", "kubernetes"],
                env=environment,
                stdout=output,
                stderr=output,
            )
        self.programs.append(program)
        return program

    def run(self, flow: str, **body: Any) -> str:
        flow_id = self._made(self.server.post("/flows/", {"name": flow.replace("_", "-")}))["id"]
        deployment = {
            "name": "d",
            "flow_id": flow_id,
            "work_pool_name": "k",
            "entrypoint": f"served_flows.py:{flow}",
            "path": str(FLOWS),
            "job_variables": {"image": IMAGE, "namespace": "jobs"},
        }
        made = self._made(self.server.post("/deployments/", deployment))
        path = f"/deployments/{made['id']}/create_flow_run"
        return self._made(self.server.post(path, body))["id"]

    def state(self, run: str) -> str:
        return self.flow_run(run)["state_type"]

    def flow_run(self, run: str) -> dict[str, Any]:
        return self.server.get(f"/flow_runs/{run}").json

    def over(self, run: str) -> dict[str, Any]:
        wait_until(lambda: self.state(run) in OVER)
        return self.flow_run(run)

    def jobs_of(self, run: str) -> list[dict[str, Any]]:
        return [j for j in self.cluster.all("jobs") if run in j["metadata"]["name"]]

    def pod_of(self, run: str) -> dict[str, Any]:
        pods = [p for p in self.cluster.all("pods") if run in str(p["metadata"]["labels"])]
        return pods[0]

    def _made(self, reply: Any) -> Any:
        assert reply.status in {200, 201}, reply.body
        return reply.json

    def close(self) -> None:
        for program in self.programs:
            program.kill()
            program.wait()
        sys.stdout.write(self.log.read_text())


@pytest.fixture
def desk(sqlite_server: LiveServer, cluster: StandInCluster, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(sqlite_server, cluster, tmp_path)
    yield made
    made.close()


def test_a_run_completes_in_a_pod_and_its_worker_shows_what_it_prints(desk: Desk):
    worker = desk.worker()
    run = desk.over(desk.run("three_steps", parameters={"n": 4}))
    assert run["state_type"] == "COMPLETED"
    wait_until(lambda: "the sum is 7" in desk.log.read_text())
    assert desk.jobs_of(run["id"])[0]["metadata"]["labels"]["headrace.work-pool"] == "k"
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0


def test_a_flow_that_raises_has_failed(desk: Desk):
    desk.worker()
    run = desk.over(desk.run("breaks"))
    assert run["state_type"] == "FAILED"
    assert "it broke" in run["state"]["message"]


def test_a_pod_that_cannot_start_crashes_its_run_with_the_cause(desk: Desk):
    desk.worker()
    image = {"image": "nowhere/nothing:1", "pod_watch_timeout_seconds": 1}
    run = desk.over(desk.run("breaks", job_variables=image))
    assert run["state_type"] == "CRASHED"
    assert "its image 'nowhere/nothing:1' cannot be had" in run["state"]["message"]
    assert "failed to pull image" in run["state"]["message"], "the pod's events are told"


def asleep(desk: Desk) -> tuple[str, Path]:
    mark = desk.home / "mark"
    run = desk.run("sleeper", parameters={"mark": str(mark)})
    wait_until(lambda: mark.exists() and mark.read_text())
    return run, mark


@pytest.mark.kill
def test_a_pod_that_is_evicted_crashes_its_run(desk: Desk):
    desk.worker()
    run, _ = asleep(desk)
    desk.cluster.control(f"evict/jobs/{desk.pod_of(run)['metadata']['name']}")
    over = desk.over(run)
    assert over["state_type"] == "CRASHED"
    assert "was evicted from node node-1" in over["state"]["message"]


@pytest.mark.kill
def test_cancelling_ends_the_pod_and_its_job(desk: Desk):
    desk.worker()
    run, mark = asleep(desk)
    desk.server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert desk.over(run)["state_type"] == "CANCELLED"
    wait_until(lambda: not desk.jobs_of(run))
    assert not Path(f"/proc/{mark.read_text()}").exists()


@pytest.mark.kill
def test_a_worker_that_was_killed_takes_its_runs_over_when_it_is_back(desk: Desk):
    """The pod goes on meanwhile; its end is seen by the worker's next process."""
    worker = desk.worker()
    run, mark = asleep(desk)
    worker.kill()
    worker.wait()
    pid = int(mark.read_text())
    desk.worker()
    wait_until(lambda: desk.log.read_text().count("takes runs of work pool") == 2)
    assert desk.state(run) == "RUNNING"
    os.kill(pid, signal.SIGKILL)
    over = desk.over(run)
    assert over["state_type"] == "CRASHED"
    assert "SIGKILL" in over["state"]["message"]
    assert len(desk.jobs_of(run)) == 1
