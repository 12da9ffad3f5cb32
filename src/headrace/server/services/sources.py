"""What a caller can take runs from: the queues of a pool, or deployments that it serves itself."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Protocol

from headrace.core.admission import Resource, ResourceKind, Slots
from headrace.core.times import later, now_text, to_datetime
from headrace.errors import ObjectNotFound
from headrace.server.services.grants import Demand, Lane
from headrace.server.store import claims as sql
from headrace.server.store.database import Database, Row

NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class SourceLook:
    """Lanes in the order in which they are drained, and what tells of news in them.

    Args:
        lanes: Queues or deployments.
        topics: Signals to listen to.
        room: How many more runs all lanes together have room for; None for any number.
        pool_id: The pool whose queues they are.
    """

    lanes: tuple[Lane, ...]
    topics: tuple[str, ...]
    room: int | None = None
    pool_id: str | None = None

    def delay(self, demand: Demand) -> float:
        """Seconds until a run in a lane with room is due for the demand; 0 when one is."""
        if demand.limit <= 0:
            return NEVER
        due = [lane.due for lane in self.lanes if lane.is_open and lane.due is not None]
        return _seconds_until(min(due), demand) if due else NEVER


def _seconds_until(due: str, demand: Demand) -> float:
    ahead = (to_datetime(due) - to_datetime(now_text())).total_seconds()
    return max(0.0, ahead - demand.prefetch)


class Source(Protocol):
    """Something that runs are taken from."""

    @property
    def key(self) -> Hashable:
        """Equal for callers who wait for the same runs."""
        ...

    async def look(self) -> SourceLook:
        """See what is due and where there is room, in one query."""
        ...

    async def delay_if_blocked(self, look: SourceLook, demand: Demand) -> float:
        """Seconds until a run is due that is not due yet."""
        ...


@dataclass(frozen=True, slots=True)
class PoolSource:
    """The queues of a pool, or some of them; a queue of higher priority is emptied first."""

    database: Database
    pool: str
    queues: frozenset[str] = frozenset()

    @property
    def key(self) -> Hashable:
        """Pool and queue names."""
        return ("pool", self.pool, tuple(sorted(self.queues)))

    async def look(self) -> SourceLook:
        """One query, whatever the number of queues and runs.

        Raises `ObjectNotFound` for a pool that does not exist.
        """
        rows = await self.database.fetch_few(sql.QUEUES_OF_POOL, {"pool": self.pool})
        if not rows:
            raise ObjectNotFound(f'Work pool "{self.pool}" not found.')
        return _look_at_queues(rows, self.queues)

    async def delay_if_blocked(self, look: SourceLook, demand: Demand) -> float:
        """As `Source.delay_if_blocked`."""
        ids = [lane.id for lane in look.lanes if lane.is_open]
        return await _delay_after(self.database, sql.FIRST_DUE_AFTER_IN_QUEUES, ids, demand)


@dataclass(frozen=True, slots=True)
class ServedSource:
    """Deployments that one process serves itself; the one that waited longest comes first."""

    database: Database
    deployments: frozenset[str]

    @property
    def key(self) -> Hashable:
        """The deployments' ids."""
        return ("served", tuple(sorted(self.deployments)))

    async def look(self) -> SourceLook:
        """One query; a deployment that does not exist (any more) is passed over."""
        rows = await self.database.fetch_few(sql.DEPLOYMENTS, {"ids": sorted(self.deployments)})
        lanes = sorted(map(_deployment_lane, rows), key=lambda lane: lane.due or "~")
        return SourceLook(
            tuple(lanes), tuple(f"deployment:{one}" for one in sorted(self.deployments))
        )

    async def delay_if_blocked(self, look: SourceLook, demand: Demand) -> float:
        """As `Source.delay_if_blocked`."""
        ids = [lane.id for lane in look.lanes if lane.is_open]
        return await _delay_after(self.database, sql.FIRST_DUE_AFTER_OF_DEPLOYMENTS, ids, demand)


async def _delay_after(
    database: Database, statement: sql.Statement, ids: Sequence[str], demand: Demand
) -> float:
    if not ids:
        return NEVER
    horizon = later(now_text(), demand.prefetch)
    rows = await database.fetch_few(statement, {"ids": list(ids), "horizon": horizon})
    due = [row[0] for row in rows if row[0] is not None]
    return _seconds_until(min(due), demand) if due else NEVER


def _look_at_queues(rows: Sequence[Row], names: frozenset[str]) -> SourceLook:
    pool_id, pool_name, pool_is_paused, pool_limit = rows[0][:4]
    pool = Resource(ResourceKind.WORK_POOL, pool_id, pool_name, pool_limit, pool_is_paused)
    slots = Slots({pool.lock_key: sum(row[9] or 0 for row in rows)})
    lanes: list[Lane] = []
    topics = [f"pool:{pool_id}"]
    for _, _, _, _, id_, name, is_paused, limit, due, live in rows:
        chosen = not names or name in names
        # With a limit on the pool, a slot that comes free in any queue is news for all of them.
        if chosen or pool_limit is not None:
            topics.append(f"queue:{id_}")
        if not chosen:
            continue
        queue = Resource(ResourceKind.WORK_QUEUE, id_, name, limit, is_paused)
        slots.count({queue.lock_key: live or 0})
        rooms = [room for room in map(slots.room, (pool, queue)) if room is not None]
        lanes.append(
            Lane(ResourceKind.WORK_QUEUE, id_, (pool, queue), due, min(rooms, default=None))
        )
    return SourceLook(tuple(lanes), tuple(topics), slots.room(pool), pool_id)


def _deployment_lane(row: Row) -> Lane:
    id_, name, limit, shared, due, live = row
    deployment = Resource(ResourceKind.DEPLOYMENT, id_, name, limit, shared=shared)
    # What a full deployment cancels must be looked at: it has room for that.
    slots = Slots({deployment.lock_key: live or 0})
    return Lane(ResourceKind.DEPLOYMENT, id_, (deployment,), due, slots.room(deployment))
