"""The demo's parts: its directory, the server and the worker in it, and the run on them."""

import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from headrace import __version__
from headrace.cli import server_process
from headrace.cli.server_process import Launch, Note
from headrace.client import Client, deployments, flow_runs, flows, work_pools, workers
from headrace.client.http import client_of
from headrace.errors import HeadraceError, ObjectNotFound, ServerUnreachable
from headrace.infrastructure.templates import DEFAULT_TEMPLATES
from headrace.settings import Settings, temporary_settings
from headrace.wire.deployments import DeploymentCreate, DeploymentFlowRunCreate
from headrace.wire.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from headrace.wire.flow_runs import FlowRunResponse, FlowRunSort, ReadFlowRunsBody
from headrace.wire.flows import FlowCreate
from headrace.wire.states import StateCreate, StateType
from headrace.wire.work_pools import WorkPoolCreate
from headrace.wire.workers import ReadWorkersBody, WorkerStatus

POOL = "demo"
FLOW = "champion-challenger"
DEPLOYMENT = "demo"
ENTRYPOINT = "headrace.demo.pipeline:champion_challenger"
MARK = "headrace-demo"  # a file by which the demo knows a directory as its own
WORKER_SECONDS = 60.0  # for the worker to be online
STOP_SECONDS = 30.0
OPEN = [
    StateType.SCHEDULED,
    StateType.PENDING,
    StateType.RUNNING,
    StateType.PAUSED,
    StateType.CANCELLING,
]


@dataclass(frozen=True)
class Stage:
    """A demo that is set up and running."""

    directory: Path
    server: Note
    client: Client


def check_extra() -> None:
    """Refuse where the records and the drift detector are not installed."""
    if importlib.util.find_spec("river") is None:
        message = "the example pipeline needs an extra: pip install 'headrace[example]'"
        raise HeadraceError(message)


def claim_directory(directory: Path) -> bool:
    """Make the demo's directory, or take up the one of an earlier demo; True when it is new.

    Raises:
        HeadraceError: The directory is somebody else's, or cannot be written.
    """
    mark = directory / MARK
    try:
        if directory.exists() and any(directory.iterdir()) and not mark.exists():
            message = f"{directory} is not empty and not of a demo: name another with --directory"
            raise HeadraceError(message)
        is_new = not mark.exists()
        directory.mkdir(parents=True, exist_ok=True)
        mark.write_text(f"{__version__}\n", encoding="utf-8")
    except OSError as error:
        message = f"cannot write {directory}: {error.strerror}; name another with --directory"
        raise HeadraceError(message) from error
    return is_new


@contextlib.contextmanager
def stage_in(directory: Path) -> Generator[Stage]:
    """A server in the directory; what it started is left running (see `clear`)."""
    with temporary_settings(
        home=directory, api_url=None, api_key=None, api_auth_string=None
    ) as own:
        found = server_process.find(own)
        note = found or server_process.start_in_background(own, _launch(directory))
        with client_of(own, note.url) as client:
            yield Stage(directory, note, client)


def _launch(directory: Path) -> Launch:
    return Launch("127.0.0.1", 0, f"sqlite:///{directory / 'headrace.db'}", "warning")


def deploy(stage: Stage) -> UUID:
    """The pool and the deployment, made where they are not there yet."""
    client = stage.client
    try:
        work_pools.read_work_pool(client, POOL)
    except ObjectNotFound:
        template = DEFAULT_TEMPLATES["process"]
        body = WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        work_pools.create_work_pool(client, body)
    flow = flows.create_flow(client, FlowCreate(name=FLOW))
    made = deployments.create_deployment(
        client,
        DeploymentCreate(
            name=DEPLOYMENT,
            flow_id=flow.id,
            work_pool_name=POOL,
            entrypoint=ENTRYPOINT,
            path=str(stage.directory),
            parameters={"directory": str(stage.directory / "models")},
            description="Score, notice drift, train a challenger, ask, promote.",
        ),
    )
    return made.id


def start_worker(stage: Stage) -> int:
    """A worker for the pool, in a process that outlives this one; its process id.

    Raises:
        ServerUnreachable: It does not come online; the message has the end of its log.
    """
    note = stage.directory / "worker.pid"
    with contextlib.suppress(OSError, ValueError):
        pid = int(note.read_text(encoding="ascii"))
        if server_process.is_alive(pid):
            return pid
    log = stage.directory / "worker.log"
    environment = {
        **os.environ,
        "HEADRACE_HOME": str(stage.directory),
        "HEADRACE_API_URL": stage.server.url,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # this interpreter, our own program
            [
                sys.executable,
                "-m",
                "headrace.cli",
                "worker",
                "start",
                "--pool",
                POOL,
                "--name",
                "demo",
            ],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    note.write_text(str(process.pid), encoding="ascii")
    deadline = time.monotonic() + WORKER_SECONDS
    while not _is_online(stage.client):
        if process.poll() is not None or time.monotonic() > deadline:
            raise ServerUnreachable(f"the worker did not start: {log.read_text()[-2000:].strip()}")
        time.sleep(server_process.LOOK_SECONDS)
    return process.pid


def _is_online(client: Client) -> bool:
    found = workers.list_workers(client, POOL, ReadWorkersBody())
    return any(worker.status is WorkerStatus.ONLINE for worker in found)


def find_open_run(stage: Stage, deployment_id: UUID) -> FlowRunResponse | None:
    """The run that an earlier demo left unfinished, if there is one."""
    unfinished = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment_id]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=OPEN)),
    )
    body = ReadFlowRunsBody(flow_runs=unfinished, limit=1, sort=FlowRunSort.ID_DESC)
    found = flow_runs.list_flow_runs(stage.client, body)
    return found[0] if found else None


def trigger(stage: Stage, deployment_id: UUID) -> FlowRunResponse:
    """A new run, due now."""
    body = DeploymentFlowRunCreate(state=StateCreate(type=StateType.SCHEDULED))
    return deployments.create_flow_run_from_deployment(stage.client, deployment_id, body)


def clear(stage: Stage, worker_pid: int, settings: Settings) -> None:
    """End the worker and the server that the demo started."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker_pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while server_process.is_alive(worker_pid) and time.monotonic() < deadline:
        time.sleep(server_process.LOOK_SECONDS)
    (stage.directory / "worker.pid").unlink(missing_ok=True)
    server_process.stop(settings, stage.server)
