"""The contract's own kubernetes worker on our server, with a cluster that really runs its pods."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import PROGRAMS, ContractClient, Running
from tests.interop.served import Served
from tests.stand_ins.kubernetes.cluster import StandInCluster
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
IMAGE = "prefect:test"


@pytest.fixture(scope="session")
def peer_python(peer_with_workers: Path) -> Path:
    """The interpreter that has the contract's client and its kubernetes worker."""
    return peer_with_workers


@pytest.fixture(scope="module")
def worker(
    client: ContractClient, served: Served, stand_in_cluster: StandInCluster, place: Path
) -> Iterator[Running]:
    """The worker, which polls each second, for a pool that the contract's command made."""
    stand_in_cluster.control("images", {IMAGE: str(client.python.parent)})
    client.cli("work-pool", "create", "theirs", "--type", "kubernetes")
    kubeconfig = stand_in_cluster.write_kubeconfig(place / "kubeconfig")
    command = (str(client.python.parent / "prefect"), "worker", "start", "--pool", "theirs")
    settings = {"KUBECONFIG": str(kubeconfig), "PREFECT_WORKER_QUERY_SECONDS": "1"}
    with client.running(*command, **settings) as running:

        def is_online() -> bool:
            found = served.post("/work_pools/theirs/workers/filter", {})
            return any(one["status"] == "ONLINE" for one in found)

        wait_until(is_online, lambda: running.output)
        yield running


def trigger(served: Served, flow: str, **parameters: Any) -> str:
    """A run, now; its id."""
    flow_id = served.post("/flows/", {"name": flow})["id"]
    deployment = {
        "name": flow,
        "flow_id": flow_id,
        "work_pool_name": "theirs",
        "entrypoint": f"in_containers.py:{flow}",
        "path": str(PROGRAMS),
        "job_variables": {"image": IMAGE, "namespace": "jobs"},
    }
    made = served.post("/deployments/", deployment)["id"]
    return served.post(f"/deployments/{made}/create_flow_run", {"parameters": parameters})["id"]


def asleep(served: Served, place: Path, name: str, output: Running) -> tuple[str, int]:
    """A run that sleeps in its pod, and its process."""
    mark = place / name
    run = trigger(served, "sleeps", mark=str(mark))
    wait_until(lambda: mark.exists() and bool(mark.read_text()), lambda: output.output)
    return run, int(mark.read_text())


def test_a_run_completes_in_a_pod(
    worker: Running, served: Served, stand_in_cluster: StandInCluster
) -> None:
    run = trigger(served, "doubles", number=4)
    served.wait_for_state(run, "Completed")
    assert len(served.task_runs(run)) == 1
    jobs = [j for j in stand_in_cluster.all("jobs") if run in str(j["metadata"]["labels"])]
    assert len(jobs) == 1


def test_a_pod_whose_process_is_killed_has_crashed(
    worker: Running, served: Served, place: Path
) -> None:
    run, pid = asleep(served, place, "crash", worker)
    os.kill(pid, signal.SIGKILL)
    served.wait_for_state(run, "Crashed")


def test_cancelling_ends_the_job(
    worker: Running, served: Served, place: Path, stand_in_cluster: StandInCluster
) -> None:
    run, pid = asleep(served, place, "cancel", worker)
    served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    served.wait_for_state(run, "Cancelled")
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), lambda: worker.output)
