"""Flows of the contract's SDK in containers of a real engine, deployed by its own command.

Once by its own docker worker on our server, once by ours: the same deployments in two pools.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.docker_engine import DockerEngine
from tests.interop.contract_client import PROGRAMS, CommandLine, ContractClient, Running
from tests.interop.served import Served, wait_until

pytestmark = pytest.mark.timeout(400)

THEIRS, OURS = "theirs", "ours"
RUN_LABELS = {THEIRS: "io.prefect.flow-run-id", OURS: "headrace.flow-run-id"}

PROJECT = """
pull:
- prefect.deployments.steps.set_working_directory:
    directory: {place}
deployments:
- &doubles
  name: theirs
  entrypoint: in_containers.py:doubles
  parameters: {{number: 4}}
  work_pool: &pool
    name: theirs
    job_variables: &variables
      image: "{image}"
      image_pull_policy: Never
      volumes: ["{place}:{place}"]
      env: {{GREETING: "{{{{ prefect.variables.greeting }}}}"}}
- &sleeps
  <<: *doubles
  entrypoint: in_containers.py:sleeps
  parameters: {{mark: "{place}/theirs"}}
- <<: *doubles
  name: ours
  work_pool: {{<<: *pool, name: ours}}
- <<: *sleeps
  name: ours
  parameters: {{mark: "{place}/ours"}}
  work_pool: {{<<: *pool, name: ours}}
"""


@pytest.fixture(scope="session")
def peer_python(peer_with_workers: Path) -> Path:
    """The interpreter that has the contract's client and its docker worker."""
    return peer_with_workers


@pytest.fixture(scope="module")
def engine(docker_engine: DockerEngine) -> Iterator[Any]:
    """A look behind the workers' backs."""
    with closing(docker_engine.client()) as client:
        yield client


@pytest.fixture(scope="module")
def deployed(client: ContractClient, served: Served, place: Path, contract_image: str) -> None:
    """Both pools, and each flow in both."""
    shutil.copy(PROGRAMS / "in_containers.py", place)
    (place / "prefect.yaml").write_text(PROJECT.format(place=place, image=contract_image))
    served.post("/variables/", {"name": "greeting", "value": "hello"})
    with closing(CommandLine(client, cwd=place)) as command:
        for pool in (THEIRS, OURS):
            command("work-pool", "create", pool, "--type", "docker")
        command("deploy", "--all", "--no-prompt")


@pytest.fixture(scope="module", params=[THEIRS, OURS])
def pool(
    request: pytest.FixtureRequest,
    client: ContractClient,
    served: Served,
    deployed: None,
    docker_engine: DockerEngine,
) -> Iterator[tuple[str, Running]]:
    """A pool and its worker: the contract's, which polls each second, or ours."""
    name = request.param
    start = ("worker", "start", "--pool", name)
    settings = dict(docker_engine.environment)
    if name == THEIRS:
        command = (str(client.python.parent / "prefect"), *start)
        settings |= {"PREFECT_WORKER_QUERY_SECONDS": "1"}
    else:
        command = (sys.executable, "-m", "headrace.cli", *start)
        settings |= {"HEADRACE_API_URL": served.url, "HEADRACE_HOME": str(client.work / "ours")}
    with client.running(*command, **settings) as running:

        def is_online() -> bool:
            found = served.post(f"/work_pools/{name}/workers/filter", {})
            return any(one["status"] == "ONLINE" for one in found)

        wait_until(is_online, lambda: running.output)
        yield name, running


def trigger(served: Served, flow: str, pool: str, **body: Any) -> str:
    """A run of a deployment, now; its id."""
    deployment = served.get(f"/deployments/name/{flow}/{pool}")["id"]
    return served.post(f"/deployments/{deployment}/create_flow_run", body)["id"]


def containers(engine: Any, pool: str, run: str) -> list[dict[str, Any]]:
    """The run's containers that are up."""
    return engine.containers(filters={"label": f"{RUN_LABELS[pool]}={run}"})


def test_a_run_completes_in_its_container(pool: tuple[str, Running], served: Served) -> None:
    """It finds the API; parameters, environment with a variable in it, logs and tasks as deployed."""
    name, worker = pool
    run = trigger(served, "doubles", name)
    served.wait_for_state(run, "Completed")
    assert len(served.task_runs(run)) == 1

    def told() -> list[str]:
        lines = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return [line["message"] for line in lines if "in a container" in line["message"]]

    wait_until(lambda: bool(told()), lambda: worker.output)
    assert told() == ["doubled in a container, hello"]


def test_cancelling_stops_the_container(
    pool: tuple[str, Running], served: Served, place: Path, engine: Any
) -> None:
    name, worker = pool
    run = trigger(served, "sleeps", name)
    wait_until((place / name).exists, lambda: worker.output)
    assert containers(engine, name, run)
    served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    served.wait_for_state(run, "Cancelled")
    wait_until(lambda: not containers(engine, name, run), lambda: worker.output)


def test_a_killed_container_is_a_crash_with_its_reason(
    pool: tuple[str, Running], served: Served, engine: Any
) -> None:
    name, worker = pool
    run = trigger(served, "doubles", name, job_variables={"command": "sleep 600"})
    wait_until(lambda: bool(containers(engine, name, run)), lambda: worker.output)
    (container,) = containers(engine, name, run)
    engine.kill(container["Id"])
    told = served.wait_for_state(run, "Crashed")["state"]["message"]
    assert ("137" if name == THEIRS else "SIGKILL") in told
