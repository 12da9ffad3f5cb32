"""Claims: a worker or runner waits until runs are due, and gets them with leases.

The call looks first, without writing; it takes in one short transaction; where there is nothing to
take it waits at a desk. An idle call costs one query a wake-up and writes nothing.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass

from headrace.core.leases import LeaseTerms
from headrace.server.services.delivery import Counter, Desks
from headrace.server.services.grants import (
    Demand,
    Grant,
    Harvest,
    carry_out_together,
    requeue,
    take,
)
from headrace.server.services.signals import Listener, Signals
from headrace.server.services.sources import Source, SourceLook
from headrace.server.store import claims as sql
from headrace.server.store import leases as lease_sql
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction
from headrace.server.store.facts import FlowRunRow

STOP_TOPIC = "closing"
"""Published when the server begins to stop: whoever waits is answered at once."""

_REMEMBERED_OWNERS = 1000
"""Owners whose told cancellations are kept: more processes than one server is asked by."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a claim brought.

    Args:
        grants: Runs that the owner now holds.
        cancelling: Runs of the owner that are to be cancelled.
        lease_seconds: How long a lease lasts once it is renewed.
    """

    grants: list[Grant]
    cancelling: list[str]
    lease_seconds: float


class Claims:
    """Hands out runs. One a server.

    Args:
        database: Where the runs are.
        signals: What wakes those who wait.
        closing: Set, before `STOP_TOPIC` is published, when the server begins to stop.
        terms: How long leases last.
    """

    def __init__(
        self,
        database: Database,
        signals: Signals,
        closing: asyncio.Event | None = None,
        terms: LeaseTerms | None = None,
    ) -> None:
        self.terms = terms or LeaseTerms()
        self._database = database
        self._signals = signals
        self._desks: Desks[Demand, Harvest, SourceLook] = Desks(signals)
        self._told: OrderedDict[str, frozenset[str]] = OrderedDict()
        self._open: dict[str, _Call] = {}
        self._closing = closing or asyncio.Event()

    async def claim(
        self,
        source: Source,
        demand: Demand,
        wait_seconds: float,
        look: SourceLook | None = None,
    ) -> Answer:
        """Runs of `source` for `demand`; waits up to `wait_seconds` while there are none.

        `look` is what the caller has just seen of the source, where it has looked. Returns early,
        with no runs, when a run of the owner is to be cancelled.

        Raises `ObjectNotFound` when the pool does not exist.
        """
        topics = (_owner_topic(demand), STOP_TOPIC)
        with self._alone(demand) as call, self._signals.listen(topics) as news:
            harvest = await self._try(source, demand, look)
            cancelling = await self.cancelling(demand.owner)
            if harvest is None and wait_seconds > 0 and not self._is_news(demand, cancelling):
                until = asyncio.ensure_future(self._until_news(demand, wait_seconds, news, call))
                harvest = await self._wait(source, demand, until)
                cancelling = await self.cancelling(demand.owner)
        self._tell(demand.owner, cancelling)
        grants = harvest.grants if harvest else []
        return Answer(grants, cancelling, self.terms.seconds)

    async def cancelling(self, owner: str) -> list[str]:
        """The runs of an owner that are to be cancelled."""
        rows = await self._database.fetch_few(sql.CANCELLING_OF_OWNER, {"owner": owner})
        return [row[0] for row in rows]

    async def give_back(self, grants: list[Grant]) -> None:
        """Put runs that never reached their worker back into their queues."""
        topics = await self._database.transact(lambda tx: _give_back(tx, grants))
        self._signals.publish(*topics)

    async def close(self) -> None:
        """Answer all who wait, with nothing."""
        self._closing.set()
        self._signals.deliver((STOP_TOPIC,))
        await self._desks.close()

    async def _try(self, source: Source, demand: Demand, look: SourceLook | None) -> Harvest | None:
        claim = {"claim": demand.claim_id, "owner": demand.owner}
        is_repetition = await self._database.fetch_one(sql.HELD_BY_CLAIM, claim) is not None
        look = look or await source.look()
        if look.delay(demand) > 0 and not is_repetition:
            return None
        return await self._take(look, demand)

    async def _take(self, look: SourceLook, demand: Demand) -> Harvest | None:
        lanes = [lane for lane in look.lanes if lane.is_open and lane.due is not None]
        harvest = await self._database.transact(
            lambda tx: take(tx, demand, lanes, self.terms.unconfirmed_seconds)
        )
        if harvest.topics:
            self._signals.publish(*harvest.topics)
        return harvest if harvest.grants else None

    async def _wait(
        self, source: Source, demand: Demand, until: asyncio.Future[None]
    ) -> Harvest | None:
        counter = Counter(
            look=source.look,
            delay=SourceLook.delay,
            serve=self._take,
            give_back=lambda harvest: self.give_back(harvest.grants),
            delay_if_blocked=source.delay_if_blocked,
        )
        try:
            return await self._desks.wait(source.key, counter, demand, until)
        finally:
            until.cancel()

    async def _until_news(
        self, demand: Demand, seconds: float, news: Listener, call: "_Call"
    ) -> None:
        """Return when the owner is to be told something, or the time is up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while await news.wait(deadline - loop.time()):
            if call.is_superseded or self._closing.is_set():
                return
            if self._is_news(demand, await self.cancelling(demand.owner)):
                return

    def _is_news(self, demand: Demand, cancelling: list[str]) -> bool:
        """Whether the owner has not heard of one of these yet."""
        return not self._told.get(demand.owner, frozenset()).issuperset(cancelling)

    def _tell(self, owner: str, cancelling: list[str]) -> None:
        if not cancelling:
            self._told.pop(owner, None)
            return
        self._told[owner] = frozenset(cancelling)
        self._told.move_to_end(owner)
        while len(self._told) > _REMEMBERED_OWNERS:
            self._told.popitem(last=False)

    @contextlib.contextmanager
    def _alone(self, demand: Demand) -> Generator["_Call"]:
        """A claim that is sent again takes the place of the call that still waits."""
        before = self._open.get(demand.claim_id)
        if before is not None:
            before.is_superseded = True
            self._signals.deliver((_owner_topic(demand),))
        call = self._open[demand.claim_id] = _Call()
        try:
            yield call
        finally:
            if self._open.get(demand.claim_id) is call:
                del self._open[demand.claim_id]


@dataclass(slots=True)
class _Call:
    is_superseded: bool = False


def _owner_topic(demand: Demand) -> str:
    return f"owner:{demand.owner}"


def _give_back(tx: Transaction, grants: list[Grant]) -> list[str]:
    topics: list[str] = []
    epochs = {grant.run_id: grant.epoch for grant in grants}
    now = tx.now()
    for row in tx.fetch_all(lease_sql.LEASED_RUNS, {"ids": list(epochs)}):
        run = FlowRunRow(*row)
        state = run.facts().state
        if run.epoch == epochs[run.id] and state is not None and state.type == "PENDING":
            message = "The worker that was to start it was gone before it heard of it."
            carry_out_together(tx, requeue(run, now, message))
            topics += transitions.signals(run)
    return topics
