"""Counts and times of requests, for Prometheus and for the idle clock."""

from collections import Counter
from time import monotonic

from headrace.core.exposition import Times


class OperationTimes:
    """What one operation has done so far."""

    __slots__ = ("method", "path", "statuses", "times")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.statuses: Counter[int] = Counter()
        self.times = Times()

    def record(self, status: int, seconds: float) -> None:
        """Count one answer."""
        self.statuses[status] += 1
        self.times.record(seconds)


class RequestMetrics:
    """All operations of one server process."""

    def __init__(self) -> None:
        self.operations: list[OperationTimes] = []
        self.in_flight = 0
        self.last_activity = monotonic()

    def operation(self, method: str, path: str) -> OperationTimes:
        """The counters of a newly declared operation."""
        times = OperationTimes(method, path)
        self.operations.append(times)
        return times

    def begin(self) -> None:
        """A request or WebSocket begins."""
        self.in_flight += 1

    def end(self) -> None:
        """It has been answered, or is closed."""
        self.in_flight -= 1
        self.last_activity = monotonic()

    def idle_seconds(self) -> float:
        """How long nobody has asked for anything."""
        return 0.0 if self.in_flight else monotonic() - self.last_activity
