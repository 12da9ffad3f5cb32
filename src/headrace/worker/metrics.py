"""What a worker counts, for Prometheus."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from headrace.core.exposition import NONE, Times, write_counter, write_gauge, write_histogram
from headrace.infrastructure.contract import Phase, Status
from headrace.worker.holdings import Held, Holdings

_STATES = ("starting", "running", "stopping", "ended")
_HOW = ("reported", "unreported", "not_started")


@dataclass(slots=True)
class WorkerMetrics:
    """The counts of one worker. Each is written by one thread.

    Args:
        claims: From asking for runs to getting some.
        launches: From getting a run to its process running.
        ended: Attempts that are over, by how their end became known.
        claim_errors: Claims that got no good answer.
        renewals: Requests that renewed leases.
        renewal_errors: Those that did not.
        renewed: The monotonic second of the last renewal; 0 before the first.
    """

    claims: Times = field(default_factory=Times)
    launches: Times = field(default_factory=Times)
    ended: Counter[str] = field(default_factory=Counter[str])
    claim_errors: int = 0
    renewals: int = 0
    renewal_errors: int = 0
    renewed: float = 0.0

    def count_end(self, status: Status) -> None:
        """An attempt is over."""
        how = "reported" if status.reported else "unreported"
        self.ended["not_started" if status.never_ran else how] += 1


def write_metrics(metrics: WorkerMetrics, holdings: Holdings, now: float) -> Iterator[str]:
    """All lines.

    Args:
        metrics: What was counted.
        holdings: What is held.
        now: Monotonic seconds.
    """
    states = Counter(_state(held) for held in holdings.all())
    yield from write_gauge(
        "headrace_worker_runs", [({"state": state}, states[state]) for state in _STATES]
    )
    yield from write_gauge("headrace_worker_capacity", [(NONE, holdings.limit)])
    yield from write_counter(
        "headrace_worker_runs_ended_total", [({"how": how}, metrics.ended[how]) for how in _HOW]
    )
    yield from write_histogram("headrace_worker_claim_seconds", [(NONE, metrics.claims)])
    yield from write_histogram("headrace_worker_launch_seconds", [(NONE, metrics.launches)])
    for name in ("claim_errors", "renewals", "renewal_errors"):
        yield from write_counter(f"headrace_worker_{name}_total", [(NONE, getattr(metrics, name))])
    age = [(NONE, round(now - metrics.renewed, 3))] if metrics.renewed else []
    yield from write_gauge("headrace_worker_renewal_age_seconds", age)


def _state(held: Held) -> str:
    if held.status.exited:
        return "ended"
    if not held.is_wanted:
        return "stopping"
    return "running" if held.status.phase is Phase.RUNNING else "starting"
