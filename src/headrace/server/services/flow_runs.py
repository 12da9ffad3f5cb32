"""Flow runs: made, read, changed, deleted. Their states are moved by `flow_run_states`."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.names import generate_name
from headrace.core.states import State, StateType, default_name
from headrace.core.times import now_text
from headrace.errors import (
    ForeignKeyViolation,
    ObjectNotFound,
    StaleWrite,
    UniqueViolation,
    ValidationFailed,
)
from headrace.server.services import proposals
from headrace.server.services.signals import Signals
from headrace.server.store import artifacts
from headrace.server.store import flow_runs as store
from headrace.server.store.database import Database, Row, Statement, Transaction, Write
from headrace.server.store.flow_runs import NewFlowRun
from headrace.wire.decode import encode
from headrace.wire.faults import make_fault
from headrace.wire.flow_runs import FlowRunCreate, FlowRunPolicy, FlowRunUpdate
from headrace.wire.states import StateCreate

Label = bool | int | float | str


async def create_flow_run(
    database: Database, signals: Signals, new: NewFlowRun
) -> tuple[Row, bool]:
    """The run, made now, or the one that its idempotency key made before; and whether it was made.

    Returns the row of `store.SHAPE`. Raises `ForeignKeyViolation` where what it belongs to is gone.
    """
    if new.idempotency_key is not None:
        found = await find_by_key(database, new.flow_id, new.idempotency_key)
        if found is not None:
            return found, False
    creation = store.create(new, now_text())
    try:
        await database.apply(creation.writes)
    except UniqueViolation:
        # Another caller may have used the key since.
        key = new.idempotency_key
        found = None if key is None else await find_by_key(database, new.flow_id, key)
        if found is None:
            raise
        return found, False
    signals.publish(*creation.topics)
    return creation.row, True


async def find_by_key(database: Database, flow_id: str, key: str) -> Row | None:
    """The run of this flow that was made under this idempotency key."""
    return await database.fetch_one(store.BY_KEY, {"flow_id": flow_id, "idempotency_key": key})


async def describe(database: Database, body: FlowRunCreate) -> NewFlowRun:
    """The run that a body of the contract asks for. Raises `ObjectNotFound` for a missing pool."""
    flow_id = str(body.flow_id)
    flow = await database.fetch_one(store.FLOW, {"flow_id": flow_id})
    if flow is None:
        raise ForeignKeyViolation(f"There is no flow with id {flow_id}; create the flow first.")
    labels = _open_labels(flow[1]) | {"prefect.flow.id": flow_id}
    deployment_id = None if body.deployment_id is None else str(body.deployment_id)
    deployment_name = None
    if deployment_id is not None:
        deployment_name, its_labels = await _deployment(database, deployment_id)
        labels |= _open_labels(its_labels) | {"prefect.deployment.id": deployment_id}
    queue = await _queue_of(database, body.work_pool_name, body.work_queue_name)
    return NewFlowRun(
        id=new_id(),
        name=body.name or generate_name(),
        flow_id=flow_id,
        flow_name=flow[0],
        flow_tags=flow[2],
        state=first_state(body.state),
        tags=body.tags,
        labels=to_json(labels | (body.labels or {})),
        parameters=to_json(body.parameters),
        context=to_json(body.context),
        empirical_policy=encode_policy(body.empirical_policy),
        flow_version=body.flow_version,
        deployment_id=deployment_id,
        deployment_name=deployment_name,
        work_queue_id=queue[0],
        work_queue_name=queue[1] or body.work_queue_name,
        work_pool_id=queue[2],
        work_pool_name=queue[3],
        work_pool_type=queue[4],
        idempotency_key=body.idempotency_key,
        parent_task_run_id=None
        if body.parent_task_run_id is None
        else str(body.parent_task_run_id),
        infrastructure_document_id=None
        if body.infrastructure_document_id is None
        else str(body.infrastructure_document_id),
        job_variables=to_json(body.job_variables or {}),
    )


def first_state(proposed: StateCreate | None) -> State:
    """The state that a new run begins in: as proposed, else Pending; scheduled means now."""
    if proposed is None:
        kind = StateType.PENDING
        return State(type=kind, name=default_name(kind), id=new_id(), timestamp=now_text())
    return proposals.due(proposals.take(proposed))


def encode_policy(policy: FlowRunPolicy) -> str:
    """A run's own retry and pause settings, complete, as they are stored."""
    if policy.pause_keys is None:
        policy = msgspec.structs.replace(policy, pause_keys=[])
    return to_json(policy)


def to_json(value: object) -> str:
    """A JSON column's text."""
    return encode(value).decode()


