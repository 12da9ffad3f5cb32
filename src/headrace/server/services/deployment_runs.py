"""Runs of deployments: what a person or program asks for, checked and completed.

One read gives all that a run is made from; schemas and templates are kept compiled by their text, so
that a run costs one read and one unit.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.names import generate_name
from headrace.core.parameters import find_parameter_faults, find_variables, open_values
from headrace.core.short_texts import TEMPLATE, remember_short
from headrace.core.states import State, StateType, default_name
from headrace.core.templates import Layer
from headrace.core.times import now_text
from headrace.errors import BadRequest, Conflict, HeadraceError, ObjectNotFound, Unprocessable
from headrace.server.services import flow_runs
from headrace.server.services.deployment_targets import (
    Client,
    check_values,
    find_queue,
    open_template,
    refuse_unknown,
)
from headrace.server.services.deployments import NOT_FOUND
from headrace.server.services.flow_runs import encode_policy, first_state, to_json
from headrace.server.services.signals import Signals
from headrace.server.services.variables import read_values
from headrace.server.store import deployments as store
from headrace.server.store.database import Database, Row
from headrace.server.store.flow_runs import DEFAULT_POLICY, NewFlowRun
from headrace.wire.deployments import DeploymentFlowRunCreate
from headrace.wire.flow_runs import FlowRunPolicy

Json = dict[str, Any]

_NO_POLICY = FlowRunPolicy()


class Source(NamedTuple):
    """What a deployment's runs are made from: a row of `store.FOR_RUN`; JSON as text."""

    id: str
    name: str
    flow_id: str
    flow_name: str
    version: str | None
    tags: str
    labels: str
    parameters: str
    parameter_schema: str | None
    enforces_parameters: bool
    job_variables: str
    infrastructure_document_id: str | None
    work_queue_id: str | None
    work_queue_name: str | None
    work_pool_id: str | None
    work_pool_name: str | None
    template: str | None
    flow_tags: str
    work_pool_type: str | None


async def create_flow_run(
    database: Database,
    signals: Signals,
    deployment_id: str,
    body: DeploymentFlowRunCreate,
    client: Client,
) -> tuple[Row, bool]:
    """A run of a deployment, or the one its idempotency key made before; and whether it was made.

    Raises:
        ObjectNotFound: The deployment is not there.
        Conflict: The parameters are not what the deployment's schema allows.
        ValidationFailed: The job variables are not what the pool's template allows.
        Unprocessable: It names a queue, and the deployment has no pool.
    """
    source = await read_source(database, deployment_id)
    new = await describe(database, signals, source, body, client)
    return await flow_runs.create_flow_run(database, signals, new)


MOST_AT_ONCE = 100
"""The contract's bound of one request."""


async def create_flow_runs(
    database: Database,
    signals: Signals,
    deployment_id: str,
    bodies: Sequence[DeploymentFlowRunCreate],
    client: Client,
) -> list[dict[str, object]]:
    """One result for each body, in order: the contract's `FlowRunCreateResult`.

    Raises `BadRequest` where there are more bodies than may be sent at once.
    """
    if len(bodies) > MOST_AT_ONCE:
        message = f"At most {MOST_AT_ONCE} flow runs are made at once, and not {len(bodies)}."
        raise BadRequest(message)
    source = await read_source(database, deployment_id)
    results: list[dict[str, object]] = []
    for body in bodies:
        try:
            new = await describe(database, signals, source, body, client)
            row, _ = await flow_runs.create_flow_run(database, signals, new)
        except HeadraceError as error:
            results.append({"flow_run_id": None, "status": "FAILED", "error": str(error)})
        else:
            # also one that its idempotency key finds again: the contract knows no third status
            results.append({"flow_run_id": row[_ID_AT], "status": "CREATED", "error": None})
    return results


_ID_AT = flow_runs.store.SHAPE.positions["id"]


