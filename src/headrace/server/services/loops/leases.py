"""The loop that ends leases: what nobody renews is put back, crashed, or let go.

It first makes up for the time in which it did not look: then nobody could renew either.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headrace.core.leases import LeaseTerms, Verdict, judge
from headrace.core.states import AWAITING_RETRY, SUSPENDED, StateType
from headrace.core.times import later, now_text, seconds_between
from headrace.server.services.absence import last_look, make_up_for, remember_look
from headrace.server.services.grants import carry_out_together, requeue
from headrace.server.services.leases import GIVEN_UP
from headrace.server.services.loops.service import Pace
from headrace.server.services.signals import Signals
from headrace.server.store import leases as sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction, Write
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FlowRunRow

_log = logging.getLogger(__name__)

_COLUMNS = len(FLOW_RUN_COLUMNS)

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
    topics: tuple[str, ...] = (GIVEN_UP,)

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
        ended, topics = await self.database.transact(lambda tx: end_expired(tx, self.page))
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


def end_expired(tx: Transaction, page: int) -> tuple[list[tuple[str, Verdict]], list[str]]:
    """Judge and end at most `page` leases; each run with its verdict, and what to publish."""
    now = tx.now()
    rows = tx.fetch_all(sql.EXPIRED, {"now": now, "page": page})
    ended: list[tuple[str, Verdict]] = []
    topics: list[str] = []
    for row in rows:
        run = FlowRunRow(*row[:_COLUMNS])
        verdict = _judge(run, row[_COLUMNS])
        writes = _writes(run, verdict, now)
        if writes:
            carry_out_together(tx, writes)
            topics += transitions.signals(run)
        else:
            tx.execute(sql.LET_GO, {"run": run.id})
        ended.append((run.id, verdict))
    return ended, topics


def _judge(run: FlowRunRow, pool_type: str | None) -> Verdict:
    facts = run.facts()
    return judge(
        facts.state.type if facts.state else None,
        lease_kind=run.lease_kind,
        pool_type=pool_type,
        retry_type=facts.policy.retry_type,
        attempts_left=facts.policy.retries + 1 - facts.run_count,
        can_start_again=facts.has_deployment,
        suspended=facts.state is not None and bool(facts.state.details.get("pause_reschedule")),
    )


def _writes(run: FlowRunRow, verdict: Verdict, now: str) -> Sequence[Write]:
    if verdict is Verdict.REQUEUE:
        return requeue(run, now, f"{_holder(run)} did not start it before {run.lease_expires}.")
    if verdict is Verdict.LET_GO:
        return []
    reason = f"{_holder(run)} was last heard of too long ago: its lease ended {run.lease_expires}."
    if verdict is Verdict.RESCHEDULE:
        state = transitions.new_state(
            StateType.SCHEDULED,
            AWAITING_RETRY,
            timestamp=now,
            message=reason,
            details={"scheduled_time": now},
        )
    elif verdict is Verdict.SUSPEND:
        paused = run.facts().state
        details = {} if paused is None else dict(paused.details)
        state = transitions.new_state(
            StateType.PAUSED,
            SUSPENDED,
            timestamp=now,
            message=f"{reason} Resuming the run starts a new process.",
            details=details | {"pause_reschedule": True},
        )
    else:
        end = StateType.CRASHED if verdict is Verdict.CRASH else StateType.CANCELLED
        state = transitions.new_state(end, timestamp=now, message=reason)
    return transitions.flow_run(run, state, now=now, lease=transitions.taken_away(run))


def _holder(run: FlowRunRow) -> str:
    if run.lease_kind == "heartbeat":
        return "The run's own process"
    return f"The worker {run.lease_owner!r}"
