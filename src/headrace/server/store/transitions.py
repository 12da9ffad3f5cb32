"""The one place that turns an accepted change of state into writes.

`flow_run` and `task_run` give the writes of one change: the state's row, the run's newest state (only
if the run is still as it was read), and the event. They go through `Database.apply` or, inside a
transaction, through `carry_out`. The event's id is the state's id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Integer,
    String,
    bindparam,
    cast,
    func,
    insert,
    select,
    update,
)

from headrace.core.ids import new_id
from headrace.core.orchestration.facts import Policy
from headrace.core.orchestration.progress import Progress, progress
from headrace.core.states import AWAITING_RETRY, TERMINAL, State, StateType
from headrace.errors import StaleWrite
from headrace.server.store import result_artifacts, state_events
from headrace.server.store.database import Statement, Transaction, Write
from headrace.server.store.events import INSERT_EVENT
from headrace.server.store.facts import FlowRunRow, TaskRunRow
from headrace.server.store.schema import flow_run as flow_run_table
from headrace.server.store.schema import (
    flow_run_state,
    task_run_state,
)
from headrace.server.store.schema import task_run as task_run_table
from headrace.wire.states import StateDetails

_DETAILS: Final = msgspec.structs.asdict(StateDetails())
_encode = msgspec.json.Encoder().encode
_decode_object = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds a run from now on.

    Args:
        owner: The process that answers for it.
        kind: What renews it: `worker`, `heartbeat` or `none` (it then never ends by time).
        expires: When it ends unless renewed, as text of the database's clock; none with `none`.
        claim_id: The claim that took it, where a claim did.
        epoch: The attempt's number; a writer with an older one is refused.
    """

    owner: str | None
    kind: str | None
    expires: str | None
    claim_id: str | None
    epoch: int


def new_state(
    state_type: StateType,
    name: str | None = None,
    *,
    timestamp: str,
    message: str | None = None,
    details: dict[str, object] | None = None,
) -> State:
    """A state that the server itself proposes; details are those that differ from the defaults."""
    return State(
        type=state_type,
        name=name or state_type.capitalize(),
        id=new_id(),
        timestamp=timestamp,
        message=message,
        details=details or {},
    )


def encode_state(state: State, **details: str | None) -> str:
    """The state as it is stored and answered; `details` name the run it belongs to."""
    return encode_stored(
        {
            "id": state.id,
            "type": state.type,
            "name": state.name,
            "timestamp": state.timestamp,
            "message": state.message,
            "data": state.data,
        },
        {**_DETAILS, **state.details, **details},
    )


def encode_stored(fields: dict[str, object], details: dict[str, object]) -> str:
    """A state as it is stored, of its fields and all of its details."""
    return _encode({**fields, "state_details": details}).decode()


def encode_policy(stored: str, policy: Policy) -> str:
    """The stored policy with what the rules changed in it."""
    merged = _decode_object(stored)
    merged |= {
        "pause_keys": policy.pause_keys,
        "resuming": policy.resuming,
        "retry_type": policy.retry_type,
    }
    return _encode(merged).decode()


def flow_run(
    row: FlowRunRow,
    state: State,
    *,
    now: str,
    policy: Policy | None = None,
    lease: Lease | None = None,
) -> list[Write]:
    """The writes that move a flow run into `state`.

    Args:
        row: The run as it was read; if it has changed since, the unit fails with `StaleWrite`.
        state: The state the rules decided on.
        now: The time of the write, as text.
        policy: The run's retry and pause settings where the rules changed them.
        lease: Who holds it from now on; without one it is kept, or let go where the state says so.
    """
    facts = row.facts()
    if facts.state is not None and state.timestamp < facts.state.timestamp:
        # Two servers, two clocks: a history does not go back in time.
        state = replace(state, timestamp=facts.state.timestamp)
    state, kept = result_artifacts.of_state(state, row.id, None, now)
    step = progress(facts, state)
    text = encode_state(state, flow_run_id=row.id, task_run_id=row.parent_task_run_id)
    held = lease or _lease_after(row, state, policy or facts.policy)
    params = _run_params(state, text, step, now) | {
        "run_id": row.id,
        "run_version": row.version,
        "v_empirical_policy": encode_policy(row.empirical_policy, policy)
        if policy is not None and policy != facts.policy
        else row.empirical_policy,
        "v_lease_owner": held.owner,
        "v_lease_kind": held.kind,
        "v_lease_expires": held.expires,
        "v_claim_id": held.claim_id,
        "v_epoch": held.epoch,
    }
    writes = [
        Write(_UPDATE_FLOW_RUN, params, expect=1),
        Write(_INSERT_FLOW_RUN_STATE, _state_params(row.id, state, text)),
        Write(INSERT_EVENT, state_events.of_flow_run(row, facts.state, state, step, now)),
        *kept,
    ]
    if row.parent_task_run_id is not None:
        writes += _reflect_on_parent(row.parent_task_run_id, row.id, state, step, now)
    return writes