async def read_source(database: Database, deployment_id: str) -> Source:
    """What the deployment's runs are made from. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.FOR_RUN, {"deployment_id": deployment_id})
    if row is None:
        raise ObjectNotFound(NOT_FOUND)
    return Source(*row)


async def describe(
    database: Database,
    signals: Signals,
    source: Source,
    body: DeploymentFlowRunCreate,
    client: Client,
) -> NewFlowRun:
    """The run that a body asks for. Raises as `create_flow_run` does."""
    if body.work_queue_name is not None and body.work_queue_name != source.work_queue_name:
        source = await _move(database, signals, source, body.work_queue_name)
    given = await _open_parameters(database, body.parameters)
    enforce = body.enforce_parameter_schema
    parameters = merge_parameters(
        source, given, enforce=source.enforces_parameters if enforce is None else enforce
    )
    job_variables = None if body.job_variables is None else to_json(body.job_variables)
    if source.template is not None:
        _check_job_variables(source.template, source.job_variables, job_variables or "{}", client)
    infrastructure = body.infrastructure_document_id
    policy = body.empirical_policy
    return NewFlowRun(
        id=new_id(),
        name=body.name if body.name is not UNSET and body.name else generate_name(),
        flow_id=source.flow_id,
        flow_name=source.flow_name,
        flow_tags=source.flow_tags,
        state=_due_now() if body.state is None else first_state(body.state),
        tags=merge_tags(source, body.tags),
        labels=merge_labels(source, body.labels),
        parameters=parameters,
        context=to_json(body.context) if body.context else "{}",
        empirical_policy=DEFAULT_POLICY if policy == _NO_POLICY else encode_policy(policy),
        deployment_id=source.id,
        deployment_name=source.name,
        deployment_version=source.version,
        work_queue_id=source.work_queue_id,
        work_queue_name=source.work_queue_name,
        work_pool_id=source.work_pool_id,
        work_pool_name=source.work_pool_name,
        work_pool_type=source.work_pool_type,
        idempotency_key=body.idempotency_key,
        parent_task_run_id=None
        if body.parent_task_run_id is None
        else str(body.parent_task_run_id),
        infrastructure_document_id=source.infrastructure_document_id
        if infrastructure is None
        else str(infrastructure),
        job_variables=job_variables,
    )


def _due_now() -> State:
    """A run that is asked for without a state is due at once."""
    kind, now = StateType.SCHEDULED, now_text()
    return State(
        type=kind,
        name=default_name(kind),
        id=new_id(),
        timestamp=now,
        details={"scheduled_time": now},
    )


async def _move(database: Database, signals: Signals, source: Source, queue_name: str) -> Source:
    """The same with another queue of its pool, made when there is none of this name."""
    if source.work_pool_name is None:
        message = f"The deployment {source.name!r} has no work pool, so its run cannot go to the "
        raise Unprocessable(f"{message}queue {queue_name!r}; leave work_queue_name out.")
    queue = await find_queue(database, signals, source.work_pool_name, queue_name)
    assert queue is not None
    return source._replace(work_queue_id=queue.id, work_queue_name=queue.name)


async def _open_parameters(database: Database, given: Json) -> Json:
    if not given:
        return given
    values = await read_values(database, list(dict.fromkeys(find_variables(given))))
    try:
        opened = open_values(given, values.__getitem__)
    except ValueError as error:
        raise Conflict(f"A parameter of the run cannot be made: {error}") from error
    return cast("Json", opened)


def merge_parameters(source: Source, given: Mapping[str, object], *, enforce: bool) -> str:
    """The deployment's parameters with the given ones over them, as JSON.

    Raises `Conflict` with the field named where they are not what the deployment's schema allows.
    """
    merged = (open_json(source.parameters) | dict(given)) if given else open_json(source.parameters)
    if enforce and source.parameter_schema not in {None, "", "{}"}:
        schema = open_json(str(source.parameter_schema))
        faults = find_parameter_faults(schema, merged, complete=True)
        if faults:
            fields = "; ".join(
                f"parameter {fault.field!r}: {fault.message}" if fault.path else fault.message
                for fault in faults
            )
            raise Conflict(f"The run of deployment {source.name!r} cannot be made: {fields}.")
    return to_json(merged) if given else source.parameters


def merge_tags(source: Source, *given: Sequence[str]) -> tuple[str, ...]:
    """The deployment's tags and those given, each once."""
    return tuple(dict.fromkeys((*_open_tags(source.tags), *(t for tags in given for t in tags))))


def merge_labels(source: Source, given: Mapping[str, object] | None) -> str:
    """The deployment's labels, the given ones, and what says where the run comes from; as JSON."""
    origin = {"prefect.flow.id": source.flow_id, "prefect.deployment.id": source.id}
    return to_json(open_json(source.labels) | dict(given or {}) | origin)


@remember_short(1024)
def open_json(text: str) -> Json:
    """An object, read once: not to be changed by those who get it."""
    return msgspec.json.decode(text, type=Json)


@remember_short(1024)
def _open_tags(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text, type=list[str]))


@remember_short(256, TEMPLATE)
def _check_job_variables(template: str, of_deployment: str, of_run: str, client: Client) -> None:
    """Refuse values that the template does not allow. What passed once passes without a look."""
    layers = [Layer("deployment", open_json(of_deployment)), Layer("run", open_json(of_run))]
    opened = open_template(template)
    if opened:
        check_values(opened, layers, client, complete=True)
        refuse_unknown(opened, layers[1:], client)
