"""Keeps a worker's leases alive, and its processes no longer than their leases.

Only a fenced process, whose run another may get when its lease is over, must not outlive it. The
others live on while the API is away, as long as their worker does.
"""

import time
from uuid import UUID

from headrace.core.leases import LeaseTerms
from headrace.errors import HeadraceError
from headrace.wire.claims import HeldLease, RenewResponse
from headrace.worker.api import SHORT, WorkerApi
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Ledger
from headrace.worker.metrics import WorkerMetrics

# A process must be dead before its lease can be over: this part of the lease, and no less than this
# many seconds, are given up for a clock that runs a little fast and a kill that takes a moment.
_MARGIN_PART = 0.1
_MARGIN_LEAST = 1.0
# Part of a lease after which it is renewed: two more chances remain when one request fails.
_RENEW_AFTER = 1 / 3
_MOST_LEASES = 2000  # in one request, as the wire has it
_RETRY = 1.0  # seconds until a failed renewal is tried again


def must_be_dead_by(asked: float, lease_seconds: float) -> float:
    """The latest moment for a process whose lease was granted no earlier than `asked` (monotonic)."""
    return asked + lease_seconds - max(_MARGIN_LEAST, _MARGIN_PART * lease_seconds)


class LeaseKeeper:
    """Renews all leases in one request when the first of them needs it.

    Args:
        api: The API.
        owner: Whose leases they are.
        holdings: What is held.
        ledger: Where the processes read their deadlines.
        metrics: Where renewals are counted.
    """

    def __init__(
        self,
        api: WorkerApi,
        owner: str,
        holdings: Holdings,
        ledger: Ledger,
        metrics: WorkerMetrics,
    ) -> None:
        self._api = api
        self._owner = owner
        self._holdings = holdings
        self._ledger = ledger
        self._metrics = metrics
        self._next = 0.0
        self._full = LeaseTerms().seconds  # until the API says how long its leases are

    def hasten(self, lease_seconds: float, full_seconds: float) -> None:
        """A lease of that length was granted just now: renew in time for it.

        Args:
            lease_seconds: How long it is.
            full_seconds: How long it will be when it was renewed.
        """
        self._full = full_seconds
        due = time.monotonic() + lease_seconds * _RENEW_AFTER
        self._next = min(self._next, due) if self._next else due

    def run_once(self, now: float) -> tuple[list[UUID], list[UUID]]:
        """Renew if it is time; the runs that are lost, and those that are to be cancelled.

        Raises:
            HeadraceError: The API does not answer. The processes live on to their deadlines.
        """
        held = self._holdings.all()
        if not held:
            self._next = 0.0
            return [], []
        if now < self._next:
            return [], []
        self._next = now + _RETRY
        self._live_on(held)
        lost: list[UUID] = []
        cancelling: list[UUID] = []
        shortest = 0.0
        for start in range(0, len(held), _MOST_LEASES):
            part = held[start : start + _MOST_LEASES]
            asked = time.monotonic()
            # soon enough for those that live on to be told again if there is no answer
            timeout = min(SHORT, self._full * _RENEW_AFTER)
            try:
                answer = self._api.renew(self._owner, list(map(_lease, part)), timeout=timeout)
            except HeadraceError:
                self._metrics.renewal_errors += 1
                raise
            self._metrics.renewals += 1
            self._metrics.renewed = time.monotonic()
            self._full = answer.lease_seconds
            self._keep(part, answer, must_be_dead_by(asked, answer.lease_seconds))
            lost += answer.lost
            cancelling += answer.cancelling
            shortest = answer.lease_seconds
        self._next = now + shortest * _RENEW_AFTER
        return lost, cancelling

    def _keep(self, part: list[Held], answer: RenewResponse, deadline: float) -> None:
        gone = set(answer.lost)
        fenced = None if answer.fenced is None else set(answer.fenced)
        for one in part:
            if UUID(one.run_id) in gone or one.lost:
                continue
            if fenced is not None:
                one.fenced = UUID(one.run_id) in fenced
                self._ledger.fence(one.slot, fenced=one.fenced)
            self._extend(one, deadline)

    def _live_on(self, held: list[Held]) -> None:
        """Have the processes that are not fenced live, whether or not the API will answer."""
        deadline = must_be_dead_by(time.monotonic(), self._full)
        for one in held:
            if not one.fenced and not one.lost and one.deadline < deadline:
                self._extend(one, deadline)

    def _extend(self, one: Held, deadline: float) -> None:
        one.deadline = deadline
        self._ledger.extend(one.slot, deadline)

    def seconds_left(self) -> float:
        """How long until the next renewal is due."""
        return max(0.0, self._next - time.monotonic())


def _lease(held: Held) -> HeldLease:
    return HeldLease(flow_run_id=UUID(held.run_id), epoch=held.epoch)