def task_run(
    row: TaskRunRow, state: State, *, now: str, anew: bool = False, judged: bool = True
) -> list[Write]:
    """The writes that move a task run into `state`; arguments as for `flow_run`.

    With `anew` its attempts are counted from the beginning. Without `judged` the state was entered by
    force, not by a task that runs: its result is not found under the state's cache key, and it is no
    attempt of the flow run's.

    A task run's policy stays as it is: the contract has no place in it for what the rules change.
    """
    facts = row.facts()
    state, kept = result_artifacts.of_state(state, row.flow_run_id, row.id, now)
    step = progress(replace(facts, run_count=0) if anew else facts, state)
    text = encode_state(state, flow_run_id=row.flow_run_id, task_run_id=row.id)
    params = _run_params(state, text, step, now) | {
        "run_id": row.id,
        "run_version": row.version,
        **(_kept_params(state) if judged else _KEPT_NOWHERE),
        "v_flow_run_run_count": _attempt_of_flow_run(row, state)
        if judged
        else row.flow_run_run_count,
    }
    return [
        Write(_UPDATE_TASK_RUN, params, expect=1),
        Write(_INSERT_TASK_RUN_STATE, _state_params(row.id, state, text)),
        Write(INSERT_EVENT, state_events.of_task_run(row, facts.state, state, step, now)),
        *kept,
    ]


def first_of_flow_run(
    row: FlowRunRow, state: State, *, now: str
) -> tuple[dict[str, object], list[Write]]:
    """What a new flow run's row holds of its first state, and the writes that go after that row."""
    step = progress(row.facts(), state)
    text = encode_state(state, flow_run_id=row.id, task_run_id=row.parent_task_run_id)
    writes = [
        Write(_INSERT_FLOW_RUN_STATE, _state_params(row.id, state, text)),
        Write(INSERT_EVENT, state_events.of_flow_run(row, None, state, step, now)),
    ]
    if row.parent_task_run_id is not None:
        writes += _reflect_on_parent(row.parent_task_run_id, row.id, state, step, now)
    return _columns(state, text, step, now), writes


def first_of_task_run(
    row: TaskRunRow, state: State, *, now: str
) -> tuple[dict[str, object], list[Write]]:
    """As `first_of_flow_run`, of a task run."""
    step = progress(row.facts(), state)
    text = encode_state(state, flow_run_id=row.flow_run_id, task_run_id=row.id)
    writes = [
        Write(_INSERT_TASK_RUN_STATE, _state_params(row.id, state, text)),
        Write(INSERT_EVENT, state_events.of_task_run(row, None, state, step, now)),
    ]
    return _columns(state, text, step, now), writes


def carry_out(tx: Transaction, writes: Sequence[Write]) -> None:
    """Execute writes inside a transaction; `StaleWrite` if one changed another number of rows."""
    for write in writes:
        changed = tx.execute(write.statement, write.params)
        if write.expect is not None and changed != write.expect:
            raise StaleWrite("The run was changed by someone else meanwhile; read it again.")


def stored_state(writes: Sequence[Write]) -> str:
    """The state, as stored, that the writes of `flow_run` or `task_run` move a run into."""
    params = writes[0].params
    assert isinstance(params, dict)
    return params["v_state"]


