"""The default task runner: a pool of threads in the flow's process."""

import sys
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from types import TracebackType
from typing import Any, Self

from headrace.engine.drivers import drive, run_async
from headrace.engine.task_calls import create_task_run
from headrace.engine.task_lifecycle import run_task
from headrace.engine.task_run import TaskRun
from headrace.futures import ConcurrentFuture
from headrace.states import State, exception_to_crashed_state
from headrace.task_runners.contract import TaskRunner


class ThreadPoolTaskRunner(TaskRunner):
    """Runs tasks in threads, each in a copy of the context that submitted it.

    Args:
        max_workers: Threads at most; as many as there are unfinished tasks when left out.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        if max_workers is not None and max_workers < 1:
            message = f"max_workers is {max_workers}; it must be 1 or more."
            raise ValueError(message)
        self.max_workers = max_workers
        self._pool: ThreadPoolExecutor | None = None
        self._starting = threading.Lock()

    def duplicate(self) -> Self:
        """Another runner with as many threads."""
        return type(self)(self.max_workers)

    def submit(
        self,
        task: Any,
        parameters: Mapping[str, Any],
        wait_for: Any = None,
        dependencies: Mapping[str, Any] | None = None,  # noqa: ARG002  # the contract's
    ) -> ConcurrentFuture:
        """Start a run of a task in a thread; its future."""
        run = create_task_run(task, parameters, wait_for)
        future = ConcurrentFuture(run.id_text, lambda: run.state)
        self._started().submit(
            copy_context().run, _run_in_thread, run, parameters, wait_for, future
        ).add_done_callback(lambda done: _settle_cancelled(done, run, future))
        return future

    def _started(self) -> ThreadPoolExecutor:
        """The pool, made when the first task is submitted: many flows submit none."""
        with self._starting:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.max_workers or sys.maxsize, "headrace-task")
            return self._pool

    def cancel_all(self) -> None:
        """Forget the runs that have not started. Threads that run cannot be stopped."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for all runs.

        When the process is being interrupted, forget those not started and leave those that run to
        themselves: that the flow has ended must be reported before somebody loses patience.
        """
        if self._pool is None:
            return
        interrupted = kind is not None and not issubclass(kind, Exception)
        self._pool.shutdown(wait=not interrupted, cancel_futures=interrupted)


ConcurrentTaskRunner = ThreadPoolTaskRunner


def _run_in_thread(
    run: TaskRun, parameters: Mapping[str, Any], wait_for: Any, future: ConcurrentFuture
) -> None:
    lifecycle = run_task(run, parameters, wait_for)
    try:
        state: State = run_async(lifecycle) if run.task.isasync else drive(lifecycle)
    except BaseException as error:
        future.settle(run.state if run.state and run.state.is_final() else _crashed(error))
        if not isinstance(error, Exception):
            return  # reported as Crashed; a thread has nobody to raise it to
        raise
    future.settle(state)


def _settle_cancelled(done: Any, run: TaskRun, future: ConcurrentFuture) -> None:
    """A run that was forgotten before it started must not leave others waiting for it."""
    if done.cancelled():
        assert run.state is not None
        future.settle(run.state)


def _crashed(error: BaseException) -> State:
    return exception_to_crashed_state(error)