def _open_labels(text: str) -> dict[str, Label]:
    return msgspec.json.decode(text, type=dict[str, Label])


async def _deployment(database: Database, deployment_id: str) -> tuple[str, str]:
    """Its name and its labels."""
    row = await database.fetch_one(store.DEPLOYMENT, {"deployment_id": deployment_id})
    if row is None:
        raise ForeignKeyViolation(f"There is no deployment with id {deployment_id}.")
    return row[0], row[1]


async def _queue_of(
    database: Database, pool: str | None, queue: str | None
) -> tuple[str | None, str | None, str | None, str | None, str | None]:
    """Queue id and name, pool id, name and type; nothing where no pool is named."""
    if pool is None:
        return None, None, None, None, None
    row = await database.fetch_one(
        store.QUEUE_OF_POOL, {"pool_name": pool, "queue_name": queue or "default"}
    )
    if row is None:
        raise ObjectNotFound(f"Work pool {pool!r} has no queue {queue or 'default'!r}.")
    return row[0], row[1], row[2], row[3], row[4]


async def read_flow_run(database: Database, run_id: str) -> Row:
    """One run, as a row of `store.SHAPE`. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"run_id": run_id})
    if row is None:
        raise ObjectNotFound("Flow run not found")
    return row


async def update_flow_run(database: Database, run_id: str, body: FlowRunUpdate) -> None:
    """Set what the body names. Raises `ObjectNotFound`."""
    values: dict[str, str | None] = {}
    if body.name is not UNSET and body.name is not None:
        values["name"] = body.name
    if body.flow_version is not UNSET:
        values["flow_version"] = body.flow_version
    if body.infrastructure_pid is not UNSET:
        values["infrastructure_pid"] = body.infrastructure_pid
    if body.parameters is not UNSET:
        values["parameters"] = to_json(body.parameters)
    if body.job_variables is not UNSET:
        values["job_variables"] = to_json(body.job_variables)
    if body.empirical_policy is not UNSET:
        values["empirical_policy"] = encode_policy(body.empirical_policy)
    tags = None if body.tags is UNSET else body.tags
    await apply_to_one(database, store.change(run_id, values, tags, now_text()))


async def update_labels(database: Database, run_id: str, labels: Mapping[str, object]) -> None:
    """Add labels, and replace those of the same names. Raises `ObjectNotFound`."""
    for name, value in labels.items():
        if not isinstance(value, bool | int | float | str):
            message = "A label is text, a number or a boolean"
            raise ValidationFailed([make_fault("label_type", ("body", name), message, value)])

    def work(tx: Transaction) -> None:
        row = tx.fetch_one(store.LABELS, {"run_id": run_id})
        if row is None:
            raise ObjectNotFound("Flow run not found")
        merged = to_json(msgspec.json.decode(row[0], type=dict[str, object]) | dict(labels))
        for write in store.change(run_id, {"labels": merged}, None, tx.now()):
            tx.execute(write.statement, write.params)

    await database.transact(work)


async def delete_flow_run(database: Database, run_id: str) -> None:
    """Delete a run with its task runs, states, logs, artifacts and inputs. Raises `ObjectNotFound`."""
    if await database.fetch_one(store.EXISTS, {"run_id": run_id}) is None:
        raise ObjectNotFound("Flow run not found")
    await delete_in_slices(database, store.DELETE_SOME_LOGS, run_id)
    await delete_in_slices(database, artifacts.DELETE_SOME_OF_FLOW_RUN, run_id)
    await delete_in_slices(database, store.DELETE_SOME_TASK_RUNS, run_id)
    await apply_to_one(database, [Write(store.DELETE, {"run_id": run_id}, expect=1)])


async def delete_in_slices(database: Database, statement: Statement, run_id: str) -> None:
    """Repeat a bounded deletion until it finds nothing more, letting others write in between."""
    while await database.transact(lambda tx: tx.execute(statement, {"run_id": run_id})):
        pass


async def apply_to_one(database: Database, writes: list[Write]) -> None:
    """Apply writes to a run that must be there. Raises `ObjectNotFound`."""
    try:
        await database.apply(writes)
    except StaleWrite as error:
        raise ObjectNotFound("Flow run not found") from error


async def read_state(database: Database, state_id: str) -> bytes:
    """One state, as stored. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.STATE_BY_ID, {"state_id": state_id})
    if row is None:
        raise ObjectNotFound("Flow run state not found")
    return row[0].encode()


async def read_states(database: Database, run_id: str) -> bytes:
    """All states of a run, oldest first, as a JSON list."""
    rows = await database.fetch_all(store.STATES, {"run_id": run_id})
    return f"[{','.join(row[0] for row in rows)}]".encode()
