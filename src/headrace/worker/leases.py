"""Keeps a worker's leases alive, and its processes no longer than their leases."""

import time
from uuid import UUID

from headrace.wire.claims import HeldLease
from headrace.worker.api import WorkerApi
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Ledger

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
    """

    def __init__(self, api: WorkerApi, owner: str, holdings: Holdings, ledger: Ledger) -> None:
        self._api = api
        self._owner = owner
        self._holdings = holdings
        self._ledger = ledger
        self._next = 0.0

    def hasten(self, lease_seconds: float) -> None:
        """A lease of that length was granted just now: renew in time for it."""
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
        lost: list[UUID] = []
        cancelling: list[UUID] = []
        shortest = 0.0
        for start in range(0, len(held), _MOST_LEASES):
            part = held[start : start + _MOST_LEASES]
            asked = time.monotonic()
            answer = self._api.renew(self._owner, [_lease(one) for one in part])
            gone = set(answer.lost)
            for one in part:
                if UUID(one.run_id) not in gone and not one.lost:
                    one.deadline = must_be_dead_by(asked, answer.lease_seconds)
                    self._ledger.extend(one.slot, one.deadline)
            lost += answer.lost
            cancelling += answer.cancelling
            shortest = answer.lease_seconds
        self._next = now + shortest * _RENEW_AFTER
        return lost, cancelling

    def seconds_left(self) -> float:
        """How long until the next renewal is due."""
        return max(0.0, self._next - time.monotonic())


def _lease(held: Held) -> HeldLease:
    return HeldLease(flow_run_id=UUID(held.run_id), epoch=held.epoch)
