"""Task runs that the server itself makes and moves; most arrive as events instead (`events`)."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Select

from headrace.core.ids import new_id
from headrace.core.names import generate_name
from headrace.core.orchestration.facts import RunFacts
from headrace.core.orchestration.rules import decide
from headrace.core.orchestration.verdicts import Accept, Verdict
from headrace.core.states import State, StateType
from headrace.core.times import now_text, to_text
from headrace.errors import ForeignKeyViolation, ObjectNotFound, StaleWrite, UniqueViolation
from headrace.server.services import flow_runs, proposals, tallies, task_slots
from headrace.server.services.flow_run_states import ATTEMPTS
from headrace.server.services.proposals import Outcome
from headrace.server.services.signals import Signals
from headrace.server.store import artifacts, task_deliveries, transitions
from headrace.server.store import task_runs as store
from headrace.server.store.concurrency_limits import RELEASE_TASK
from headrace.server.store.database import Database, Row, Transaction, Write
from headrace.server.store.facts import TASK_RUN_FACTS, TaskRunRow, open_state
from headrace.server.store.filters.joined import Filters, where_task_runs
from headrace.server.store.filters.sorts import TASK_RUNS
from headrace.server.store.queries import count_query
from headrace.server.store.schema import task_run
from headrace.server.store.shaped import ShapedQuery
from headrace.server.store.task_runs import NewTaskRun
from headrace.wire.task_runs import TaskRunCreate, TaskRunSort

_MISSING = "Task run not found"


async def create_task_run(
    database: Database, signals: Signals, body: TaskRunCreate
) -> tuple[Row, bool]:
    """The task run, made now, or the one of the same keys; and whether it was made.

    Raises `ForeignKeyViolation` where its flow run is gone, `UniqueViolation` for an id in use.
    """
    new = await _describe(database, body)
    found = await _find_by_keys(database, new)
    if found is not None:
        return found, False
    now = now_text()
    writes, row = store.create(new, now)
    if new.state.type is StateType.SCHEDULED and new.state.details.get("deferred"):
        writes.append(task_deliveries.enqueue(new.id, new.task_key, now))
    try:
        await database.apply(writes)
    except UniqueViolation:
        found = await _find_by_keys(database, new)
        if found is None:
            raise
        return found, False
    signals.publish("events", f"task:{new.task_key}")
    return row, True


async def _find_by_keys(database: Database, new: NewTaskRun) -> Row | None:
    keys = {"task_key": new.task_key, "dynamic_key": new.dynamic_key}
    if new.flow_run_id is None:
        return await database.fetch_one(store.BY_KEYS_ALONE, keys)
    return await database.fetch_one(store.BY_KEYS, {"flow_run_id": new.flow_run_id, **keys})


async def _describe(database: Database, body: TaskRunCreate) -> NewTaskRun:
    labels: dict[str, flow_runs.Label] = {}
    flow_run_id = flow_run_name = None
    if body.flow_run_id is not None:
        flow_run_id = str(body.flow_run_id)
        parent = await database.fetch_one(store.FLOW_RUN, {"flow_run_id": flow_run_id})
        if parent is None:
            raise ForeignKeyViolation(f"There is no flow run with id {flow_run_id}.")
        flow_run_name = parent[0]
        inherited = msgspec.json.decode(parent[1], type=dict[str, flow_runs.Label])
        labels = inherited | {"prefect.flow-run.id": flow_run_id}
    expiration = body.cache_expiration
    return NewTaskRun(
        id=new_id() if body.id is None else str(body.id),
        name=body.name or generate_name(),
        task_key=body.task_key,
        dynamic_key=body.dynamic_key,
        state=flow_runs.first_state(body.state),
        flow_run_id=flow_run_id,
        flow_run_name=flow_run_name,
        tags=body.tags,
        labels=flow_runs.to_json(labels | (body.labels or {})),
        empirical_policy=flow_runs.to_json(body.empirical_policy),
        task_inputs=flow_runs.to_json(body.task_inputs),
        task_version=body.task_version,
        cache_key=body.cache_key,
        cache_expiration=None if expiration is None else to_text(expiration),
    )


async def read_task_run(database: Database, run_id: str) -> Row:
    """One task run, as a row of `store.SHAPE`. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"run_id": run_id})
    if row is None:
        raise ObjectNotFound(_MISSING)
    return row


async def rename_task_run(database: Database, run_id: str, name: str) -> None:
    """Give it another name. Raises `ObjectNotFound`."""
    params = {"run_id": run_id, "new_name": name, "now": now_text()}
    await _apply_to_one(database, [Write(store.RENAME, params, expect=1)])


async def delete_task_run(database: Database, run_id: str) -> None:
    """Delete it with its states, logs, artifacts and slots. Raises `ObjectNotFound`."""
    params = {"run_id": run_id}
    await _apply_to_one(
        database,
        [
            Write(store.DELETE_LOGS, params),
            Write(artifacts.DELETE_OF_TASK_RUN, params),
            Write(store.DELETE, params, expect=1),
            Write(RELEASE_TASK, {"holder_id": run_id}),
        ],
    )


