"""States of runs as the SDK holds them: what happened, and the value or error it left behind.

A state here is light and mutable by nobody: creating one costs a microsecond, and its id, details
and `datetime` are made when somebody looks. `wire.states.State` is the same thing on the wire.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard
from uuid import UUID

from headrace.annotations import NotSet
from headrace.core.ids import new_id
from headrace.core.states import TERMINAL, StateType
from headrace.errors import (
    CancelledRun,
    CrashedRun,
    FailedRun,
    MissingResult,
    PausedRun,
    UnfinishedRun,
)
from headrace.results import ResultMetadata, read_result

FINAL = TERMINAL


class StateDetails:
    """The particulars of a state; those that do not apply are None."""

    __slots__ = (
        "cache_expiration",
        "cache_key",
        "child_flow_run_id",
        "flow_run_id",
        "pause_key",
        "pause_reschedule",
        "pause_timeout",
        "refresh_cache",
        "retriable",
        "run_input_keyset",
        "scheduled_time",
        "task_run_id",
        "transition_id",
        "untrackable_result",
    )

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        given = (
            f"{n}={getattr(self, n)!r}" for n in self.__slots__ if getattr(self, n) is not None
        )
        return f"StateDetails({', '.join(given)})"


class State:
    """One state of one run.

    Args:
        type: A `StateType` or its text.
        name: A finer name; the type's own when left out.
        message: A sentence for a person.
        value: The result, or the error, that the run left; kept in this process only.
        data: Where the result was stored, for a result that was.
        details: Particulars by name, as in `StateDetails`.
        timestamp: Seconds since the epoch; now when left out.
        id: The state's id; made when it is first asked for, when left out.
    """

    __slots__ = ("_id", "data", "details", "message", "name", "seconds", "type", "value")

    def __init__(
        self,
        type: StateType | str,  # noqa: A002  # the contract's name
        name: str | None = None,
        message: str | None = None,
        *,
        value: Any = NotSet,
        data: ResultMetadata | None = None,
        details: dict[str, Any] | None = None,
        timestamp: float | None = None,
        id: str | None = None,  # noqa: A002  # the contract's name
    ) -> None:
        self.type: StateType = StateType(type) if type.__class__ is str else type  # pyright: ignore[reportAttributeAccessIssue]  # not text, so the enumeration
        self.name = name or self.type.capitalize()
        self.message = message
        self.value = value
        self.data = data
        self.details = details
        self.seconds = time.time() if timestamp is None else timestamp
        self._id = id

    @property
    def id(self) -> UUID:
        """The state's id."""
        return UUID(self.id_text)

    @property
    def id_text(self) -> str:
        """The state's id as text."""
        if self._id is None:
            self._id = new_id()
        return self._id

    @property
    def has_id(self) -> bool:
        """Whether somebody asked for the id, so that it may be known elsewhere."""
        return self._id is not None

    @property
    def timestamp(self) -> datetime:
        """When the run came into this state."""
        return datetime.fromtimestamp(self.seconds, UTC)

    @property
    def state_details(self) -> StateDetails:
        """The particulars."""
        return StateDetails(**(self.details or {}))

    def result(self, raise_on_failure: bool = True, retry_result_failure: bool = True) -> Any:
        """What the run returned.

        Args:
            raise_on_failure: Raise the run's error; when False, return it.
            retry_result_failure: Accepted for the contract; a read of a stored result is not retried.

        Raises:
            UnfinishedRun: The state is not final.
            PausedRun: The run is paused.
            MissingResult: The result was neither kept in this process nor stored.
        """
        return get_state_result(self, raise_on_failure, retry_result_failure)

    def is_scheduled(self) -> bool:
        """Waiting for its time."""
        return self.type is StateType.SCHEDULED

    def is_pending(self) -> bool:
        """Handed out and not started."""
        return self.type is StateType.PENDING

    def is_running(self) -> bool:
        """Started and not ended."""
        return self.type is StateType.RUNNING

    def is_completed(self) -> bool:
        """Ended well."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """Ended by an error of its own."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """Ended by something outside of its code."""
        return self.type is StateType.CRASHED

    def is_cancelled(self) -> bool:
        """Ended because somebody asked."""
        return self.type is StateType.CANCELLED

    def is_cancelling(self) -> bool:
        """Asked to end, and not ended yet."""
        return self.type is StateType.CANCELLING

    def is_paused(self) -> bool:
        """Waiting to be resumed."""
        return self.type is StateType.PAUSED

    def is_final(self) -> bool:
        """Whether the run is over."""
        return self.type in FINAL

    def fresh_copy(self, **changes: Any) -> "State":
        """This state again under a new id and time, with some arguments of `State` changed."""
        kept: dict[str, Any] = {
            "name": self.name,
            "message": self.message,
            "value": self.value,
            "data": self.data,
            "details": dict(self.details) if self.details else None,
        }
        return State(changes.pop("type", self.type), **(kept | changes))

    def __repr__(self) -> str:
        shown = [repr(self.message)] if self.message else []
        if self.name.upper() != self.type:
            shown.append(f"type={self.type}")
        return f"{self.name}({', '.join(shown)})"


def _state(kind: StateType, name: str, options: dict[str, Any]) -> State:
    """A state from a constructor's options: `data` is the value there, as in the contract."""
    details = options.pop("state_details", None)
    if "data" in options:
        options["value"] = options.pop("data")
    return State(kind, options.pop("name", None) or name, details=details, **options)


