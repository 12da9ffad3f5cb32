"""SQL of flow runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, update

from headrace.core.states import State
from headrace.server.store import estimates, transitions
from headrace.server.store.database import Row, Statement, Write
from headrace.server.store.facts import FlowRunRow
from headrace.server.store.schema import (
    deployment,
    flow,
    flow_run,
    flow_run_state,
    flow_run_tag,
    log,
    task_run,
    work_pool,
    work_queue,
)
from headrace.server.store.shapes import RowShape
from headrace.wire.decode import encode
from headrace.wire.flow_runs import FlowRunPolicy, FlowRunResponse

SLICE: Final = 200  # rows that one unit of a deletion takes at most
DEFAULT_POLICY: Final = encode(FlowRunPolicy(pause_keys=[])).decode()


SHAPE: Final = RowShape(
    FlowRunResponse,
    flow_run.c,
    selected={
        "work_pool_id": work_queue.c.work_pool_id,
        "work_pool_name": work_pool.c.name.label("work_pool_name"),
    },
    derived={
        "estimated_run_time": lambda row: estimates.run_time(SHAPE.positions, row),
        "estimated_start_time_delta": lambda row: estimates.lateness(SHAPE.positions, row),
    },
)
SOURCE: Final = flow_run.outerjoin(
    work_queue, work_queue.c.id == flow_run.c.work_queue_id
).outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
LISTED: Final = select(*SHAPE.columns).select_from(SOURCE)
"""Rows of `SHAPE`, to which a list adds its conditions, order and bounds."""

BY_ID: Final = Statement(LISTED.where(flow_run.c.id == bindparam("run_id")))
BY_KEY: Final = Statement(
    LISTED.where(flow_run.c.flow_id == bindparam("flow_id")).where(
        flow_run.c.idempotency_key == bindparam("idempotency_key")
    )
)
FLOW: Final = Statement(
    select(flow.c.name, flow.c.labels, flow.c.tags).where(flow.c.id == bindparam("flow_id"))
)
DEPLOYMENT: Final = Statement(
    select(deployment.c.name, deployment.c.labels).where(
        deployment.c.id == bindparam("deployment_id")
    )
)
QUEUE_OF_POOL: Final = Statement(
    select(work_queue.c.id, work_queue.c.name, work_pool.c.id, work_pool.c.name, work_pool.c.type)
    .select_from(work_queue.join(work_pool, work_pool.c.id == work_queue.c.work_pool_id))
    .where(work_pool.c.name == bindparam("pool_name"))
    .where(work_queue.c.name == bindparam("queue_name"))
)
STATE_BY_ID: Final = Statement(
    select(flow_run_state.c.state).where(flow_run_state.c.id == bindparam("state_id"))
)
STATES: Final = Statement(
    select(flow_run_state.c.state)
    .where(flow_run_state.c.flow_run_id == bindparam("run_id"))
    .order_by(flow_run_state.c.timestamp, flow_run_state.c.id)
)
COUNT_TAGGED: Final = Statement(
    select(func.count()).select_from(
        select(flow_run_tag.c.flow_run_id)
        .where(flow_run_tag.c.tag.in_(bindparam("tags", expanding=True)))
        .limit(bindparam("most"))
        .subquery()
    )
)
"""How many times runs have one of these tags, counted up to a bound."""

LABELS: Final = Statement(select(flow_run.c.labels).where(flow_run.c.id == bindparam("run_id")))
EXISTS: Final = Statement(select(flow_run.c.id).where(flow_run.c.id == bindparam("run_id")))

_INSERT: Final = Statement(insert(flow_run))
_INSERT_TAG: Final = Statement(insert(flow_run_tag))
_DELETE_TAGS: Final = Statement(
    delete(flow_run_tag).where(flow_run_tag.c.flow_run_id == bindparam("run_id"))
)
DELETE: Final = Statement(delete(flow_run).where(flow_run.c.id == bindparam("run_id")))
# What may be much is deleted in slices, so that nobody's write waits long behind it.
DELETE_SOME_LOGS: Final = Statement(
    delete(log).where(
        log.c.id.in_(select(log.c.id).where(log.c.flow_run_id == bindparam("run_id")).limit(SLICE))
    )
)
DELETE_SOME_TASK_RUNS: Final = Statement(
    delete(task_run).where(
        task_run.c.id.in_(
            select(task_run.c.id).where(task_run.c.flow_run_id == bindparam("run_id")).limit(SLICE)
        )
    )
)
_SETTABLE: Final = (
    "empirical_policy",
    "flow_version",
    "infrastructure_pid",
    "job_variables",
    "labels",
    "name",
    "parameters",
    "tags",
)
_SET: Final = {
    column: Statement(
        update(flow_run)
        .where(flow_run.c.id == bindparam("run_id"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in _SETTABLE
}
_TOUCH: Final = Statement(
    update(flow_run).where(flow_run.c.id == bindparam("run_id")).values(updated=bindparam("now"))
)


class NewFlowRun(msgspec.Struct, frozen=True, kw_only=True):
    """A flow run that is to be made; JSON fields as text, names as its events show them.

    A struct rather than a dataclass: of so many fields, that takes a tenth of the time to make.
    """

    id: str
    name: str
    flow_id: str
    flow_name: str
    flow_tags: str = "[]"
    state: State
    tags: Sequence[str] = ()
    labels: str = "{}"
    parameters: str = "{}"
    context: str = "{}"
    empirical_policy: str = DEFAULT_POLICY
    flow_version: str | None = None
    deployment_id: str | None = None
    deployment_name: str | None = None
    deployment_version: str | None = None
    work_queue_id: str | None = None
    work_queue_name: str | None = None
    work_pool_id: str | None = None
    work_pool_name: str | None = None
    work_pool_type: str | None = None
    idempotency_key: str | None = None
    parent_task_run_id: str | None = None
    auto_scheduled: bool = False
    infrastructure_document_id: str | None = None
    job_variables: str | None = "{}"
    created_by: str | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """A new flow run as one unit of writes.

    Args:
        writes: The unit.
        row: The row of `SHAPE` that a read after it would give.
        topics: What to publish once it is committed.
    """

    writes: list[Write]
    row: Row
    topics: tuple[str, ...]


def create(new: NewFlowRun, now: str) -> Creation:
    """The unit that makes a flow run: its row, its tags, its first state and the event."""
    tags = encode(list(new.tags)).decode()
    stored = FlowRunRow(
        id=new.id,
        name=new.name,
        version=0,
        state=None,
        state_id=None,
        empirical_policy=new.empirical_policy,
        run_count=0,
        start_time=None,
        end_time=None,
        total_run_time=0.0,
        expected_start_time=None,
        tags=tags,
        flow_id=new.flow_id,
        flow_name=new.flow_name,
        deployment_id=new.deployment_id,
        deployment_name=new.deployment_name,
        work_queue_id=new.work_queue_id,
        work_queue_name=new.work_queue_name,
        work_pool_id=new.work_pool_id,
        work_pool_name=new.work_pool_name,
        parent_task_run_id=new.parent_task_run_id,
        lease_owner=None,
        lease_kind=None,
        lease_expires=None,
        claim_id=None,
        epoch=0,
        flow_tags=new.flow_tags,
        work_pool_type=new.work_pool_type,
    )
    columns, writes = transitions.first_of_flow_run(stored, new.state, now=now)
    values = columns | {
        "id": new.id,
        "created": now,
        "name": new.name,
        "tags": tags,
        "labels": new.labels,
        "empirical_policy": new.empirical_policy,
        "flow_id": new.flow_id,
        "deployment_id": new.deployment_id,
        "deployment_version": new.deployment_version,
        "flow_version": new.flow_version,
        "parameters": new.parameters,
        "context": new.context,
        "idempotency_key": new.idempotency_key,
        "parent_task_run_id": new.parent_task_run_id,
        "auto_scheduled": new.auto_scheduled,
        "infrastructure_document_id": new.infrastructure_document_id,
        "infrastructure_pid": None,
        "job_variables": new.job_variables,
        "created_by": new.created_by,
        "work_queue_id": new.work_queue_id,
        "work_queue_name": new.work_queue_name,
    }
    unit = [Write(_INSERT, values | _UNLEASED), *_tag_writes(new.id, new.tags), *writes]
    pool = {"work_pool_id": new.work_pool_id, "work_pool_name": new.work_pool_name}
    return Creation(unit, SHAPE.row(values | pool), transitions.signals(stored))


_UNLEASED: Final[dict[str, object]] = {
    "version": 0,
    "lease_owner": None,
    "lease_kind": None,
    "lease_expires": None,
    "claim_id": None,
    "epoch": 0,
    "wait_reason": None,
}


def _tag_writes(run_id: str, tags: Sequence[str]) -> list[Write]:
    if not tags:
        return []
    return [
        Write(_INSERT_TAG, [{"tag": tag, "flow_run_id": run_id} for tag in dict.fromkeys(tags)])
    ]


def change(
    run_id: str, values: dict[str, str | None], tags: Sequence[str] | None, now: str
) -> list[Write]:
    """The writes that set some columns of a run, in the form in which they are stored.

    Args:
        run_id: Whose.
        values: Columns out of those that may be set after creation.
        tags: The run's tags from now on, or none to leave them.
        now: The time of the write.
    """
    writes = [Write(_TOUCH, {"run_id": run_id, "now": now}, expect=1)]
    writes += [
        Write(_SET[column], {"run_id": run_id, "value": value, "now": now})
        for column, value in values.items()
    ]
    if tags is not None:
        text = encode(list(tags)).decode()
        writes.append(Write(_SET["tags"], {"run_id": run_id, "value": text, "now": now}))
        writes.append(Write(_DELETE_TAGS, {"run_id": run_id}))
        writes += _tag_writes(run_id, tags)
    return writes
