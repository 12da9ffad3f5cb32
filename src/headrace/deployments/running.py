"""Running a deployment from Python, and waiting for what it comes to."""

import time
from collections.abc import Generator, Iterable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from headrace.client.deployments import (
    create_flow_run_from_deployment,
    read_deployment,
    read_deployment_by_name,
)
from headrace.client.flow_runs import read_flow_run
from headrace.client.flows import read_flow
from headrace.context import FlowRunContext, current_tags
from headrace.engine.api import api, create_stand_in
from headrace.engine.commands import Command, Request, Sleep
from headrace.engine.drivers import run_for_caller
from headrace.engine.resolution import resolved, upstreams
from headrace.engine.serialization import as_json_parameters
from headrace.errors import ConfigurationError
from headrace.states import FINAL
from headrace.wire.deployments import DeploymentFlowRunCreate, DeploymentResponse
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.states import StateCreate, StateDetails, StateType

FIRST_LOOK = 0.05  # seconds until the run is first looked at; then ever less often
SLOWER = 1.5  # how many times longer each pause between two looks is than the one before


def run_deployment(  # noqa: PLR0917  # the contract's signature
    name: str | UUID,
    client: object = None,
    parameters: dict[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,
    poll_interval: float | None = 5,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    work_queue_name: str | None = None,
    as_subflow: bool | None = True,
    job_variables: dict[str, Any] | None = None,
) -> Any:
    """Make a run of a deployment and wait until it is over; in async code something to await.

    Args:
        name: `flow/deployment`, or the deployment's id.
        client: Accepted for the contract.
        parameters: Over the deployment's own.
        scheduled_time: When it is to run; now when not given.
        flow_run_name: The run's name.
        timeout: Seconds to wait; 0 does not wait, None waits for ever.
        poll_interval: Seconds between two looks at the run, at most.
        tags: Of the run, beside those of the code that runs here.
        idempotency_key: The same key gives the same run.
        work_queue_name: A queue of the deployment's pool.
        as_subflow: Whether, in a flow, the run is shown as a part of it.
        job_variables: Over the deployment's own.

    Returns:
        The run, as it was when it was last looked at.

    Raises:
        ObjectNotFound: There is no such deployment.
        ConfigurationError: The name is none.
        HeadraceError: The API refuses, or does not answer.
    """
    del client
    given = DeploymentFlowRunCreate(
        state=_scheduled(scheduled_time),
        parameters=parameters or {},
        job_variables=job_variables,
        tags=sorted({*(tags or ()), *current_tags()}),
        idempotency_key=idempotency_key,
        work_queue_name=work_queue_name,
    )
    if flow_run_name is not None:
        given.name = flow_run_name
    interval = 5.0 if poll_interval is None else poll_interval
    return run_for_caller(_run(name, given, timeout, interval, is_part=bool(as_subflow)))


def _run(
    name: str | UUID,
    given: DeploymentFlowRunCreate,
    timeout: float | None,
    poll_interval: float,
    *,
    is_part: bool,
) -> Generator[Command, Any, FlowRunResponse]:
    found: DeploymentResponse = yield Request(_find, name)
    parent = FlowRunContext.get()
    if is_part and parent is not None:
        flow = yield Request(read_flow, api(), found.flow_id)
        shown = SimpleNamespace(name=f"{flow.name}/{found.name}", version=found.version)
        inputs = upstreams(given.parameters, None, parent)
        number = parent.count(shown.name)
        given.parent_task_run_id = yield Request(
            create_stand_in, shown, parent.flow_run.id, number, inputs
        )
        if given.idempotency_key is None:  # an attempt that is repeated finds its run again
            given.idempotency_key = f"{parent.flow_run.id}-{shown.name}-{number}"
    given.parameters = as_json_parameters(resolved(given.parameters))
    run: FlowRunResponse = yield Request(create_flow_run_from_deployment, api(), found.id, given)
    end = None if timeout is None else time.monotonic() + timeout
    pause = FIRST_LOOK
    while run.state_type is None or StateType(run.state_type) not in FINAL:
        if end is not None and time.monotonic() >= end:
            break
        yield Sleep(pause if end is None else min(pause, max(0.0, end - time.monotonic())))
        pause = min(pause * SLOWER, poll_interval)
        run = yield Request(read_flow_run, api(), run.id)
    return run


def _find(name: str | UUID) -> DeploymentResponse:
    try:
        return read_deployment(api(), name if isinstance(name, UUID) else UUID(name))
    except ValueError:
        flow, slash, own = str(name).rpartition("/")
        if not slash:
            message = f"{name!r} is no deployment: write 'flow/deployment', or its id"
            raise ConfigurationError(message) from None
        return read_deployment_by_name(api(), flow, own)


def _scheduled(moment: datetime | None) -> StateCreate:
    return StateCreate(
        type=StateType.SCHEDULED,
        state_details=StateDetails(scheduled_time=moment or datetime.now(UTC)),
    )
