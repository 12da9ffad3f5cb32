"""The engine behind `Flow.__call__`: a run of a flow that is called in Python."""

from collections.abc import Generator, Mapping
from typing import Any
from uuid import UUID

from headrace.context import FlowRunContext, current_tags
from headrace.engine.api import create_run, create_stand_in, earlier_run, from_wire
from headrace.engine.commands import Command, Request
from headrace.engine.drivers import drive, drive_async
from headrace.engine.flow_lifecycle import RunnableFlow, run_flow
from headrace.engine.names import render_run_name
from headrace.engine.proposals import Run
from headrace.engine.reporting import prepare_reporting
from headrace.engine.resolution import (
    check_upstreams,
    pending_futures,
    resolved,
    upstreams,
    wait_all,
)
from headrace.engine.serialization import as_json_parameters
from headrace.states import State


def call_flow(
    flow: RunnableFlow, parameters: Mapping[str, Any], wait_for: Any, return_state: bool
) -> Any:
    """Run a flow here; its result, or its final state. Something to await for an async flow."""
    lifecycle = _call(flow, parameters, wait_for)
    if flow.isasync:
        return _await(drive_async(lifecycle), return_state)
    state: State = drive(lifecycle)
    return state if return_state else state.result()


async def _await(driven: Any, return_state: bool) -> Any:
    state: State = await driven
    return state if return_state else state.result()


def _call(
    flow: RunnableFlow, parameters: Mapping[str, Any], wait_for: Any
) -> Generator[Command, Any, State]:
    parent = FlowRunContext.get()
    if parent is None:
        prepare_reporting()
    inputs = upstreams(parameters, wait_for, parent) if parent is not None else {}
    futures = pending_futures(parameters, wait_for)
    if futures:
        yield Request(wait_all, futures)
    check_upstreams(wait_for)
    parameters = resolved(parameters)
    name = None
    if flow.flow_run_name is not None:
        name = render_run_name(flow.flow_run_name, parameters, "") or None
    stand_in: UUID | None = None
    if parent is not None:
        number = parent.count(flow.name)
        stand_in = yield Request(create_stand_in, flow, parent.flow_run.id, number, inputs)
        if parent.flow_run.run_count > 1 and stand_in is not None:
            finished = yield from _finished_before(stand_in)
            if finished is not None:
                return finished
    stored = as_json_parameters(parameters)
    tags = current_tags()
    flow_run = yield Request(create_run, flow, stored, tags, name, stand_in)
    return (yield from run_flow(flow, Run(flow_run), parameters))


def _finished_before(stand_in: UUID) -> Generator[Command, Any, State | None]:
    """What the sub-flow came to in an earlier attempt of its parent, where its result was stored."""
    earlier = yield Request(earlier_run, stand_in)
    if earlier is None or earlier.state is None:
        return None
    state = from_wire(earlier.state)
    return state if state.is_completed() and state.data is not None else None
