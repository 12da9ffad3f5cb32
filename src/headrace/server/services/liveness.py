"""Who is alive: heartbeats of workers, polls of queues and deployments.

They come in hundreds a second and change nothing but a time. The first of each is written at once
(somebody came online); those that follow are kept in memory and written together by a loop.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic

from sqlalchemy import bindparam, literal_column, or_, update

from headrace.core.ids import new_id
from headrace.core.times import later, now_text
from headrace.server.services.signals import Signals
from headrace.server.store import work_events as events
from headrace.server.store import work_pools, work_queues, workers
from headrace.server.store.database import Database, Params, Row, Statement, Transaction, Write
from headrace.server.store.object_events import INSERT_EVENT
from headrace.server.store.schema import deployment

FLUSH_SECONDS = 15.0
"""Seconds between writes: half of the shortest time (30 s) after which anybody is missed."""

FORGET_SECONDS = 300.0
"""Seconds after which a known one is looked up again: another server may have deleted it."""

RENEW_SECONDS = 30.0
"""Age of a queue's deployments' last poll at which it is written anew: half of the 60 s after which they
are missed. A queue may have thousands."""

_WOKEN_AT_ONCE = 100
"""Deployments that become ready in one unit: two rows each."""

_QUEUES_DEPLOYMENTS_POLLED = Statement(
    update(deployment)
    .where(deployment.c.work_queue_id == bindparam("queue"))
    .where(
        or_(
            deployment.c.status == literal_column("'NOT_READY'"),
            deployment.c.last_polled.is_(None),
            deployment.c.last_polled < bindparam("stale"),
        )
    )
    .values(last_polled=bindparam("polled"), status=literal_column("'READY'"))
)
"""Whoever polls a queue would run what its deployments have planned."""

_DEPLOYMENT_POLLED = Statement(
    update(deployment)
    .where(deployment.c.id == bindparam("deployment"))
    .values(last_polled=bindparam("polled"), status=literal_column("'READY'"))
)


class Liveness:
    """Collects signs of life and writes them down. One a server."""

    def __init__(self, database: Database, signals: Signals) -> None:
        self._database = database
        self._signals = signals
        self._known: dict[tuple[str, str, int | None], float] = {}
        self._beats: dict[tuple[str, str], Params] = {}
        self._polls: dict[str, dict[str, str]] = {"queue": {}, "deployment": {}}
        self._polled: dict[str, float] = {}

    async def beat(self, pool_id: str, name: str, interval: int | None) -> None:
        """A worker of this pool is alive and promises to say so every `interval` seconds."""
        now = now_text()
        beat = {"pool": pool_id, "worker_name": name, "at": now, "interval": interval}
        known = (pool_id, name, interval)
        if self._known.get(known, 0.0) > monotonic():
            self._beats[pool_id, name] = beat
            return
        came_online = await self._database.transact(lambda tx: _register(tx, beat))
        self._known[known] = monotonic() + FORGET_SECONDS
        if came_online:
            self._signals.publish(f"pool:{pool_id}", "workers", "events")

    async def leave(self, pool_id: str, name: str) -> None:
        """A worker has said goodbye: it is offline at once, not after three missed heartbeats."""
        self.forget(pool_id, name)
        left = {"pool": pool_id, "worker_name": name, "now": now_text()}
        await self._database.apply([Write(workers.LEFT, left)])
        self._signals.publish("workers")

    def forget(self, pool_id: str, name: str) -> None:
        """The worker was deleted: its next heartbeat registers it anew."""
        self._beats.pop((pool_id, name), None)
        for known in [known for known in self._known if known[:2] == (pool_id, name)]:
            del self._known[known]

    def forget_offline(self) -> None:
        """Workers went offline: each one's next heartbeat is written at once."""
        self._known.clear()

    async def polled_queues(self, ids: Iterable[str]) -> None:
        """Somebody asked these queues for work."""
        await self._note("queue", ids)

    async def polled_deployments(self, ids: Iterable[str]) -> None:
        """Somebody asked for work of these deployments."""
        await self._note("deployment", ids)

    async def _note(self, kind: str, ids: Iterable[str]) -> None:
        now, moment, is_new = now_text(), monotonic(), False
        waiting = self._polls[kind]
        for one in ids:
            waiting[one] = now
            if self._polled.get(one, 0.0) <= moment:
                self._polled[one] = moment + FORGET_SECONDS
                is_new = True
        if is_new:
            await self._write_polls()

    async def flush(self) -> None:
        """Write down what came since the last time, in one unit."""
        beats, self._beats = self._beats, {}
        await self._write_polls([Write(workers.BEAT, list(beats.values()))] if beats else [])
        moment = monotonic()
        self._polled = {one: until for one, until in self._polled.items() if until > moment}
        self._known = {one: until for one, until in self._known.items() if until > moment}

    async def _write_polls(self, others: Sequence[Write] = ()) -> None:
        """Write down who was polled, with the events of those that were not ready till now."""
        queues, deployments = self._polls["queue"], self._polls["deployment"]
        self._polls = {"queue": {}, "deployment": {}}
        writes = [*_polls(queues, deployments), *others]
        ids = {"queues": sorted(queues), "deployments": sorted(deployments), "page": _WOKEN_AT_ONCE}
        while queues or deployments:
            asleep = await self._database.fetch_all(events.QUEUES_TO_WAKE, ids)
            served = await self._database.fetch_all(events.DEPLOYMENTS_TO_WAKE, ids)
            if not asleep and not served:
                break
            last = len(served) < _WOKEN_AT_ONCE
            await self._database.transact(
                partial(_wake, queues=asleep, deployments=served, others=writes if last else [])
            )
            self._signals.publish("events")
            if last:
                return
        if writes:
            await self._database.apply(writes)


