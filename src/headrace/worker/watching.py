"""Looks at what runs: its output, whether it has ended, and whether it is ours at all.

In a thread of its own: infrastructure that answers slowly holds up no lease.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import (
    Handle,
    Infrastructure,
    Listing,
    Notify,
    Reconciling,
    Releasing,
    Status,
)
from headrace.worker.complaints import Complaints
from headrace.worker.holdings import Held, Holdings

_log = logging.getLogger("headrace.worker")

_TICK = 0.2  # seconds between looks at outputs, and at what is being stopped
_POLL_EACH = 5.0  # seconds between questions about attempts whose kind does not tell by itself
_LIST_EACH = 1.0  # seconds between lists while something is being stopped
_RECONCILE_EACH = 60.0  # seconds between looks for attempts that nobody knows of
_STRAY_GRACE = 5.0  # seconds for an attempt that is nobody's


class Watcher:
    """Looks at attempts until it is stopped.

    Args:
        infrastructure: What runs them.
        holdings: What is held.
        show: Shows what is new of an attempt's output.
        changed: Told how attempts are.
    """

    def __init__(
        self,
        infrastructure: Infrastructure,
        holdings: Holdings,
        show: Callable[[Held], None],
        changed: Notify,
    ) -> None:
        self._infrastructure = infrastructure
        self._holdings = holdings
        self._show = show
        self._changed = changed
        self._complaints = Complaints("it answers again")
        self._over = threading.Event()
        self._polled = self._listed = time.monotonic()
        self._reconcile_at = 0.0

    def run(self) -> None:
        """Look, until `stop`."""
        while not self._over.wait(_TICK):
            for what, step in (("runs", self._look), ("strays", self._reconcile)):
                try:
                    if step():
                        self._complaints.settled(what)
                except InfrastructureError as error:
                    self._complaints.made(what, f"{what} cannot be looked at now", error)
                except Exception:  # noqa: BLE001  # the loop's edge
                    _log.exception("looking at %s failed once", what)

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def _look(self) -> bool:
        """Look at what runs; whether the infrastructure was asked."""
        now = time.monotonic()
        is_due = now - self._polled >= _POLL_EACH
        # What is being stopped is looked at more often; by lists not as often as by single looks.
        is_soon = now - self._listed >= (
            _LIST_EACH if isinstance(self._infrastructure, Listing) else 0
        )
        wanted: list[Handle] = []
        for held in self._holdings.all():
            if held.is_launching:
                continue
            self._show(held)
            if not held.status.exited and (is_due or (is_soon and not held.is_wanted)):
                wanted.append(held.handle)
        if is_due:
            self._polled = now
        if wanted:
            self._listed = now
            for handle, status in self._poll(wanted):
                self._note(handle, status)
        return bool(wanted)

    def _poll(self, handles: list[Handle]) -> Iterable[tuple[Handle, Status]]:
        if isinstance(self._infrastructure, Listing):
            return self._infrastructure.poll_all(handles)
        return [(handle, self._infrastructure.poll(handle)) for handle in handles]

    def _note(self, handle: Handle, status: Status) -> None:
        held = self._holdings.find(handle)
        if held is None:
            return
        known = held.handle  # which the kind may have told meanwhile
        fuller = handle if len(handle.details) > len(known.details) else known
        if status.exited or status.phase is not held.status.phase or fuller is not known:
            self._changed(fuller, status)

    def _reconcile(self) -> bool:
        """End attempts that carry this worker's name and that it does not hold; whether it looked."""
        now = time.monotonic()
        if not isinstance(self._infrastructure, Reconciling) or now < self._reconcile_at:
            return False
        self._reconcile_at = now + _RECONCILE_EACH
        for handle, status in self._infrastructure.attempts():
            # What is launched is held before: what is found and not held is nobody's.
            if self._holdings.find(handle) is not None:
                continue
            if not status.exited:
                _log.warning("run %s, epoch %s, is not ours: stopped", handle.run_id, handle.epoch)
                self._infrastructure.stop(handle, _STRAY_GRACE)
                self._reconcile_at = now + _STRAY_GRACE  # to see it end, or to end it
            elif isinstance(self._infrastructure, Releasing):
                self._infrastructure.release(handle)
        return True
