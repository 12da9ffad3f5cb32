"""Futures: stand-ins for the results of runs that are still going on."""

import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from headrace._bindings import HEAVY, late, load
from headrace.containers import is_container, leaves, rebuilt
from headrace.states import State

FIRST_LOOK = 0.02  # seconds between two looks at a run that is elsewhere; grows by half each time
LAST_LOOK = 1.0  # seconds

_callbacks_change = threading.Lock()  # one for all: it is held for an instant at a run's end


class Future:
    """The run of a submitted task.

    Args:
        task_run_id: The run's id.
        current: Gives the run's latest state.
    """

    __slots__ = ("_callbacks", "_current", "_done", "_final", "id_text")

    def __init__(self, task_run_id: UUID | str, current: Callable[[], State | None]) -> None:
        self.id_text = str(task_run_id)
        self._current = current
        self._done = threading.Event()
        self._final: State | None = None
        self._callbacks: list[Callable[[Any], None]] = []

    @property
    def task_run_id(self) -> UUID:
        """The run's id."""
        return UUID(self.id_text)

    @property
    def state(self) -> State:
        """The run's latest state."""
        state = self._final or self._current()
        assert state is not None, "a submitted run is pending at least"
        return state

    def settle(self, state: State) -> None:
        """Say how the run ended. Called once, by the task runner."""
        with _callbacks_change:
            self._final = state
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback(self)

    def is_done(self) -> bool:
        """Whether the run is over."""
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Block until the run is over, or `timeout` seconds have passed."""
        self._done.wait(timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """What the run returned, waiting for it.

        Args:
            timeout: Seconds to wait; None waits until it is over.
            raise_on_failure: Raise the run's error; when False, return it.

        Raises:
            TimeoutError: The run was not over in time.
        """
        if not self._done.wait(timeout):
            message = f"Task run {self.id_text} was not over within {timeout} seconds."
            raise TimeoutError(message)
        return self.state.result(raise_on_failure=raise_on_failure)

    def add_done_callback(self, fn: Callable[["Future"], None]) -> None:
        """Call a function with this future when the run is over; at once when it is already."""
        with _callbacks_change:
            if not self._done.is_set():
                self._callbacks.append(fn)
                return
        fn(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id_text}, {self.state.name})"


class DistributedFuture(Future):
    """The run of a task that a background worker runs, in this process or any other.

    Args:
        task_run_id: The run's id.
        current: Gives the run's latest state; by default the API is asked.
    """

    __slots__ = ()

    def __init__(
        self, task_run_id: UUID | str, current: Callable[[], State | None] | None = None
    ) -> None:
        super().__init__(task_run_id, current or partial(late("read_task_run_state"), task_run_id))

    def is_done(self) -> bool:
        """Whether the run is over."""
        self.wait(0)
        return self._done.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Block until the run is over, or `timeout` seconds have passed.

        Raises:
            HeadraceError: The API does not answer, or does not know the run.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = FIRST_LOOK
        while not self._done.is_set():
            state = self._current()
            if state is not None and state.is_final():
                self.settle(state)
                return
            left = _left(deadline)
            if left is not None and left <= 0:
                return
            time.sleep(pause if left is None else min(pause, left))
            pause = min(pause * 1.5, LAST_LOOK)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """What the run returned, waiting for it.

        Args:
            timeout: Seconds to wait; None waits until it is over.
            raise_on_failure: Raise the run's error; when False, return it.

        Raises:
            TimeoutError: The run was not over in time.
            MissingResult: The worker kept the result where this process cannot read it.
        """
        self.wait(timeout)
        return super().result(0, raise_on_failure)

    async def wait_async(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  # the contract's name
        """The same as `wait`, to be awaited."""
        await load(HEAVY["asyncio"]).to_thread(self.wait, timeout)

    async def result_async(
        self,
        timeout: float | None = None,  # noqa: ASYNC109  # as above
        raise_on_failure: bool = True,
    ) -> Any:
        """The same as `result`, to be awaited."""
        return await load(HEAVY["asyncio"]).to_thread(self.result, timeout, raise_on_failure)

    def add_done_callback(self, fn: Callable[["Future"], None]) -> None:
        """Call a function with this future when the run is over, from a thread that waits for it."""
        super().add_done_callback(fn)
        if not self._done.is_set():
            threading.Thread(
                target=self.wait, name=f"waits for {self.id_text}", daemon=True
            ).start()

    def __reduce__(self) -> tuple[Any, ...]:
        return DistributedFuture, (self.id_text,)


ConcurrentFuture = Future
TaskRunFuture = Future


class FutureList(list[Future]):
    """What `map` returns."""

    def wait(self, timeout: float | None = None) -> None:
        """Block until all runs are over, or `timeout` seconds have passed."""
        wait(self, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[Any]:
        """What the runs returned, in order, waiting for all of them.

        Raises:
            TimeoutError: They were not over in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        return [
            future.result(_left(deadline), raise_on_failure=raise_on_failure) for future in self
        ]


class DoneAndNotDoneFutures(NamedTuple):
    """What `wait` returns."""

    done: set[Future]
    not_done: set[Future]


def wait(futures: Iterable[Future], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Block until all runs are over, or `timeout` seconds have passed; which are over."""
    deadline = None if timeout is None else time.monotonic() + timeout
    all_futures = list(futures)
    for future in all_futures:
        future.wait(_left(deadline))
    done = {future for future in all_futures if future.is_done()}
    return DoneAndNotDoneFutures(done, set(all_futures) - done)


def as_completed(futures: Sequence[Future], timeout: float | None = None) -> Generator[Future]:
    """Give the futures as their runs end.

    Raises:
        TimeoutError: Not all were over within `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    changed = threading.Condition()
    ended: list[Future] = []

    def note(future: Future) -> None:
        with changed:
            ended.append(future)
            changed.notify()

    for future in dict.fromkeys(futures):
        future.add_done_callback(note)
    for _ in dict.fromkeys(futures):
        with changed:
            if not changed.wait_for(lambda: ended, _left(deadline)):
                message = f"Not all of {len(futures)} futures were over within {timeout} seconds."
                raise TimeoutError(message)
            future = ended.pop(0)
        yield future


def resolve_futures_to_states(expr: Any) -> Any:
    """A future's final state, waiting for it; lists, tuples, sets and dicts of them likewise."""
    return _replace(expr, _final_state)


def resolve_futures_to_results(expr: Any) -> Any:
    """A future's result, waiting for it; lists, tuples, sets and dicts of them likewise.

    Raises:
        UnfinishedRun: A run could not start, so it has no result.
    """
    return _replace(expr, Future.result)


def _final_state(future: Future) -> State:
    future.wait()
    return future.state


def _replace(expr: Any, replacement: Callable[[Future], Any]) -> Any:
    if isinstance(expr, Future):
        return replacement(expr)
    if is_container(expr) and any(isinstance(leaf, Future) for leaf in leaves(expr)):
        if isinstance(expr, FutureList):
            return [replacement(future) for future in expr]
        return rebuilt(expr, lambda element: _replace(element, replacement))
    return expr


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


__all__ = [
    "ConcurrentFuture",
    "DistributedFuture",
    "DoneAndNotDoneFutures",
    "Future",
    "FutureList",
    "TaskRunFuture",
    "as_completed",
    "resolve_futures_to_results",
    "resolve_futures_to_states",
    "wait",
]
