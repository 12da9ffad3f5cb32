"""Proposing states of a flow run to the server, and doing as it answers."""

import time
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any

from headrace.engine.api import from_wire, send_state
from headrace.engine.commands import Command, Request, Sleep
from headrace.errors import (
    Abort,
    DatabaseUnavailable,
    Pause,
    ServerUnreachable,
    StaleWrite,
    TooBusy,
)
from headrace.states import State, StateType
from headrace.wire.deployments import DeploymentResponse
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.orchestration import OrchestrationResult, SetStateStatus

AWAY = (ServerUnreachable, DatabaseUnavailable, TooBusy)
PATIENCE = 300.0  # seconds that a run outlasts a server which does not answer; a restart takes less
FIRST_PAUSE = 0.2  # seconds between the first two attempts to reach it
LONGEST_PAUSE = 5.0  # seconds between later ones
PENDING_PAUSE = 1.0  # seconds before asking again whether a run may start, where no time was named


class Run:
    """A flow run in this process.

    Args:
        flow_run: As the server told it; the engine keeps `run_count` and `state` up to date.
        epoch: Which attempt this is, for a run that a worker claimed; None otherwise.
        deployment: The deployment it is a run of, or None.
    """

    __slots__ = ("deployment", "epoch", "flow_run", "ids", "state")

    def __init__(
        self,
        flow_run: FlowRunResponse,
        epoch: int | None = None,
        deployment: DeploymentResponse | None = None,
    ) -> None:
        self.flow_run = flow_run
        self.deployment = deployment
        self.epoch = epoch
        self.ids = {
            "flow_run_id": str(flow_run.id),
            "task_run_id": None,
            "flow_run_name": str(flow_run.name),
        }
        self.state: State | None = None

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.flow_run.name)


def propose(
    run: Run,
    state: State,
    *,
    force: bool = False,
    answered: OrchestrationResult | None = None,
) -> Generator[Command, Any, State]:
    """Propose a state until the server decides; the state that the run is in then.

    Waits as told, and outlasts a server that is away for `PATIENCE` seconds.

    Args:
        run: The run.
        state: The state.
        force: Skip the server's rules.
        answered: What the server said to this state already.

    Raises:
        Pause: The run is paused or suspended instead.
        Abort: This process must not go on with the run.
        ServerUnreachable: The server stayed away.
    """
    while True:
        answer = answered or (yield from _send(run, state, force))
        answered = None
        if answer.status is SetStateStatus.WAIT:
            yield Sleep(getattr(answer.details, "delay_seconds", 0))
            continue
        if answer.status is SetStateStatus.ABORT:
            reason = getattr(answer.details, "reason", None)
            message = f"The server refused {state.name} for run {run.name}: {reason}"
            raise Abort(message)
        decided = _decided(state, answer)
        run.state = decided
        run.flow_run.state_name = decided.name
        if answer.status is SetStateStatus.REJECT and decided.type is StateType.PAUSED:
            message = f"Run {run.name} is {decided.name}."
            raise Pause(message, state=decided)
        return decided


def _decided(proposed: State, answer: OrchestrationResult) -> State:
    if answer.state is None:
        return proposed
    told = from_wire(answer.state)
    # a failure that the server puts into its own words (a pause timed out) is still this one
    is_ours = answer.status is SetStateStatus.ACCEPT or told.type is StateType.FAILED
    if is_ours and told.type is proposed.type:
        told.value = proposed.value
        told.data = proposed.data
    return told


def _send(run: Run, state: State, force: bool) -> Generator[Command, Any, OrchestrationResult]:
    try:
        return (yield from outlast(send_state, run.flow_run.id, state, run.epoch, force))
    except StaleWrite as error:
        raise stale(run) from error


def stale(run: Run) -> Abort:
    """The error that ends an attempt in whose place another has begun."""
    return Abort(f"Another attempt at run {run.name} has begun; this one stops.")


def outlast(function: Callable[..., Any], *args: Any) -> Generator[Command, Any, Any]:
    """Ask the server, again and again while it is away, for `PATIENCE` seconds.

    Args:
        function: Sends the request; repeating it must do no harm.
        args: For the function.

    Raises:
        ServerUnreachable: The server stayed away.
    """
    deadline = time.monotonic() + PATIENCE
    pause = FIRST_PAUSE
    while True:
        try:
            return (yield Request(function, *args))
        except AWAY:
            if time.monotonic() + pause > deadline:
                raise
        yield Sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def wait_until(scheduled: State, at_least: datetime | None = None) -> Generator[Command, Any, None]:
    """Let the time pass until a scheduled state is due.

    Args:
        scheduled: A state with a scheduled time, or without: then a moment.
        at_least: Wait until then in any case.
    """
    due: Any = (scheduled.details or {}).get("scheduled_time")
    times = [when for when in (due, at_least) if when is not None]
    delay = max(when.timestamp() for when in times) - time.time() if times else PENDING_PAUSE
    if delay > 0:
        yield Sleep(delay)
