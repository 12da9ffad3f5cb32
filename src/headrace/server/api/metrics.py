"""Counts and times of requests, for Prometheus and for the idle clock."""

from bisect import bisect_left
from collections import Counter
from time import monotonic

# Upper bounds in seconds: from a primary-key read to a call that is held open.
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)


class OperationTimes:
    """What one operation has done so far."""

    __slots__ = ("buckets", "method", "path", "statuses", "total")

    def __init__(self, method: str, path: str) -> None:
        self.method = method
        self.path = path
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.statuses: Counter[int] = Counter()
        self.total = 0.0  # seconds

    def record(self, status: int, seconds: float) -> None:
        """Count one answer."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.statuses[status] += 1
        self.total += seconds


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
