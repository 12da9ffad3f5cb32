"""Being asked to end: signals become exceptions, and the server says what was meant."""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from uuid import UUID

from headrace.client.flow_runs import read_flow_run
from headrace.engine.api import api
from headrace.errors import HeadraceError, TerminationSignal
from headrace.wire.states import StateType


def cancellation_requested(flow_run_id: UUID) -> bool:
    """Whether a run that is being stopped was cancelled by a person, as far as can be known."""
    try:
        state_type = read_flow_run(api(), flow_run_id).state_type
    except HeadraceError:
        return False  # the server is away too: the run is stopped with everything else
    return state_type in (StateType.CANCELLING, StateType.CANCELLED)


class _Seen:
    """Whether the signal came. An event loop turns the exception into a cancelled coroutine."""

    signal: int | None = None


def was_terminated() -> bool:
    """Whether this process was asked to end."""
    return _Seen.signal is not None


@contextmanager
def termination_raised() -> Generator[None]:
    """In this block SIGTERM raises `TerminationSignal` in the main thread, once.

    A second one, while hooks run, is left to end the process as usual.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)

    def terminate(number: int, _: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _Seen.signal = number
        raise TerminationSignal(number)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
