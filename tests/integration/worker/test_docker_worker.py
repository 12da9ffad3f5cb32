"""A worker of a docker pool, a real server and a real engine: what becomes of runs."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import HERE, Desk, wait_for
from relay import Relay
from tests.docker_engine import DockerEngine
from tests.integration.conftest import LiveServer

from headrace.infrastructure.docker.labels import RUN

pytestmark = pytest.mark.timeout(180)


class DockerDesk(Desk):
    """A docker pool, its worker, and a look behind its back."""

    def __init__(
        self, server: LiveServer, home: Path, engine: DockerEngine, image: str, relay: Relay
    ) -> None:
        super().__init__(server, home, {"DOCKER_HOST": f"unix://{relay.path}"})
        self.relay = relay
        self.image = image
        self.engine = engine.client()
        assert server.post("/work_pools/", {"name": "d", "type": "docker"}).status == 201

    def work(self, *options: str) -> tuple[subprocess.Popen[bytes], Path]:
        command = ("-m", "headrace.cli", "worker", "start", "--pool", "d", "--name", "w", *options)
        program, log = self.start(*command)
        wait_for(lambda: "takes runs of" in log.read_text(), log)
        return program, log

    def deploy(self, flow: str, **variables: object) -> None:
        made = self.server.post("/flows/", {"name": flow}).json["id"]
        volumes = [f"{HERE}:{HERE}:ro", f"{self.home}:{self.home}"]
        body = {
            "name": "d",
            "flow_id": made,
            "work_pool_name": "d",
            "entrypoint": f"{HERE}/served_flows.py:{flow}",
            "job_variables": {
                "image": self.image,
                "volumes": volumes,
                "auto_remove": True,
                **variables,
            },
        }
        headers = {"user-agent": "headrace/0"}
        answer = self.server.post("/deployments/", body, headers=headers)
        assert answer.status == 201, answer.body

    def launch(self, flow: str, **parameters: Any) -> str:
        return self.run(f"{flow}/d", parameters=parameters)

    def containers(self, run: str) -> list[dict[str, Any]]:
        return self.engine.containers(all=True, filters={"label": f"{RUN}={run}"})

    def logged(self, run: str) -> list[str]:
        """The lines of its log."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}}
        return [line["message"] for line in self.server.post("/logs/filter", wanted).json]

    def close(self) -> None:
        super().close()
        self.relay.cut()
        names = [f"{self.home}"]
        for one in self.engine.containers(all=True, filters={"volume": names}):
            self.engine.remove_container(one["Id"], force=True)
        self.engine.close()


@pytest.fixture
def desk(
    sqlite_server: LiveServer, tmp_path: Path, docker_engine: DockerEngine, runs_image: str
) -> Iterator[DockerDesk]:
    relay = Relay(tmp_path / "s", docker_engine.url.removeprefix("unix://"))
    made = DockerDesk(sqlite_server, tmp_path, docker_engine, runs_image, relay)
    yield made
    made.close()


def test_a_run_completes_in_its_container_which_goes_afterwards(desk: DockerDesk):
    _, log = desk.work()
    desk.deploy("three_steps")
    note = desk.home / "note"
    run = desk.launch("three_steps", n=4, note=str(note))
    told = desk.over(run)
    assert told["state_type"] == "COMPLETED", told["state"]
    assert note.read_text().startswith("7 ")
    assert len(desk.server.post("/task_runs/filter", {}).json) == 3
    wait_for(lambda: not desk.containers(run), log)


def test_a_flow_that_raises_has_failed(desk: DockerDesk):
    desk.work()
    desk.deploy("breaks")
    told = desk.over(desk.launch("breaks"))
    assert told["state_type"] == "FAILED"
    assert "it broke" in told["state"]["message"]


def waiting(desk: DockerDesk) -> tuple[str, Path]:
    """A run whose container waits to be let go."""
    desk.deploy("waits")
    mark, go = desk.home / "mark", desk.home / "go"
    run = desk.launch("waits", go=str(go), mark=str(mark))
    wait_for(lambda: mark.exists() and mark.read_text(), desk.home / "program-0.out")
    return run, go


@pytest.mark.kill
def test_a_killed_container_is_a_crash_with_its_last_lines(desk: DockerDesk):
    _, log = desk.work()
    run, _ = waiting(desk)
    (container,) = desk.containers(run)
    wait_for(lambda: desk.flow_run(run)["infrastructure_pid"], log)
    assert desk.flow_run(run)["infrastructure_pid"].endswith(container["Id"])
    wait_for(lambda: "waiting" in log.read_text(), log)  # what it prints is shown while it runs
    desk.engine.kill(container["Id"])
    told = desk.over(run)
    assert told["state_type"] == "CRASHED"
    assert "SIGKILL" in told["state"]["message"]
    assert "waiting" in told["state"]["message"]


