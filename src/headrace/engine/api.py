"""The API as the engine uses it: one client for the process, and its calls in the engine's terms."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from uuid import UUID, uuid4

from headrace.client import Client
from headrace.client.default import default_client
from headrace.client.flow_runs import create_flow_run, list_flow_runs, set_flow_run_state
from headrace.client.flows import create_flow
from headrace.client.task_runs import create_task_run
from headrace.results import ResultMetadata
from headrace.states import State
from headrace.wire.filters import FlowRunFilter, FlowRunFilterParentTaskRunId
from headrace.wire.flow_runs import (
    FlowRunCreate,
    FlowRunPolicy,
    FlowRunResponse,
    FlowRunSort,
    ReadFlowRunsBody,
    SetFlowRunStateBody,
)
from headrace.wire.flows import FlowCreate
from headrace.wire.orchestration import FlowRunResult, OrchestrationResult
from headrace.wire.states import State as WireState
from headrace.wire.states import StateCreate, StateDetails
from headrace.wire.states import StateType as WireStateType
from headrace.wire.task_runs import Constant, Parameter, TaskRunCreate, TaskRunResult

TaskInputs = dict[str, list[TaskRunResult | FlowRunResult | Parameter | Constant]]


def api() -> Client:
    """The client of this process."""
    return default_client()


@cache
def flow_id(url: str, name: str) -> UUID:
    """The id of the flow of this name on the server at `url`, registered if it was not."""
    del url  # a part of the cache's key: a test may talk to several servers
    return create_flow(api(), FlowCreate(name=name)).id


def create_run(
    flow: Any,
    parameters: dict[str, Any],
    tags: Iterable[str],
    name: str | None,
    parent_task_run_id: UUID | None,
) -> FlowRunResponse:
    """A new pending run of a flow.

    Args:
        flow: The `Flow`.
        parameters: As JSON values.
        tags: Of the run.
        name: None lets the server choose one.
        parent_task_run_id: The task run that stands for it in its parent.
    """
    client = api()
    body = FlowRunCreate(
        flow_id=flow_id(client.url, flow.name),
        flow_version=flow.version,
        parameters=parameters,
        tags=sorted(tags),
        parent_task_run_id=parent_task_run_id,
        empirical_policy=policy_of(flow),
        state=StateCreate(type=WireStateType.PENDING, name="Pending"),
        idempotency_key=uuid4().hex,  # lets the client repeat the request when its answer is lost
    )
    if name is not None:
        body.name = name
    return create_flow_run(client, body)


def policy_of(flow: Any) -> FlowRunPolicy:
    """What the server must know to retry a run. It takes whole seconds; the engine waits the rest."""
    delays = flow.retry_delay_seconds
    shortest = delays if isinstance(delays, int | float) else min(delays, default=0)
    return FlowRunPolicy(retries=flow.retries, retry_delay=int(shortest), pause_keys=[])


def create_stand_in(
    flow: Any, flow_run_id: UUID, number: int, inputs: Mapping[str, Iterable[str]]
) -> UUID:
    """The task run that stands for a sub-flow in its parent run; its id.

    Args:
        flow: The sub-flow.
        flow_run_id: The parent run.
        number: How many runs of this sub-flow the parent made before, in this attempt.
        inputs: Task runs that the sub-flow's parameters come from.
    """
    task_inputs: TaskInputs = {
        name: [TaskRunResult(id=UUID(upstream)) for upstream in upstreams]
        for name, upstreams in inputs.items()
    }
    body = TaskRunCreate(
        name=f"{flow.name}-{number}",
        flow_run_id=flow_run_id,
        task_key=f"{flow.name}-subflow",
        dynamic_key=str(number),
        task_version=flow.version,
        task_inputs=task_inputs,
        state=StateCreate(type=WireStateType.PENDING, name="Pending"),
    )
    return create_task_run(api(), body).id


def earlier_run(parent_task_run_id: UUID) -> FlowRunResponse | None:
    """The sub-flow's run that an earlier attempt of the parent made, or None."""
    filters = FlowRunFilter(
        parent_task_run_id=FlowRunFilterParentTaskRunId(any_=[parent_task_run_id])
    )
    body = ReadFlowRunsBody(flow_runs=filters, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=1)
    found = list_flow_runs(api(), body)
    return found[0] if found else None


def send_state(
    flow_run_id: UUID, state: State, epoch: int | None, force: bool
) -> OrchestrationResult:
    """Propose a state. Repeating the proposal with the same state does no harm.

    Args:
        flow_run_id: The run.
        state: What is proposed.
        epoch: Which attempt proposes it, for a run that a worker claimed.
        force: Ask for it whatever the rules say.
    """
    body = SetFlowRunStateBody(state=to_wire(state, flow_run_id), force=force)
    return set_flow_run_state(api(), flow_run_id, body, epoch)


def to_wire(state: State, flow_run_id: UUID) -> StateCreate:
    """A state as it is sent."""
    details = dict(state.details or {})
    details["flow_run_id"] = flow_run_id
    details["transition_id"] = state.id
    details.pop("task_run_id", None)  # the server knows which task run stands for it
    return StateCreate(
        type=WireStateType(state.type),
        name=state.name,
        message=state.message,
        data=state.data.as_wire() if state.data is not None else None,
        state_details=StateDetails(
            untrackable_result=state.is_completed() and state.data is None, **details
        ),
    )


def from_wire(state: WireState) -> State:
    """A state as the server told it."""
    details = {
        field: value
        for field in StateDetails.__struct_fields__
        if (value := getattr(state.state_details, field)) is not None and value is not False
    }
    timestamp = state.timestamp
    return State(
        str(state.type),
        state.name,
        state.message,
        data=ResultMetadata.from_wire(state.data),
        details=details,
        timestamp=timestamp.timestamp() if timestamp else None,
        id=str(state.id),
    )
