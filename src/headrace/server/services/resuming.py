"""Resuming a paused flow run, with the input that a person or program gives it."""

from typing import Any

import msgspec

from headrace.core.ids import new_id
from headrace.core.json_schema import compile_schema, find_faults
from headrace.core.orchestration.verdicts import Abort, Reject
from headrace.core.states import RESUMING, State, StateType, default_name
from headrace.core.times import now_text
from headrace.errors import StaleWrite
from headrace.server.services import flow_run_states, proposals
from headrace.server.services.proposals import Outcome
from headrace.server.services.signals import Signals
from headrace.server.store import flow_run_answers as store
from headrace.server.store.database import Database, Write
from headrace.server.store.facts import FlowRunRow, open_state


async def resume_flow_run(
    database: Database, signals: Signals, run_id: str, run_input: dict[str, Any] | None
) -> Outcome:
    """Let a paused run go on.

    Args:
        database: Where the run is.
        signals: Told once the change is committed.
        run_id: Whose.
        run_input: What the run asked for, where it asked for something.

    A run whose process waits becomes RUNNING; a suspended one is scheduled, for a new process. Input
    that does not match the schema of the run is refused, and the run stays paused. Raises
    `ObjectNotFound`.
    """
    for _ in range(flow_run_states.ATTEMPTS):
        row = await flow_run_states.read_facts(database, run_id)
        try:
            return await _resume(database, signals, row, run_input)
        except StaleWrite:
            # Its process was found to be gone meanwhile: how it goes on is another question now.
            continue
    raise StaleWrite(
        f"Flow run {run_id} is being changed by many callers at once; resume it again."
    )


async def _resume(
    database: Database, signals: Signals, row: FlowRunRow, run_input: dict[str, Any] | None
) -> Outcome:
    """Raises `StaleWrite` where another attempt's epoch has begun since the row was read."""
    run_id, state = row.id, open_state(row.state)
    if state is None or state.type is not StateType.PAUSED:
        name = "in no state" if state is None else state.name
        return proposals.answer(
            Abort(f"Only a paused run can be resumed; this one is {name}."), None
        )
    keyset = _keyset(state)
    extra: list[Write] = []
    if keyset is not None:
        fault = await _check_input(database, run_id, keyset, run_input or {})
        if fault is not None:
            return proposals.answer(Reject(fault), row.state)
        if run_input is not None and "response" in keyset:
            extra = [store.keep(run_id, keyset["response"], run_input, now_text())]
    return await flow_run_states.set_state(
        database, signals, run_id, _next_state(row, state), epoch=row.epoch, extra=extra
    )


def _keyset(state: State) -> dict[str, str] | None:
    keyset = state.details.get("run_input_keyset")
    return msgspec.convert(keyset, dict[str, str]) if keyset else None


def _next_state(row: FlowRunRow, paused: State) -> State:
    now = now_text()
    if row.deployment_id is not None and paused.details.get("pause_reschedule"):
        details: dict[str, object] = {"scheduled_time": now}
        return State(StateType.SCHEDULED, RESUMING, new_id(), now, details=details)
    return State(StateType.RUNNING, default_name(StateType.RUNNING), new_id(), now)


async def _check_input(
    database: Database, run_id: str, keyset: dict[str, str], run_input: dict[str, Any]
) -> str | None:
    """What is wrong with the input, as a sentence that names the field; none where nothing is."""
    key = keyset.get("schema", "")
    row = await database.fetch_one(store.INPUT, {"run_id": run_id, "key": key})
    if row is None:
        return f"The run asks for input, but its schema {key!r} is not among its inputs."
    try:
        validator = compile_schema(row[0])
    except ValueError as error:
        return f"The schema of the input is {error}"
    for fault in find_faults(validator, run_input):
        where = f" at {fault.field}" if fault.field else ""
        return f"The input does not match its schema{where}: {fault.message}"
    return None
