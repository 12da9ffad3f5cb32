"""Reading a run as a change of state needs it: one row, its names joined, its JSON opened.

`FLOW_RUN_FACTS` reads one flow run. A query that picks several selects `FLOW_RUN_COLUMNS` from
`FLOW_RUN_SOURCE` with its own conditions; `FlowRunRow(*row)` takes either's rows.
"""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select

from headrace.core.orchestration.facts import Policy, RunFacts
from headrace.core.short_texts import remember_short
from headrace.core.states import State, StateType
from headrace.server.store.database import Statement
from headrace.server.store.schema import (
    deployment,
    flow,
    flow_run,
    task_run,
    work_pool,
    work_queue,
)


class FlowRunRow(NamedTuple):
    """A flow run as stored, with the names that its events carry."""

    id: str
    name: str
    version: int
    state: str | None
    state_id: str | None
    empirical_policy: str
    run_count: int
    start_time: str | None
    end_time: str | None
    total_run_time: float
    expected_start_time: str | None
    tags: str
    flow_id: str
    flow_name: str
    deployment_id: str | None
    deployment_name: str | None
    work_queue_id: str | None
    work_queue_name: str | None
    work_pool_id: str | None
    work_pool_name: str | None
    parent_task_run_id: str | None
    lease_owner: str | None
    lease_kind: str | None
    lease_expires: str | None
    claim_id: str | None
    epoch: int
    flow_tags: str
    work_pool_type: str | None

    def facts(self) -> RunFacts:
        """What the rules need to know of it."""
        return RunFacts(
            kind="flow-run",
            state=open_state(self.state),
            policy=open_policy(self.empirical_policy),
            run_count=self.run_count,
            has_deployment=self.deployment_id is not None,
            start_time=self.start_time,
            end_time=self.end_time,
            total_run_time=self.total_run_time,
            expected_start_time=self.expected_start_time,
        )


class TaskRunRow(NamedTuple):
    """A task run as stored, with the names that its events carry."""

    id: str
    name: str
    version: int
    state: str | None
    state_id: str | None
    empirical_policy: str
    run_count: int
    start_time: str | None
    end_time: str | None
    total_run_time: float
    expected_start_time: str | None
    tags: str
    flow_run_id: str | None
    flow_run_name: str | None
    flow_run_state_type: str | None
    flow_run_run_count: int
    """Which attempt of its flow run it last began in."""
    enclosing_run_count: int | None
    """Which attempt its flow run is in now; none for a task run by itself."""

    def facts(self) -> RunFacts:
        """What the rules need to know of it."""
        return RunFacts(
            kind="task-run",
            state=open_state(self.state),
            policy=open_policy(self.empirical_policy),
            run_count=self.run_count,
            has_deployment=False,
            start_time=self.start_time,
            end_time=self.end_time,
            total_run_time=self.total_run_time,
            expected_start_time=self.expected_start_time,
            is_repeated=(self.enclosing_run_count or 0) > self.flow_run_run_count,
        )


FLOW_RUN_COLUMNS = (
    flow_run.c.id,
    flow_run.c.name,
    flow_run.c.version,
    flow_run.c.state,
    flow_run.c.state_id,
    flow_run.c.empirical_policy,
    flow_run.c.run_count,
    flow_run.c.start_time,
    flow_run.c.end_time,
    flow_run.c.total_run_time,
    flow_run.c.expected_start_time,
    flow_run.c.tags,
    flow_run.c.flow_id,
    flow.c.name.label("flow_name"),
    flow_run.c.deployment_id,
    deployment.c.name.label("deployment_name"),
    flow_run.c.work_queue_id,
    work_queue.c.name.label("work_queue_name"),
    work_queue.c.work_pool_id,
    work_pool.c.name.label("work_pool_name"),
    flow_run.c.parent_task_run_id,
    flow_run.c.lease_owner,
    flow_run.c.lease_kind,
    flow_run.c.lease_expires,
    flow_run.c.claim_id,
    flow_run.c.epoch,
    flow.c.tags.label("flow_tags"),
    work_pool.c.type.label("work_pool_type"),
)

FLOW_RUN_SOURCE = (
    flow_run.join(flow, flow.c.id == flow_run.c.flow_id)
    .outerjoin(deployment, deployment.c.id == flow_run.c.deployment_id)
    .outerjoin(work_queue, work_queue.c.id == flow_run.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
)

FLOW_RUN_FACTS = Statement(
    select(*FLOW_RUN_COLUMNS)
    .select_from(FLOW_RUN_SOURCE)
    .where(flow_run.c.id == bindparam("run_id"))
)

TASK_RUN_COLUMNS = (
    task_run.c.id,
    task_run.c.name,
    task_run.c.version,
    task_run.c.state,
    task_run.c.state_id,
    task_run.c.empirical_policy,
    task_run.c.run_count,
    task_run.c.start_time,
    task_run.c.end_time,
    task_run.c.total_run_time,
    task_run.c.expected_start_time,
    task_run.c.tags,
    task_run.c.flow_run_id,
    flow_run.c.name.label("flow_run_name"),
    flow_run.c.state_type.label("flow_run_state_type"),
    task_run.c.flow_run_run_count,
    flow_run.c.run_count.label("enclosing_run_count"),
)

TASK_RUN_SOURCE = task_run.outerjoin(flow_run, flow_run.c.id == task_run.c.flow_run_id)

TASK_RUN_FACTS = Statement(
    select(*TASK_RUN_COLUMNS)
    .select_from(TASK_RUN_SOURCE)
    .where(task_run.c.id == bindparam("run_id"))
)


class _StoredState(msgspec.Struct):
    id: str
    type: StateType
    name: str
    timestamp: str
    message: str | None = None
    data: Any = None
    state_details: dict[str, Any] = {}


class _StoredPolicy(msgspec.Struct):
    retries: int | None = None
    max_retries: int = 0
    retry_delay: float | list[float] | None = None
    retry_delay_seconds: float = 0.0
    retry_jitter_factor: float | None = None
    retry_type: str | None = None
    pause_keys: list[str] | None = None
    resuming: bool | None = False


_state_decoder = msgspec.json.Decoder(_StoredState)
_policy_decoder = msgspec.json.Decoder(_StoredPolicy, strict=False)


@remember_short(256)
def open_state(text: str | None) -> State | None:
    """The state that a row's JSON describes; a change of state asks for the same one twice."""
    if text is None:
        return None
    stored = _state_decoder.decode(text)
    return State(
        type=stored.type,
        name=stored.name,
        id=stored.id,
        timestamp=stored.timestamp,
        message=stored.message,
        details=stored.state_details,
        data=stored.data,
    )


@remember_short(1024)
def open_policy(text: str) -> Policy:
    """The retry and pause settings that a row's JSON describes; most runs share a few texts."""
    stored = _policy_decoder.decode(text)
    delay = stored.retry_delay_seconds if stored.retry_delay is None else stored.retry_delay
    return Policy(
        retries=stored.max_retries if stored.retries is None else stored.retries,
        retry_delay=tuple(delay) if isinstance(delay, list) else delay,
        retry_jitter_factor=stored.retry_jitter_factor,
        retry_type=stored.retry_type,
        pause_keys=tuple(stored.pause_keys or ()),
        resuming=bool(stored.resuming),
    )
