"""How a run's counters and times change when it enters a state."""

from dataclasses import dataclass

from headrace.core.orchestration.facts import RunFacts
from headrace.core.states import State, StateType
from headrace.core.times import seconds_between


@dataclass(frozen=True, slots=True)
class Progress:
    """A run's counters and times after it has entered a state; times as text, seconds as float."""

    run_count: int
    start_time: str | None
    end_time: str | None
    total_run_time: float
    expected_start_time: str
    next_scheduled_start_time: str | None


def progress(run: RunFacts, state: State) -> Progress:
    """What `run` looks like once it is in `state`.

    A flow's attempt that goes on after a pause is the same attempt: it is not counted again, or each
    pause would cost a retry. A task that was paused had not begun. A run that ended keeps its end when
    one terminal state replaces another, and has none once it is taken up again.
    """
    was_paused = run.state is not None and run.state.type is StateType.PAUSED
    goes_on = run.kind == "flow-run" and run.run_count > 0 and (run.policy.resuming or was_paused)
    counts = state.type is StateType.RUNNING and not goes_on
    has_begun = state.type is StateType.RUNNING or state.is_terminal
    scheduled = state.text_detail("scheduled_time") if state.type is StateType.SCHEDULED else None
    return Progress(
        run_count=run.run_count + counts,
        start_time=run.start_time or (state.timestamp if has_begun else None),
        end_time=(run.end_time or state.timestamp) if state.is_terminal else None,
        total_run_time=run.total_run_time + _time_in_running(run.state, state.timestamp),
        expected_start_time=run.expected_start_time or scheduled or state.timestamp,
        next_scheduled_start_time=scheduled,
    )


def _time_in_running(state: State | None, until: str) -> float:
    if state is None or state.type is not StateType.RUNNING:
        return 0.0
    return max(0.0, seconds_between(state.timestamp, until))