def _scheduled(name: str, scheduled_time: datetime | None, options: dict[str, Any]) -> State:
    details = dict(options.pop("state_details", None) or {})
    details["scheduled_time"] = scheduled_time or datetime.now(UTC)
    return _state(StateType.SCHEDULED, name, options | {"state_details": details})


def Scheduled(scheduled_time: datetime | None = None, **options: Any) -> State:  # noqa: N802
    """A run that waits for `scheduled_time`, or for nothing."""
    return _scheduled("Scheduled", scheduled_time, options)


def Late(scheduled_time: datetime | None = None, **options: Any) -> State:  # noqa: N802
    """A scheduled run whose time has passed."""
    return _scheduled("Late", scheduled_time, options)


def AwaitingRetry(scheduled_time: datetime | None = None, **options: Any) -> State:  # noqa: N802
    """A failed run that is tried again at `scheduled_time`."""
    return _scheduled("AwaitingRetry", scheduled_time, options)


def AwaitingConcurrencySlot(  # noqa: N802
    scheduled_time: datetime | None = None, **options: Any
) -> State:
    """A run that waits for a slot of a limit."""
    return _scheduled("AwaitingConcurrencySlot", scheduled_time, options)


def Pending(**options: Any) -> State:  # noqa: N802
    """A run that is about to start."""
    return _state(StateType.PENDING, "Pending", options)


def Submitting(**options: Any) -> State:  # noqa: N802
    """A run that a worker hands to its infrastructure."""
    return _state(StateType.PENDING, "Submitting", options)


def InfrastructurePending(**options: Any) -> State:  # noqa: N802
    """A run whose infrastructure is starting."""
    return _state(StateType.PENDING, "InfrastructurePending", options)


def Running(**options: Any) -> State:  # noqa: N802
    """A run that has started."""
    return _state(StateType.RUNNING, "Running", options)


def Retrying(**options: Any) -> State:  # noqa: N802
    """A run that has started again after it failed."""
    return _state(StateType.RUNNING, "Retrying", options)


def Completed(**options: Any) -> State:  # noqa: N802
    """A run that ended well; `data` is what it returned."""
    return _state(StateType.COMPLETED, "Completed", options)


def Failed(**options: Any) -> State:  # noqa: N802
    """A run that its own error ended; `data` is the error."""
    return _state(StateType.FAILED, "Failed", options)


def Crashed(**options: Any) -> State:  # noqa: N802
    """A run that something outside of its code ended."""
    return _state(StateType.CRASHED, "Crashed", options)


def Cancelling(**options: Any) -> State:  # noqa: N802
    """A run that was asked to end."""
    return _state(StateType.CANCELLING, "Cancelling", options)


def Cancelled(**options: Any) -> State:  # noqa: N802
    """A run that ended because it was asked to."""
    return _state(StateType.CANCELLED, "Cancelled", options)


def Paused(  # noqa: N802
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    reschedule: bool = False,
    pause_key: str | None = None,
    **options: Any,
) -> State:
    """A run that waits to be resumed, until `pause_expiration_time` or for `timeout_seconds`."""
    details = dict(options.pop("state_details", None) or {})
    if pause_expiration_time is None and timeout_seconds is not None:
        pause_expiration_time = datetime.now(UTC) + timedelta(seconds=timeout_seconds)
    details |= {
        "pause_timeout": pause_expiration_time,
        "pause_reschedule": reschedule,
        "pause_key": pause_key,
    }
    return _state(StateType.PAUSED, "Paused", options | {"state_details": details})


def Suspended(  # noqa: N802
    timeout_seconds: float | None = None,
    pause_expiration_time: datetime | None = None,
    pause_key: str | None = None,
    **options: Any,
) -> State:
    """A paused run whose process has ended; another goes on when it is resumed."""
    named = {"name": "Suspended"} | options
    return Paused(timeout_seconds, pause_expiration_time, True, pause_key, **named)  # noqa: FBT003