async def _apply_to_one(database: Database, writes: list[Write]) -> None:
    try:
        await database.apply(writes)
    except StaleWrite as error:
        raise ObjectNotFound(_MISSING) from error


async def set_state(
    database: Database, signals: Signals, run_id: str, proposed: State, *, force: bool = False
) -> Outcome:
    """Propose a state for a task run, and carry out what the rules say. Raises `ObjectNotFound`."""
    for _ in range(ATTEMPTS):
        found = await database.fetch_one(TASK_RUN_FACTS, {"run_id": run_id})
        if found is None:
            raise ObjectNotFound(f"Task run with id {run_id} not found")
        row = TaskRunRow(*found)
        facts = await _with_surroundings(database, row, proposed)
        starts = proposed.type is StateType.RUNNING and not force
        limits = await task_slots.limited_tags(database, row) if starts else []
        with suppress(StaleWrite):
            if limits:
                verdict, text = await _start_with_slots(database, row, facts, proposed, limits)
            else:
                verdict = decide(facts, proposed, proposed.timestamp, force=force)
                text = await _move(database, row, verdict, judged=not force)
            if proposals.new_state_of(verdict) is not None:
                signals.publish("events")
            return proposals.answer(verdict, text)
    raise StaleWrite(f"Task run {run_id} is being changed by many callers at once; propose again.")


async def _move(
    database: Database, row: TaskRunRow, verdict: Verdict, *, judged: bool
) -> str | None:
    """Write what was decided; the run's state after it, as stored."""
    writes = _writes(row, verdict, now_text(), judged=judged)
    if not writes:
        return row.state
    await database.apply(writes)
    return transitions.stored_state(writes)


async def _start_with_slots(
    database: Database, row: TaskRunRow, facts: RunFacts, proposed: State, limits: list[str]
) -> tuple[Verdict, str | None]:
    """Decide and write within one transaction: the slots counted free are the slots taken."""

    def work(tx: Transaction) -> tuple[Verdict, str | None]:
        slots = task_slots.TagSlots(tx, row.id, limits)
        asked = replace(facts, refusal=slots.refusal())
        verdict = decide(asked, proposed, proposed.timestamp)
        writes = _writes(row, verdict, tx.now())
        if not writes:
            return verdict, row.state
        transitions.carry_out(tx, writes)
        if isinstance(verdict, Accept):
            slots.take()
        return verdict, transitions.stored_state(writes)

    return await database.transact(work)


def _writes(row: TaskRunRow, verdict: Verdict, now: str, *, judged: bool = True) -> list[Write]:
    """The writes that a verdict asks for; without `judged` the state is entered by force."""
    state = proposals.new_state_of(verdict)
    if state is None:
        return []
    anew = isinstance(verdict, Accept) and verdict.anew
    writes = transitions.task_run(row, state, now=now, anew=anew, judged=judged)
    return [*writes, *task_slots.release_after(row, state)]


async def _with_surroundings(database: Database, row: TaskRunRow, proposed: State) -> RunFacts:
    """What RUNNING depends on beside the task run: its flow run, and the cache."""
    facts = row.facts()
    if proposed.type is not StateType.RUNNING:
        return facts
    if row.flow_run_state_type is not None:
        facts = replace(facts, enclosing_state=StateType(row.flow_run_state_type))
    key = proposed.text_detail("cache_key")
    if key is not None and not proposed.details.get("refresh_cache"):
        params = {"cache_key": key, "now": now_text()}
        cached = await database.fetch_one(store.CACHED, params)
        if cached is not None:
            facts = replace(facts, cached_state=open_state(cached[0]))
    return facts


@ShapedQuery
def listed_query(filters: Filters, sort: TaskRunSort, limit: int, offset: int) -> Select[Any]:
    """Task runs whole."""
    query = store.LISTED.where(*where_task_runs(filters)).order_by(*TASK_RUNS[sort])
    return query.limit(limit).offset(offset)


@ShapedQuery
def number_query(filters: Filters) -> Select[Any]:
    """How many task runs."""
    return count_query(task_run, where_task_runs(filters))


async def list_task_runs(
    database: Database, filters: Filters, sort: TaskRunSort, limit: int, offset: int
) -> list[Row]:
    """Rows of the task runs' shape."""
    return await database.fetch_all(*listed_query.of(filters, sort, limit, offset))


async def count_task_runs(database: Database, filters: Filters) -> int:
    """How many task runs are meant."""
    scope = tallies.scope_of_task_runs(filters)
    if scope is not None:
        return await tallies.count_runs(database, task_run, scope)
    [row] = await database.fetch_all(*number_query.of(filters))
    return row[0]


async def read_state(database: Database, state_id: str) -> bytes:
    """One state, as stored. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.STATE_BY_ID, {"state_id": state_id})
    if row is None:
        raise ObjectNotFound("Task run state not found")
    return row[0].encode()


async def read_states(database: Database, run_id: str) -> bytes:
    """All states of a task run, oldest first, as a JSON list."""
    rows = await database.fetch_all(store.STATES, {"run_id": run_id})
    return f"[{','.join(row[0] for row in rows)}]".encode()
