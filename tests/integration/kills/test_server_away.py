"""A server that is away for longer than its leases: what ran goes on, and completes once."""

import os
import signal
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
from bench.kills.scene import Scene, scene

LEASE_SECONDS = 6.0
AWAY_SECONDS = 9.0  # longer than a lease and any part of it
LINGER_SECONDS = 10.0  # the flow still runs when the server is back
BOUND_SECONDS = 60.0


@pytest.fixture(scope="module")
def short_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("away")
    with scene(directory / "scene", str(directory / "away.db"), LEASE_SECONDS) as built:
        yield built


def start_run(scene: Scene, linger: float) -> tuple[str, str]:
    """A run that is in the midst of its flow."""
    key = uuid4().hex
    parameters = {"key": key, "pauses": False, "linger": linger}
    path = f"/deployments/{scene.deployment}/create_flow_run"
    run_id = scene.rest.post(path, {"parameters": parameters, "state": {"type": "SCHEDULED"}})["id"]
    trace = scene.traces / key
    deadline = time.monotonic() + BOUND_SECONDS
    while not (trace.exists() and "end-2" in trace.read_text()):
        assert time.monotonic() < deadline, "the run never came to its second task"
        time.sleep(0.02)
    return run_id, key


def wait_for_end(scene: Scene, run_id: str) -> str:
    deadline = time.monotonic() + BOUND_SECONDS
    while True:
        state = scene.rest.get(f"/flow_runs/{run_id}")["state_type"]
        if state in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} or time.monotonic() > deadline:
            return state
        time.sleep(0.05)


def told(scene: Scene, run_id: str) -> str:
    """What the run's states and the programs said, for whoever reads a failure."""
    states = scene.rest.get(f"/flow_run_states/?flow_run_id={run_id}")
    logs = [scene.log_of(name).read_text()[-1500:] for name in ("server", "worker")]
    return "\n".join([*(f"{s['timestamp']} {s['name']}: {s['message']}" for s in states), *logs])


@pytest.mark.kill
@pytest.mark.timeout(180)
@pytest.mark.parametrize("linger", [LINGER_SECONDS, 1.0], ids=["outlasts", "ends meanwhile"])
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_run_survives_a_server_that_is_away(short_leases: Scene, how: str, linger: float) -> None:
    """Stopped, or dead and started again later: one attempt, Completed, tasks complete."""
    run_id, key = start_run(short_leases, linger)
    server = short_leases.pid("server")
    os.kill(server, signal.SIGSTOP if how == "stop" else signal.SIGKILL)
    time.sleep(AWAY_SECONDS)
    if how == "stop":
        os.kill(server, signal.SIGCONT)
    else:
        short_leases.revive()
    assert wait_for_end(short_leases, run_id) == "COMPLETED", told(short_leases, run_id)
    lines = [line.split() for line in (short_leases.traces / key).read_text().splitlines()]
    assert len({line[1] for line in lines}) == 1
    assert [line[0] for line in lines].count("end-3") == 1
    states = short_leases.rest.get(f"/flow_run_states/?flow_run_id={run_id}")
    assert [state["type"] for state in states] == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


@pytest.mark.kill
@pytest.mark.timeout(180)
def test_a_dead_worker_is_still_noticed_after_an_absence(short_leases: Scene) -> None:
    """Prolonged leases end: a worker that died while the server was away loses its run."""
    run_id, _ = start_run(short_leases, 60.0)
    os.kill(short_leases.pid("server"), signal.SIGKILL)
    worker = short_leases.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    time.sleep(1.0)
    try:
        short_leases.revive()
        assert wait_for_end(short_leases, run_id) == "CRASHED"
    finally:
        os.kill(worker, signal.SIGCONT)
