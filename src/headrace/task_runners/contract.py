"""What a task runner is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from headrace.futures import Future, FutureList


class TaskRunner(ABC):
    """Runs the tasks that a flow submits. One object serves one flow run; see `duplicate`."""

    @property
    def name(self) -> str:
        """The kind's name, in lower case and without "TaskRunner"."""
        return type(self).__name__.lower().removesuffix("taskrunner")

    @abstractmethod
    def duplicate(self) -> Self:
        """Another runner with the same options, for another flow run."""

    @abstractmethod
    def submit(
        self,
        task: Any,
        parameters: Mapping[str, Any],
        wait_for: Any = None,
        dependencies: Mapping[str, Any] | None = None,
    ) -> Future:
        """Start a run of a task; its future.

        Args:
            task: The `Task`.
            parameters: By name. Futures among them are waited for before the task starts.
            wait_for: More futures to wait for.
            dependencies: Accepted for the contract.
        """

    def map(self, task: Any, parameters: Mapping[str, Any], wait_for: Any = None) -> FutureList:
        """Start one run for each element of the sequences among the parameters."""
        futures = task.map(**parameters, wait_for=wait_for)
        assert isinstance(futures, FutureList)
        return futures

    @abstractmethod
    def cancel_all(self) -> None:
        """Forget the runs that have not started."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the runs that have started; at an error, forget the others."""
