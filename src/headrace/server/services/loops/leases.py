"""The loop that ends leases: what nobody renews is put back, crashed, or let go.

It first makes up for the time in which it did not look: then nobody could renew either.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from headrace.core.leases import LeaseTerms, Verdict
from headrace.core.times import later, now_text, seconds_between
from headrace.server.services.absence import last_look, make_up_for, remember_look
from headrace.server.services.lease_ends import end_leases
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import leases as sql
from headrace.server.store.database import Database, Transaction

_log = logging.getLogger(__name__)

LONGEST_INTERVAL = 5.0  # seconds
LOOK_PART = 1 / 12  # of a lease
QUIET_PART = 1 / 2  # of a lease: a renewal is asked for after a third of it
ABSENT_AFTER = 2.5  # intervals without a look: more than a busy machine's delay


@dataclass(slots=True)
class Looks:
    """Moments, as the store's text.

    Args:
        last: When leases were last looked at.
        noted: When that was last written down.
        quiet_until: No lease is judged before: the server was away a moment ago.
    """

    last: str | None = None
    noted: str | None = None
    quiet_until: str | None = None


@dataclass(frozen=True, slots=True)
class LeaseLoop:
    """Judges the runs whose lease ran out.

    Args:
        page: Runs of one transaction.
        terms: How long leases last.
        looks: When this server looked at leases last.
    """

    database: Database
    signals: Signals
    page: int = 100
    terms: LeaseTerms = field(default_factory=LeaseTerms)
    looks: Looks = field(default_factory=Looks)
    name: str = "leases"
    pace: Pace = field(default_factory=lambda: Pace(interval=LONGEST_INTERVAL))
    topics: tuple[str, ...] = ()

    @property
    def interval(self) -> float:
        """Seconds between looks at most: a small part of a lease, so that an absence is measured."""
        return min(self.pace.interval, self.terms.seconds * LOOK_PART)

    async def run_once(self, now: datetime) -> float | None:  # noqa: ARG002 - database time counts
        """End what ran out; sleep until the next lease does."""
        first = await self.database.fetch_few(sql.FIRST_EXPIRY)
        expires: str | None = first[0][0]
        await self._look(is_leased=expires is not None)
        if self.looks.quiet_until is not None and now_text() < self.looks.quiet_until:
            return self.interval
        ahead = self.interval if expires is None else seconds_between(now_text(), expires)
        if ahead > 0:
            return min(ahead, self.interval)
        # By the moment of the look: a server that is stopped right after it has made up for nothing yet.
        looked = self.looks.last or now_text()
        ended, topics = await self.database.transact(lambda tx: end_expired(tx, looked, self.page))
        if topics:
            self.signals.publish(*topics)
        for run_id, verdict in ended:
            _log.warning("The lease of flow run %s ran out: %s", run_id, verdict)
        return 0 if len(ended) == self.page else 0.5 if not ended else None

    async def _look(self, *, is_leased: bool) -> None:
        """Prolong what could not be renewed while nobody looked, and note that it was looked."""
        now = now_text()
        if is_leased:
            await self._make_up(now)
            noted = self.looks.noted
            if noted is None or seconds_between(noted, now) >= self.interval:
                await remember_look(self.database, now)
                self.looks.noted = now
        self.looks.last = now

    async def _make_up(self, now: str) -> None:
        longest = ABSENT_AFTER * self.interval
        looked = self.looks.last
        if looked is None or seconds_between(looked, now) > longest:
            # another server may have looked since this one did
            looked = max(looked or "", await last_look(self.database) or "")
        away = seconds_between(looked, now) if looked else 0.0
        if away > longest:
            count = await make_up_for(self.database, looked, now, self.terms.seconds)
            # A change of state that was under way may write the old end of its lease back: nobody is
            # judged before everybody could renew.
            self.looks.quiet_until = later(now, self.terms.seconds * QUIET_PART)
            _log.warning("Nobody looked at leases for %.1f s: %d were prolonged", away, count)


def end_expired(
    tx: Transaction, moment: str, page: int
) -> tuple[list[tuple[str, Verdict]], list[str]]:
    """Judge and end leases that had run out at a moment; runs with verdicts, and what to publish."""
    return end_leases(tx, tx.fetch_all(sql.EXPIRED, {"now": moment, "page": page}), tx.now())