class StateGroup:
    """Several states looked at together."""

    def __init__(self, states: list[State]) -> None:
        self.states = states
        self.total_count = len(states)

    def count(self, kind: StateType) -> int:
        """How many are of this type."""
        return sum(state.type is kind for state in self.states)

    @property
    def fail_count(self) -> int:
        """How many failed or crashed."""
        return self.count(StateType.FAILED) + self.count(StateType.CRASHED)

    def all_completed(self) -> bool:
        """Whether all ended well."""
        return self.count(StateType.COMPLETED) == self.total_count

    def any_cancelled(self) -> bool:
        """Whether one was cancelled."""
        return self.count(StateType.CANCELLED) > 0

    def any_failed(self) -> bool:
        """Whether one failed or crashed."""
        return self.fail_count > 0

    def any_paused(self) -> bool:
        """Whether one is paused."""
        return self.count(StateType.PAUSED) > 0

    def all_final(self) -> bool:
        """Whether all are over."""
        return all(state.type in FINAL for state in self.states)

    def counts_message(self) -> str:
        """How many of each type there are, as text."""
        kinds = [(kind, self.count(kind)) for kind in StateType]
        return f"{self.total_count} states: " + ", ".join(f"{n} {k}" for k, n in kinds if n)


def is_state_iterable(obj: Any) -> TypeGuard[Iterable[State]]:
    """Whether this is a list, tuple or set of states and nothing else, and not empty."""
    return (
        obj.__class__ in {list, tuple, set}
        and bool(obj)
        and all(isinstance(item, State) for item in obj)
    )


def return_value_to_state(retval: Any) -> State:
    """The final state that a function's return value stands for.

    A state is taken as it is. A list, tuple or set of states is judged together: completed when all
    are, else cancelled, paused or failed. Anything else is the result of a completed run.
    """
    if isinstance(retval, State):
        return retval
    if not is_state_iterable(retval):
        return State(StateType.COMPLETED, value=retval)
    group = StateGroup(list(retval))
    if group.all_completed():
        return State(StateType.COMPLETED, message="All states completed.", value=retval)
    if group.any_cancelled():
        cancelled = group.count(StateType.CANCELLED)
        message = f"{cancelled}/{group.total_count} states cancelled."
        return State(StateType.CANCELLED, message=message, value=retval)
    if group.any_paused():
        return State(StateType.PAUSED, message=group.counts_message(), value=retval)
    if group.any_failed():
        message = f"{group.fail_count}/{group.total_count} states failed."
    else:
        message = f"Some states are not final. {group.counts_message()}"
    return State(StateType.FAILED, message=message, value=retval)


def exception_to_failed_state(exc: BaseException, prefix: str = "", **options: Any) -> State:
    """The Failed state that an error of the run's own code leads to."""
    message = f"{prefix}{type(exc).__name__}: {exc}"
    return State(StateType.FAILED, message=message, value=exc, **options)


def exception_to_crashed_state(exc: BaseException) -> State:
    """The Crashed state that an interruption from outside leads to."""
    message = f"Stopped by {type(exc).__name__}" + (f": {exc}" if str(exc) else ".")
    return State(StateType.CRASHED, message=message, value=exc)


def format_exception(exc: BaseException) -> str:
    """An error's type and message in one line."""
    return f"{type(exc).__name__}: {exc}"


_ERRORS = {
    StateType.FAILED: FailedRun,
    StateType.CRASHED: CrashedRun,
    StateType.CANCELLED: CancelledRun,
}


def get_state_exception(state: State) -> BaseException:
    """The error that ended the run: its own where it is known, else one with the state's message.

    Raises:
        ValueError: The state is not failed, crashed or cancelled.
    """
    wrapper = _ERRORS.get(state.type)
    if wrapper is None:
        message = f"{state!r} is not failed, crashed or cancelled, so it has no error"
        raise ValueError(message)
    value = state.value
    if value is NotSet and state.data is not None:
        value = read_result(state.data)
    if isinstance(value, BaseException):
        return value
    if isinstance(value, State):
        return get_state_exception(value)
    if is_state_iterable(value):
        for inner in value:
            if inner.type in _ERRORS:
                return get_state_exception(inner)
    text = value if isinstance(value, str) else None
    return wrapper(text or state.message or f"The run ended as {state.name}.")


def raise_state_exception(state: State) -> None:
    """Raise the error that ended the run; nothing when it ended well or has not ended."""
    if state.type in _ERRORS:
        raise get_state_exception(state)


def get_state_result(
    state: State,
    raise_on_failure: bool = True,
    retry_result_failure: bool = True,  # noqa: ARG001  # the contract's name
) -> Any:
    """The value that a state stands for. See `State.result`."""
    if state.type is StateType.PAUSED:
        message = "The run is paused, so it has no result yet."
        raise PausedRun(message, state=state)
    if state.type not in FINAL:
        message = f"The run is {state.name}; its result can be read when it is over."
        raise UnfinishedRun(message)
    if state.type is not StateType.COMPLETED:
        error = get_state_exception(state)
        if raise_on_failure:
            raise error
        return error
    if state.value is not NotSet:
        return state.value
    if state.data is not None:
        return read_result(state.data)
    message = "The result was not kept. Set persist_result=True where it is needed later."
    raise MissingResult(message)
