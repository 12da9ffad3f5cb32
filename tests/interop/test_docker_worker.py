"""Flows of the contract's SDK in containers of a real engine, deployed by its own command.

Once by its own docker worker on our server, once by ours: the same deployments in two pools.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from tests.docker_engine import DockerEngine
from tests.interop.contract_client import PROGRAMS, CommandLine, ContractClient, Running
from tests.interop.served import Served
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(600)

LONG = 240.0  # seconds: a container that imports the SDK takes a minute on a busy machine
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
    with closing(CommandLine(client, cwd=place)) as command:
        for pool in (THEIRS, OURS):
            command("work-pool", "create", pool, "--type", "docker")
        command("deploy", "--all", "--no-prompt")


@pytest.fixture(scope="module")
def workers(
    client: ContractClient, served: Served, deployed: None, docker_engine: DockerEngine
) -> Iterator[dict[str, Running]]:
    """Each pool's worker, by its pool: the contract's, which polls each second, and ours."""
    settings = {
        **docker_engine.environment,
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "HEADRACE_API_URL": served.url,
        "HEADRACE_HOME": str(client.work / "ours"),
    }
    programs = {
        THEIRS: (str(client.python.parent / "prefect"),),
        OURS: (sys.executable, "-m", "headrace.cli"),
    }
    with ExitStack() as stack:
        started = {
            pool: stack.enter_context(
                client.running(*program, "worker", "start", "--pool", pool, **settings)
            )
            for pool, program in programs.items()
        }

        def are_online() -> bool:
            found = [served.post(f"/work_pools/{pool}/workers/filter", {}) for pool in programs]
            return all(any(one["status"] == "ONLINE" for one in each) for each in found)

        wait_until(are_online, lambda: "\n".join(one.output for one in started.values()), LONG)
        yield started


in_both_pools = pytest.mark.parametrize("pool", [THEIRS, OURS])


def trigger(served: Served, flow: str, pool: str, **body: Any) -> str:
    """A run of a deployment, now; its id."""
    deployment = served.get(f"/deployments/name/{flow}/{pool}")["id"]
    return served.post(f"/deployments/{deployment}/create_flow_run", body)["id"]


def save_secret(served: Served, name: str, value: str) -> None:
    """A block of the type `secret`."""
    kind = served.get("/block_types/slug/secret")["id"]
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
    schema = served.post("/block_schemas/filter", wanted)[0]["id"]
    document = {"name": name, "block_type_id": kind, "block_schema_id": schema}
    served.post("/block_documents/", document | {"data": {"value": value}})


def containers(engine: Any, pool: str, run: str) -> list[dict[str, Any]]:
    """The run's containers that are up."""
    return engine.containers(filters={"label": f"{RUN_LABELS[pool]}={run}"})


@in_both_pools
def test_a_run_completes_in_its_container(
    workers: dict[str, Running], pool: str, served: Served
) -> None:
    """It finds the API; parameters, logs and tasks as deployed; what its job refers to is resolved."""
    worker = workers[pool]
    served.post("/variables/", {"name": f"greeting_{pool}", "value": "hello"})
    save_secret(served, f"code-{pool}", "1234")
    greeting = f"{{{{ prefect.variables.greeting_{pool} }}}}"
    env = {"GREETING": greeting, "CODE": f"{{{{ prefect.blocks.secret.code-{pool} }}}}"}
    run = trigger(served, "doubles", pool, job_variables={"env": env})
    served.wait_for_state(run, "Completed", seconds=LONG)
    wait_until(lambda: len(served.task_runs(run)) == 1, lambda: worker.output)

    def told() -> list[str]:
        lines = served.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return [line["message"] for line in lines if "in a container" in line["message"]]

    wait_until(lambda: bool(told()), lambda: worker.output)
    assert told() == ["doubled in a container: hello 1234"]


@in_both_pools
def test_cancelling_stops_the_container(
    workers: dict[str, Running], pool: str, served: Served, place: Path, engine: Any
) -> None:
    worker = workers[pool]
    run = trigger(served, "sleeps", pool)
    wait_until((place / pool).exists, lambda: worker.output, LONG)
    assert containers(engine, pool, run)
    served.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    served.wait_for_state(run, "Cancelled", seconds=LONG)
    wait_until(lambda: not containers(engine, pool, run), lambda: worker.output, LONG)


@in_both_pools
def test_a_killed_container_is_a_crash_with_its_reason(
    workers: dict[str, Running], pool: str, served: Served, engine: Any
) -> None:
    worker = workers[pool]
    run = trigger(served, "doubles", pool, job_variables={"command": "sleep 600"})
    wait_until(lambda: bool(containers(engine, pool, run)), lambda: worker.output, LONG)
    (container,) = containers(engine, pool, run)
    engine.kill(container["Id"])
    told = served.wait_for_state(run, "Crashed", seconds=LONG)["state"]["message"]
    assert ("137" if pool == THEIRS else "SIGKILL") in told
