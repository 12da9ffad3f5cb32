"""What a lifecycle asks its driver to do.

A lifecycle is a generator that neither blocks nor awaits: it yields one of these values, and the
driver answers with the outcome, or throws the error. `drivers` runs them by blocking,
`async_driver` by awaiting; nothing else differs between a sync and an async run.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

_NO_ARGUMENTS: Mapping[str, Any] = {}


class Call:
    """Run user code; the answer is what it returns.

    Args:
        function: A function, or under the async driver also a coroutine function.
        args: By position.
        kwargs: By name.
        timeout: Seconds after which the code is stopped and `Expired` is thrown; None for ever.
    """

    __slots__ = ("args", "function", "kwargs", "timeout")

    def __init__(
        self,
        function: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any] = _NO_ARGUMENTS,
        timeout: float | None = None,
    ) -> None:
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.timeout = timeout


class Request:
    """Run a blocking function of the engine: an HTTP call, a file, a wait for a future."""

    __slots__ = ("args", "function")

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self.function = function
        self.args = args


class Sleep:
    """Let some seconds pass."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


Command = Call | Request | Sleep
Lifecycle = Generator[Command, Any, Any]
"""Yields commands, takes their outcomes, returns what the run comes to."""


class Expired(BaseException):
    """Thrown into code whose time is up. Not an `Exception`: user code should not swallow it."""