def signals(row: FlowRunRow, after: State | None = None) -> tuple[str, ...]:
    """The topics to publish once a change of this flow run is committed.

    Args:
        row: The run before the change.
        after: The state that it is in now, where the caller knows it: then nobody is woken who
            could not do anything about it.
    """
    topics = [f"run:{row.id}", "events"]
    if after is None or after.type not in _TAKES_A_SLOT:
        if row.work_queue_id is not None:
            topics.append(f"queue:{row.work_queue_id}")
        if row.deployment_id is not None:
            topics.append(f"deployment:{row.deployment_id}")
    if row.lease_owner is not None and (after is None or after.type is StateType.CANCELLING):
        topics.append(f"owner:{row.lease_owner}")
    return tuple(topics)


_TAKES_A_SLOT: Final = frozenset({StateType.PENDING, StateType.RUNNING})
"""Entering one of these makes no run claimable and no slot free."""


def taken_away(row: FlowRunRow) -> Lease:
    """No lease, and an epoch that the attempt which held the run does not have."""
    return Lease(None, None, None, None, row.epoch + 1)


def _lease_after(row: FlowRunRow, state: State, policy: Policy) -> Lease:
    """Keep the lease while a process stands behind the run, and let it go when none does."""
    waits_in_process = state.name == AWAITING_RETRY and policy.retry_type == "in_process"
    leaves_process = state.type is StateType.SCHEDULED and not waits_in_process
    suspended = state.type is StateType.PAUSED and bool(state.details.get("pause_reschedule"))
    if state.type in TERMINAL or leaves_process or suspended:
        return Lease(None, None, None, None, row.epoch)
    kept = Lease(row.lease_owner, row.lease_kind, row.lease_expires, row.claim_id, row.epoch)
    if waits_in_process and row.lease_owner is None:
        # Nobody else may claim it: its own process waits for the next attempt.
        return replace(kept, owner="in-process", kind="none")
    return kept


def _columns(state: State, text: str, step: Progress, now: str) -> dict[str, object]:
    return {
        "updated": now,
        "state_id": state.id,
        "state_type": state.type.value,
        "state_name": state.name,
        "state_timestamp": state.timestamp,
        "state": text,
        "run_count": step.run_count,
        "start_time": step.start_time,
        "end_time": step.end_time,
        "total_run_time": step.total_run_time,
        "expected_start_time": step.expected_start_time,
        "next_scheduled_start_time": step.next_scheduled_start_time,
    }


def _run_params(state: State, text: str, step: Progress, now: str) -> dict[str, object]:
    return {f"v_{name}": value for name, value in _columns(state, text, step, now).items()}


_KEPT_NOWHERE: Final[dict[str, object]] = {"v_kept_key": None, "v_kept_expiration": None}


def _kept_params(state: State) -> dict[str, object]:
    """A finished task run is found under its key; one that runs again is not."""
    if state.type is not StateType.COMPLETED:
        return _KEPT_NOWHERE
    return {
        "v_kept_key": state.text_detail("cache_key"),
        "v_kept_expiration": state.text_detail("cache_expiration"),
    }


def _attempt_of_flow_run(row: TaskRunRow, state: State) -> int:
    if state.type is not StateType.RUNNING or row.enclosing_run_count is None:
        return row.flow_run_run_count
    return row.enclosing_run_count


def _state_params(run_id: str, state: State, text: str) -> dict[str, object]:
    return {"id": state.id, "run_id": run_id, "timestamp": state.timestamp, "state": text}


def _reflect_on_parent(
    task_run_id: str, flow_run_id: str, state: State, step: Progress, now: str
) -> list[Write]:
    """A sub-flow's state shows on the task run that stands for it in the parent.

    What only the task run's row knows, the database fills in: how often it ran, and the flow run that
    it is in, for which the state has a mark.
    """
    mirror = replace(state, id=new_id())
    mark = f"parent of {mirror.id}"
    text = encode_state(
        mirror, flow_run_id=mark, task_run_id=task_run_id, child_flow_run_id=flow_run_id
    )
    own = {"run_id": task_run_id, "mark": f'"{mark}"'}
    counts = {"v_counts": int(state.type is StateType.RUNNING)}
    return [
        Write(_MIRROR_ON_TASK_RUN, _run_params(mirror, text, step, now) | own | counts),
        Write(_INSERT_MIRRORED_STATE, _state_params(task_run_id, mirror, text) | own),
    ]


