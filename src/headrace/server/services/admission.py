"""Admission inside a transaction: locks and counts for the rules of `core.admission`.

One answer for everybody: a claim asks it for a batch, and a worker of the contract that proposes
PENDING for one run is asked the same.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import msgspec

from headrace.core.admission import (
    ADMITTED,
    Admitted,
    Blocked,
    Resource,
    ResourceKind,
    Slots,
    limited,
)
from headrace.server.store import claims as sql
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FlowRunRow

_RUN_COLUMNS = len(FLOW_RUN_COLUMNS)


class Candidate(NamedTuple):
    """A run with everything above it that must admit it."""

    run: FlowRunRow
    due: str | None
    wait_reason: str | None
    deployment_limit: int | None
    shared_limit: str | None
    deployment_options: str | None
    queue_is_paused: bool | None
    queue_limit: int | None
    pool_is_paused: bool | None
    pool_limit: int | None

    @classmethod
    def of_row(cls, row: Row) -> "Candidate":
        """From a row of `store.claims.CANDIDATE_COLUMNS`."""
        return cls(FlowRunRow(*row[:_RUN_COLUMNS]), *row[_RUN_COLUMNS:])

    def resources(self) -> list[Resource]:
        """Pool, queue and deployment, outer before inner; those that the run has."""
        run, found = self.run, list[Resource]()
        if run.work_pool_id is not None:
            found.append(
                Resource(
                    ResourceKind.WORK_POOL,
                    run.work_pool_id,
                    run.work_pool_name or "",
                    self.pool_limit,
                    bool(self.pool_is_paused),
                )
            )
        if run.work_queue_id is not None:
            found.append(
                Resource(
                    ResourceKind.WORK_QUEUE,
                    run.work_queue_id,
                    run.work_queue_name or "",
                    self.queue_limit,
                    bool(self.queue_is_paused),
                )
            )
        if run.deployment_id is not None:
            found.append(
                Resource(
                    ResourceKind.DEPLOYMENT,
                    run.deployment_id,
                    run.deployment_name or "",
                    self.deployment_limit,
                    shared=self.shared_limit,
                    cancel_new=cancels_new(self.deployment_options),
                )
            )
        return found


class _Options(msgspec.Struct):
    collision_strategy: str = "ENQUEUE"


@lru_cache(maxsize=256)
def cancels_new(options: str | None) -> bool:
    """Whether a deployment's stored concurrency options cancel a run that finds no slot."""
    if not options or options == "null":
        return False
    return msgspec.json.decode(options, type=_Options).collision_strategy == "CANCEL_NEW"


def admit(tx: Transaction, run_id: str) -> Admitted | Blocked:
    """Whether a run may become PENDING in this transaction.

    Takes the locks of its limited resources until the end of the transaction, so that nobody else
    can take the last slot meanwhile. Call it before the run's own row is written, and only for a
    run that holds no slot yet.
    """
    row = tx.fetch_one(sql.CANDIDATE, {"id": run_id})
    if row is None:
        return ADMITTED
    resources = Candidate.of_row(row).resources()
    slots = Slots({})
    count(tx, slots, [r for r in resources if r.kind is not ResourceKind.DEPLOYMENT])
    if limited(resources):
        # Pool and queue, then the run, then its deployment: the order in which claims lock them.
        tx.fetch_one(sql.LOCK_RUN, {"id": run_id})
    count(tx, slots, resources)
    return slots.admit(resources)


def count(tx: Transaction, slots: Slots, resources: Iterable[Resource]) -> bool:
    """Lock the limited resources that are not counted yet, then count who holds their slots.

    True when a lock was taken: it may have been waited for, and a time that was read before it is
    no longer the time of what is written after it.
    """
    wanted = {r.lock_key: r for r in limited(resources) if not slots.knows(r)}
    if not wanted:
        return False
    tx.lock(*wanted)
    used = dict.fromkeys(wanted, 0)
    for kind, statement in _COUNTS.items():
        ids = _keys_by_id(wanted.values(), kind)
        if ids:
            rows = tx.fetch_all(statement, {"ids": list(ids)})
            used |= {ids[owner]: live for owner, live in rows}
    slots.count(used)
    return True


async def live_slots(database: Database, resources: Iterable[Resource]) -> dict[str, int]:
    """Who holds slots of limited resources at this moment, without a lock: for telling, not taking."""
    wanted = limited(resources)
    used = {resource.lock_key: 0 for resource in wanted}
    for kind, statement in _COUNTS.items():
        ids = _keys_by_id(wanted, kind)
        if ids:
            rows = await database.fetch_all(statement, {"ids": list(ids)})
            used |= {ids[owner]: live for owner, live in rows}
    return used


def _keys_by_id(resources: Iterable[Resource], kind: ResourceKind) -> dict[str, str]:
    return {resource.id: resource.lock_key for resource in resources if resource.kind is kind}


_COUNTS = {
    ResourceKind.WORK_POOL: sql.LIVE_IN_POOLS,
    ResourceKind.WORK_QUEUE: sql.LIVE_IN_QUEUES,
    ResourceKind.DEPLOYMENT: sql.LIVE_OF_DEPLOYMENTS,
}
