"""The events of work pools, their queues and deployments: columns of their rows."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, literal_column, or_, select, update

from headrace.server.store.database import Row, Statement, Transaction
from headrace.server.store.deployments import RUN_SOURCE, limit_id
from headrace.server.store.events import INSERT_EVENT
from headrace.server.store.object_events import EventRow, Labels, labels, make, read_json
from headrace.server.store.schema import (
    deployment,
    event,
    flow,
    work_pool,
    work_queue,
)
from headrace.server.store.work_pools import AGENT_TYPE
from headrace.server.store.work_queues import is_unpolled

_TYPE: Final = "prefect.work-pool.type"
_STATUSES: Final = {"READY": "ready", "NOT_READY": "not-ready", "PAUSED": "paused"}


class Pool(NamedTuple):
    """A pool, as its events name it."""

    id: str
    name: str
    type: str
    default_queue_id: str
    is_paused: bool

    def named(self, *, role: bool = True) -> Labels:
        """The pool as a resource."""
        more = {"role": "work-pool"} if role else {}
        return labels("work-pool", self.id, self.name, **more) | {_TYPE: self.type}

    @property
    def is_told_of(self) -> bool:
        """Pools that no worker serves have no status, and no events."""
        return self.type != AGENT_TYPE


_POOL: Final = select(*(work_pool.c[name] for name in Pool._fields))
_POOL_OF_ID: Final = Statement(_POOL.where(work_pool.c.id == bindparam("pool")))
_LAST_STATUS: Final = Statement(
    select(event.c.id)
    .where(event.c.resource_id == bindparam("resource"))
    .where(event.c.event.in_([f"prefect.work-pool.{word}" for word in _STATUSES.values()]))
    .order_by(event.c.occurred.desc(), event.c.seq.desc())
    .limit(1)
)


def read_pool(tx: Transaction, pool_id: str) -> Pool | None:
    """The pool of an id, if it is one whose changes are told."""
    row = tx.fetch_one(_POOL_OF_ID, {"pool": pool_id})
    pool = None if row is None else Pool(*row)
    return pool if pool is not None and pool.is_told_of else None


def of_pool(what: str, pool: Pool, now: str, payload: object = None) -> EventRow:
    """A pool was made, changed or deleted."""
    default = [labels("work-queue", pool.default_queue_id, role="default-queue")]
    return make(
        what, pool.named(), now, related=() if what == "updated" else default, payload=payload
    )


def record_pool_status(tx: Transaction, pool: Pool, status: str, now: str) -> None:
    """Tell that a pool has this status now; it follows the event of the one before."""
    resource = pool.named(role=False)
    last = tx.fetch_one(_LAST_STATUS, {"resource": resource["prefect.resource.id"]})
    follows = None if last is None else last[0]
    tx.execute(INSERT_EVENT, make(_STATUSES[status], resource, now, follows=follows))


class Queue(NamedTuple):
    """A queue, as its events name it."""

    id: str
    name: str
    pool: Pool


def of_queue(what: str, queue: Queue, now: str, payload: object = None) -> EventRow:
    """A queue was made, changed or deleted."""
    resource = labels("work-queue", queue.id, queue.name, role="work-queue")
    return make(what, resource, now, related=[queue.pool.named()], payload=payload)


def of_queue_status(queue: Queue, status: str, now: str) -> EventRow:
    """A queue has this status now."""
    return of_queue(_STATUSES[status], queue, now)


def record_poll_status(tx: Transaction, row: Row, status: str, now: str) -> None:
    """Tell that a queue of a row of `QUEUES` is polled, or is not any more; not while it is paused."""
    queue = open_queue(row)
    if queue.pool.is_told_of and not row[-1]:
        tx.execute(INSERT_EVENT, of_queue_status(queue, status, now))


QUEUES: Final = (
    select(work_queue.c.id, work_queue.c.name, *_POOL.selected_columns)
    .add_columns(work_queue.c.is_paused)
    .select_from(work_queue.join(work_pool, work_pool.c.id == work_queue.c.work_pool_id))
)
"""Rows for `open_queue`; the last column says whether it is paused."""

QUEUES_OF_POOL: Final = Statement(QUEUES.where(work_pool.c.id == bindparam("pool")))


QUEUES_TO_WAKE: Final = Statement(
    QUEUES.where(
        work_queue.c.id.in_(bindparam("queues", expanding=True)),
        work_queue.c.status == literal_column("'NOT_READY'"),
    )
)
"""Of these queues, those that are not ready yet."""

SET_QUEUE_READY: Final = Statement(
    update(work_queue)
    .where(work_queue.c.id == bindparam("queue"))
    .where(work_queue.c.status == literal_column("'NOT_READY'"))
    .values(status=literal_column("'READY'"), last_polled=bindparam("now"))
)
QUEUES_GONE_QUIET: Final = Statement(
    QUEUES.where(is_unpolled(bindparam("since"))).limit(bindparam("page"))
)
"""Queues that nobody has polled since then."""


def open_queue(row: Row) -> Queue:
    """A queue of a row of `QUEUES`."""
    return Queue(row[0], row[1], Pool(*row[2 : 2 + len(Pool._fields)]))


class _Surroundings(NamedTuple):
    """A deployment and what its events name beside it; the first columns of `DEPLOYMENTS`."""

    id: str
    name: str
    flow_id: str
    flow_name: str
    queue_id: str | None
    queue_name: str | None
    pool_id: str | None
    pool_name: str | None
    pool_type: str | None
    concurrency_limit: int | None
    shared_limit_id: str | None

    def related(self) -> list[Labels]:
        """Its flow, queue, pool and limit."""
        found = [labels("flow", self.flow_id, self.flow_name, role="flow")]
        if self.queue_id is not None:
            found.append(labels("work-queue", self.queue_id, self.queue_name, role="work-queue"))
        if self.pool_id is not None:
            pool = labels("work-pool", self.pool_id, self.pool_name, role="work-pool")
            found.append(pool | {_TYPE: self.pool_type or ""})
        limit = self.shared_limit_id or (self.concurrency_limit and limit_id(self.id))
        if limit:
            found.append(labels("concurrency-limit", limit, role="concurrency-limit"))
        return found


_SURROUNDINGS: Final = (
    deployment.c.id,
    deployment.c.name,
    flow.c.id,
    flow.c.name,
    work_queue.c.id,
    work_queue.c.name,
    work_pool.c.id,
    work_pool.c.name,
    work_pool.c.type,
    deployment.c.concurrency_limit,
    deployment.c.shared_limit_id,
)
_PLAIN: Final = (
    "description",
    "enforce_parameter_schema",
    "entrypoint",
    "infrastructure_document_id",
    "path",
    "paused",
    "storage_document_id",
    "version",
    "work_queue_id",
)
_JSON: Final = {
    "concurrency_options": "concurrency_options",
    "job_variables": "infra_overrides",
    "labels": "labels",
    "parameter_openapi_schema": "parameter_openapi_schema",
    "parameters": "parameters",
    "pull_steps": "pull_steps",
    "tags": "tags",
}
"""Columns of JSON, by their names in events."""

_WATCHED: Final = (*_PLAIN, *_JSON)
DEPLOYMENTS: Final = select(*_SURROUNDINGS).select_from(RUN_SOURCE)
"""Rows for `of_deployment`."""

_DEPLOYMENT: Final = Statement(
    select(*_SURROUNDINGS, *(deployment.c[name] for name in _WATCHED))
    .select_from(RUN_SOURCE)
    .where(deployment.c.id == bindparam("deployment_id"))
)


def read_deployment(tx: Transaction, deployment_id: str) -> Row | None:
    """A deployment as its events need it: a row for `of_deployment` and `fields_of`."""
    return tx.fetch_one(_DEPLOYMENT, {"deployment_id": deployment_id})


def fields_of(row: Row) -> Mapping[str, Any]:
    """What of a deployment is compared, by the names that events have for it."""
    values = dict(zip(_WATCHED, row[len(_SURROUNDINGS) :], strict=True))
    plain = {name: values[name] for name in _PLAIN}
    return plain | {told: read_json(values[name]) for name, told in _JSON.items()}


def of_deployment(what: str, row: Row, now: str, payload: object = None) -> EventRow:
    """A deployment was made, changed or deleted."""
    found = _Surroundings(*row[: len(_SURROUNDINGS)])
    resource = labels("deployment", found.id, found.name)
    return make(what, resource, now, related=found.related(), payload=payload)


DEPLOYMENTS_GONE_QUIET: Final = Statement(
    DEPLOYMENTS.where(deployment.c.status == literal_column("'READY'"))
    .where(deployment.c.last_polled < bindparam("since"))
    .limit(bindparam("page"))
)
"""Deployments that nobody has asked for since then."""

_IS_NOT_READY: Final = deployment.c.status == literal_column("'NOT_READY'")
DEPLOYMENTS_TO_WAKE: Final = Statement(
    DEPLOYMENTS.where(
        _IS_NOT_READY,
        or_(
            deployment.c.id.in_(bindparam("deployments", expanding=True)),
            deployment.c.work_queue_id.in_(bindparam("queues", expanding=True)),
        ),
    ).limit(bindparam("page"))
)
"""Of these, and of these queues: those that are not ready yet."""

SET_DEPLOYMENT_READY: Final = Statement(
    update(deployment)
    .where(deployment.c.id == bindparam("deployment_id"), _IS_NOT_READY)
    .values(status=literal_column("'READY'"), last_polled=bindparam("now"))
)


def of_deployment_status(row: Row, status: str, now: str) -> EventRow:
    """A deployment has this status now."""
    return of_deployment(_STATUSES[status], row, now)