def _wake(
    tx: Transaction, queues: list[Row], deployments: list[Row], others: Sequence[Write]
) -> None:
    """Queues and deployments that are polled from now on are ready: once each, whoever writes it."""
    now = tx.now()
    for row in queues:
        if tx.execute(events.SET_QUEUE_READY, {"queue": row[0], "now": now}):
            events.record_poll_status(tx, row, "READY", now)
    for row in deployments:
        if tx.execute(events.SET_DEPLOYMENT_READY, {"deployment_id": row[0], "now": now}):
            tx.execute(INSERT_EVENT, events.of_deployment_status(row, "READY", now))
    for write in others:
        tx.execute(write.statement, write.params)


def _polls(queues: dict[str, str], deployments: dict[str, str]) -> list[Write]:
    """The writes of when who was polled."""
    writes: list[Write] = []
    if queues:
        rows = [{"queue": one, "polled": at} for one, at in sorted(queues.items())]
        writes.append(Write(work_queues.POLLED, rows))
        rows = [row | {"stale": later(row["polled"], -RENEW_SECONDS)} for row in rows]
        writes.append(Write(_QUEUES_DEPLOYMENTS_POLLED, rows))
    if deployments:
        rows = [{"deployment": one, "polled": at} for one, at in sorted(deployments.items())]
        writes.append(Write(_DEPLOYMENT_POLLED, rows))
    return writes


def _register(tx: Transaction, beat: Params) -> bool:
    """Write the heartbeat of a worker that may be new or offline; whether it came online by it."""
    tx.lock(f"worker:{beat['pool']}:{beat['worker_name']}")
    known = tx.fetch_one(workers.KNOWN, beat)
    now = tx.now()
    if known is None:
        row = {
            "id": new_id(),
            "created": now,
            "updated": now,
            "work_pool_id": beat["pool"],
            "name": beat["worker_name"],
            "last_heartbeat_time": beat["at"],
            "heartbeat_interval_seconds": beat["interval"],
            "status": "ONLINE",
        }
        tx.execute(workers.INSERT, row)
    else:
        tx.execute(workers.BEAT, beat)
    set_pool_status(tx, str(beat["pool"]), "READY", now)
    return known is None or known[2] != "ONLINE"


def set_pool_status(tx: Transaction, pool_id: str, status: str, now: str) -> None:
    """A pool has an online worker or has none; a pause hides that, and its event."""
    if tx.execute(work_pools.SET_STATUS, {"pool": pool_id, "new_status": status, "now": now}):
        pool = events.read_pool(tx, pool_id)
        if pool is not None and not pool.is_paused:
            events.record_pool_status(tx, pool, status, now)