_STATE_COLUMNS: Final = (
    "updated",
    "state_id",
    "state_type",
    "state_name",
    "state_timestamp",
    "state",
    "run_count",
    "start_time",
    "end_time",
    "total_run_time",
    "expected_start_time",
    "next_scheduled_start_time",
)
_FLOW_RUN_ONLY: Final = (
    "lease_owner",
    "lease_kind",
    "lease_expires",
    "claim_id",
    "epoch",
)


def _binds(names: Sequence[str]) -> dict[str, object]:
    return {name: bindparam(f"v_{name}") for name in names}


_UPDATE_FLOW_RUN: Final = Statement(
    update(flow_run_table)
    .where(flow_run_table.c.id == bindparam("run_id"))
    .where(flow_run_table.c.version == bindparam("run_version"))
    .values(
        **_binds((*_STATE_COLUMNS, "empirical_policy", *_FLOW_RUN_ONLY)),
        wait_reason=None,
        version=flow_run_table.c.version + 1,
    )
)
_UPDATE_TASK_RUN: Final = Statement(
    update(task_run_table)
    .where(task_run_table.c.id == bindparam("run_id"))
    .where(task_run_table.c.version == bindparam("run_version"))
    .values(
        **_binds((*_STATE_COLUMNS, "kept_key", "kept_expiration", "flow_run_run_count")),
        version=task_run_table.c.version + 1,
    )
)

_MIRRORED: Final = frozenset({"run_count", "start_time", "expected_start_time", "state"})


def _mirrored_state(text: BindParameter[str]) -> ColumnElement[str]:
    """A state as stored, with the task run's flow run where the mark is."""
    own = '"' + cast(task_run_table.c.flow_run_id, String) + '"'
    known = func.coalesce(own, "null")
    mark = bindparam("mark", type_=task_run_state.c.state.type)
    return func.replace(text, mark, known, type_=task_run_state.c.state.type)


# The parent's task run is nobody's to compete for: it shows what the sub-flow does, as it does it.
_MIRROR_ON_TASK_RUN: Final = Statement(
    update(task_run_table)
    .where(task_run_table.c.id == bindparam("run_id"))
    .values(
        **_binds([name for name in _STATE_COLUMNS if name not in _MIRRORED]),
        run_count=task_run_table.c.run_count + bindparam("v_counts", type_=Integer),
        state=_mirrored_state(bindparam("v_state")),
        start_time=func.coalesce(task_run_table.c.start_time, bindparam("v_start_time")),
        expected_start_time=func.coalesce(
            task_run_table.c.expected_start_time, bindparam("v_expected_start_time")
        ),
        version=task_run_table.c.version + 1,
    )
)
_INSERT_FLOW_RUN_STATE: Final = Statement(
    insert(flow_run_state).values(
        id=bindparam("id"),
        flow_run_id=bindparam("run_id"),
        timestamp=bindparam("timestamp"),
        state=bindparam("state"),
    )
)
_INSERT_TASK_RUN_STATE: Final = Statement(
    insert(task_run_state).values(
        id=bindparam("id"),
        task_run_id=bindparam("run_id"),
        timestamp=bindparam("timestamp"),
        state=bindparam("state"),
    )
)
_INSERT_MIRRORED_STATE: Final = Statement(
    insert(task_run_state).from_select(
        ["id", "task_run_id", "timestamp", "state"],
        select(
            bindparam("id", type_=task_run_state.c.id.type),
            task_run_table.c.id,
            bindparam("timestamp", type_=task_run_state.c.timestamp.type),
            _mirrored_state(bindparam("state", type_=task_run_state.c.state.type)),
        ).where(task_run_table.c.id == bindparam("run_id")),
    )
)
