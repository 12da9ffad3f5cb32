"""What the rules know about a run when a state is proposed for it."""

from dataclasses import dataclass
from typing import Literal

from headrace.core.states import State, StateType

RunKind = Literal["flow-run", "task-run"]


@dataclass(frozen=True, slots=True)
class Policy:
    """A run's own retry and pause settings, as the rules keep and change them.

    Args:
        retries: How often a failed attempt is repeated.
        retry_delay: Seconds between attempts; a list gives each gap its own.
        retry_jitter_factor: How far a delay may be stretched, as a share of itself.
        retry_type: `in_process` while the process itself waits for the next attempt, `reschedule`
            when the next attempt starts anew.
        pause_keys: Pauses that have happened and must not happen again.
        resuming: The next RUNNING continues an attempt that was suspended.
    """

    retries: int = 0
    retry_delay: float | tuple[float, ...] = 0.0
    retry_jitter_factor: float | None = None
    retry_type: str | None = None
    pause_keys: tuple[str, ...] = ()
    resuming: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit or a pause that keeps a flow run from becoming PENDING, or a task run from RUNNING.

    Args:
        reason: A sentence for people.
        cancel: Waiting for a slot is not wanted, or vain: a flow run is cancelled, a task run stopped.
        retry_after: Seconds until it may ask again.
    """

    reason: str
    cancel: bool = False
    retry_after: float = 30.0


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run as the rules see it.

    Args:
        kind: Flow runs and task runs have rules of their own.
        state: Its state, or none before the first.
        policy: Its retry and pause settings.
        run_count: How often it has entered RUNNING.
        has_deployment: Whether a new process for it can be started.
        start_time: When it first ran, as text.
        end_time: When it ended, as text.
        total_run_time: Seconds spent in RUNNING before the present state.
        expected_start_time: When it was first meant to start.
        refusal: What keeps it from starting, where limits were asked.
        enclosing_state: A task run's flow run's state type, where the rules need it.
        is_repeated: Whether a task run's flow run has begun another attempt since it last began itself.
        cached_state: A task run's finished state under the proposed cache key, if there is one.
    """

    kind: RunKind
    state: State | None
    policy: Policy
    run_count: int
    has_deployment: bool
    start_time: str | None
    end_time: str | None
    total_run_time: float
    expected_start_time: str | None
    refusal: Refusal | None = None
    enclosing_state: StateType | None = None
    is_repeated: bool = False
    cached_state: State | None = None
