"""Renewing the leases of slots that this process holds.

One thread serves them all; it starts with the first lease that lasts, so that short ones pay nothing.
A lease that cannot be renewed before it ends is lost: others may have its slots by now.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from headrace.client.concurrency_limits import renew_lease
from headrace.engine.api import api
from headrace.engine.slots import Held
from headrace.errors import HeadraceError, LeaseGone
from headrace.wire.concurrency_limits import RenewConcurrencyLeaseBody

SHARE: Final = 0.5
"""The part of its time after which a lease is renewed: half of it is left for further attempts."""
TICK: Final = 1.0  # seconds between two looks at what is due
REQUEST_SECONDS: Final = 10.0  # for one renewal: no lease may wait long for another's

OnLost = Callable[[str], None]


class _Lease:
    __slots__ = ("due", "ends", "held", "on_lost")

    def __init__(self, held: Held, on_lost: OnLost) -> None:
        self.held = held
        self.on_lost = on_lost
        self.ends = held.since + held.lease_duration
        self.due = held.since + held.lease_duration * SHARE

    def renew(self) -> str | None:
        """Try it; why the lease is lost, if it is."""
        held, asked = self.held, time.monotonic()
        body = RenewConcurrencyLeaseBody(lease_duration=held.lease_duration)
        try:
            renew_lease(api(), held.lease_id, body, timeout=REQUEST_SECONDS)
        except LeaseGone as error:
            return str(error)
        except HeadraceError as error:  # tried again with the next tick, while the lease lasts
            return str(error) if time.monotonic() > self.ends else None
        self.ends = asked + held.lease_duration
        self.due = asked + held.lease_duration * SHARE
        return None


class Renewals:
    """The leases that are renewed, and the thread for them."""

    def __init__(self) -> None:
        self._leases: dict[object, _Lease] = {}
        self._changed = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, held: Held, on_lost: OnLost) -> None:
        """Renew a lease until `remove`.

        Args:
            held: The slots.
            on_lost: Called at most once, in the thread of the renewals, with the reason.
        """
        with self._changed:
            self._leases[held.lease_id] = _Lease(held, on_lost)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="headrace-slot-renewal", daemon=True
                )
                self._thread.start()

    def remove(self, held: Held) -> None:
        """Let a lease be: its slots are given back."""
        with self._changed:
            self._leases.pop(held.lease_id, None)

    def _run(self) -> None:
        while True:
            time.sleep(TICK)
            now = time.monotonic()
            with self._changed:
                if not self._leases:
                    self._thread = None
                    return
                due = [lease for lease in self._leases.values() if lease.due <= now]
            for lease in due:
                self._renew(lease)

    def _renew(self, lease: _Lease) -> None:
        reason = lease.renew()
        if reason is None:
            return
        with self._changed:
            known = self._leases.pop(lease.held.lease_id, None)
        if known is not None:
            lease.on_lost(reason)


renewals: Final = Renewals()
"""Those of this process."""