def test_a_run_that_needs_too_much_memory_is_told_so(desk: DockerDesk):
    desk.work()
    desk.deploy("swallows", mem_limit="96m", memswap_limit="96m")
    told = desk.over(desk.launch("swallows", megabytes=512))
    assert told["state_type"] == "CRASHED"
    assert "96 MB; raise 'mem_limit'" in told["state"]["message"]


def test_a_cancelled_run_s_container_ends(desk: DockerDesk):
    _, log = desk.work()
    run, _ = waiting(desk)
    state = {"state": {"type": "CANCELLING"}}
    assert desk.server.post(f"/flow_runs/{run}/set_state", state).status == 201
    assert desk.over(run)["state_type"] == "CANCELLED"
    wait_for(lambda: not desk.containers(run), log)


def test_an_image_that_is_not_there_crashes_the_run_with_a_line(desk: DockerDesk):
    desk.work()
    desk.deploy("breaks", image="no-such-image:1", image_pull_policy="Never")
    told = desk.over(desk.launch("breaks"))
    assert told["state_type"] == "CRASHED"
    assert "has no image 'no-such-image:1'" in told["state"]["message"]


def test_an_image_that_nobody_has_is_told_by_its_registry(desk: DockerDesk):
    """A registry that does not answer may do so later: the run waits, and is not crashed."""
    _, log = desk.work()
    desk.deploy("breaks", image="127.0.0.1:1/no-such-image:1")
    run = desk.launch("breaks")
    wait_for(lambda: "connection refused" in log.read_text(), log)
    wait_for(lambda: desk.logged(run), log)
    assert all("The run goes back to its queue." in line for line in desk.logged(run))
    assert "connection refused" in desk.logged(run)[0]
    assert desk.flow_run(run)["state_type"] in {"PENDING", "SCHEDULED"}


@pytest.mark.kill
def test_a_killed_worker_s_containers_are_taken_over_by_the_next(desk: DockerDesk):
    first, _ = desk.work()
    run, go = waiting(desk)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    desk.work()
    go.touch()
    told = desk.over(run)
    assert (told["state_type"], told["run_count"]) == ("COMPLETED", 1)


@pytest.mark.kill
def test_a_container_that_died_while_there_was_no_worker_is_told_by_the_next(desk: DockerDesk):
    first, _ = desk.work()
    run, _ = waiting(desk)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    (container,) = desk.containers(run)
    desk.engine.kill(container["Id"])
    desk.work()
    told = desk.over(run)
    assert told["state_type"] == "CRASHED"
    assert "SIGKILL" in told["state"]["message"]


def test_an_engine_that_is_away_harms_no_run(desk: DockerDesk):
    """Looked at several times meanwhile; the run completes after it, in its only attempt."""
    _, log = desk.work()
    run, go = waiting(desk)
    desk.relay.cut()
    wait_for(lambda: "cannot be looked at now" in log.read_text(), log)
    go.touch()
    wait_for(lambda: desk.flow_run(run)["state_type"] == "COMPLETED", log)
    desk.relay.mend()
    wait_for(lambda: not desk.containers(run), log)
    again = desk.over(desk.launch("waits", go=str(go), mark=str(desk.home / "again")))
    assert (again["state_type"], again["run_count"]) == ("COMPLETED", 1)
    assert desk.flow_run(run)["state_type"] == "COMPLETED"


def test_a_limit_holds_for_containers(desk: DockerDesk):
    """Six runs, two at a time."""
    desk.work("--limit", "2")
    desk.deploy("three_steps")
    runs = [desk.launch("three_steps") for _ in range(6)]
    most = 0
    while any(desk.flow_run(run)["state_type"] != "COMPLETED" for run in runs):
        live = [r for r in runs if desk.flow_run(r)["state_type"] in {"PENDING", "RUNNING"}]
        most = max(most, len(live))
        assert not {desk.flow_run(run)["state_type"] for run in runs} & {"CRASHED", "FAILED"}
    assert most == 2


def test_a_container_whose_run_is_nobody_s_is_stopped(desk: DockerDesk):
    """It carries the worker's labels, and the worker does not hold it."""
    first, log = desk.work()
    run, _ = waiting(desk)
    first.send_signal(signal.SIGKILL)
    first.wait(60)
    (desk.home / "workers" / "w" / "ledger").write_bytes(
        forget_entries((desk.home / "workers" / "w" / "ledger").read_bytes())
    )
    desk.work()
    wait_for(lambda: not desk.containers(run), log, 60)


def forget_entries(ledger: bytes) -> bytes:
    """The ledger without its attempts; whose it is stays."""
    head = ledger[:1024]
    return head + b"\0" * (len(ledger) - len(head))
