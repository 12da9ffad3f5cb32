"""SQL of deployments."""

from typing import Any, Final
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from headrace.server.store.claims import DEPLOYMENT_SLOTS, IS_LIVE
from headrace.server.store.database import Row, Statement
from headrace.server.store.schema import (
    concurrency_limit,
    deployment,
    flow,
    flow_run,
    work_pool,
    work_queue,
)
from headrace.server.store.shapes import RowShape
from headrace.wire.deployments import DeploymentResponse

_live = (
    select(func.count())
    .select_from(flow_run)
    .where(flow_run.c.deployment_id == deployment.c.id, IS_LIVE)
    .scalar_subquery()
)


_SHARED = ("id", "created", "updated", "active", "name", "limit", "slot_decay_per_second")
"""What is told of a limit that a deployment shares: columns behind those of the shape."""


def limit_id(deployment_id: str) -> str:
    """The id under which a deployment's own limit is known: made of the deployment's."""
    return str(uuid5(UUID(deployment_id), "concurrency-limit"))


class DeploymentShape(RowShape):
    """Rows of deployments; the limit becomes the object that the contract has for it."""

    def fill(self, row: Row) -> msgspec.Struct:
        """One row, its limit as an object."""
        at = self.positions
        row, shared = row[: len(at)], row[len(at) :]
        used: int | None = row[at["global_concurrency_limit"]]
        if used is None:
            return super().fill(row)
        values: list[Any] = list(row)
        if shared[0] is not None:
            limit = dict(zip(_SHARED, shared, strict=True)) | {"active_slots": used}
            values[at["global_concurrency_limit"]] = limit
            return super().fill(tuple(values))
        values[at["global_concurrency_limit"]] = {
            "id": limit_id(row[at["id"]]),
            "created": row[at["created"]],
            "updated": row[at["updated"]],
            "active": True,
            "name": f"deployment:{row[at['id']]}",
            "limit": row[at["concurrency_limit"]],
            "active_slots": used,
            "slot_decay_per_second": 0.0,
        }
        return super().fill(tuple(values))


SHAPE: Final = DeploymentShape(
    DeploymentResponse,
    deployment.c,
    selected={
        "global_concurrency_limit": DEPLOYMENT_SLOTS.label("live_runs"),
        "work_pool_name": work_pool.c.name.label("work_pool_name"),
    },
)
SOURCE: Final = deployment.outerjoin(
    work_queue, work_queue.c.id == deployment.c.work_queue_id
).outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
LISTED: Final = select(
    *SHAPE.columns, *(concurrency_limit.c[name] for name in _SHARED)
).select_from(
    SOURCE.outerjoin(concurrency_limit, concurrency_limit.c.id == deployment.c.shared_limit_id)
)
"""Rows of `SHAPE`, to which a list adds its conditions, order and bounds."""

BY_ID: Final = Statement(LISTED.where(deployment.c.id == bindparam("deployment_id")))
BY_NAME: Final = Statement(
    LISTED.join(flow, flow.c.id == deployment.c.flow_id)
    .where(flow.c.name == bindparam("flow_name"))
    .where(deployment.c.name == bindparam("deployment_name"))
)
_LIMITED = select(
    deployment.c.id,
    deployment.c.created,
    deployment.c.updated,
    deployment.c.concurrency_limit,
    _live.label("live_runs"),
).where(deployment.c.concurrency_limit.is_not(None))
LIMITED: Final = Statement(
    _LIMITED.order_by(deployment.c.id).limit(bindparam("limit")).offset(bindparam("offset"))
)
"""Deployments that limit their runs, with how many are live."""

LIMITED_ONE: Final = Statement(_LIMITED.where(deployment.c.id == bindparam("deployment_id")))
EXISTS: Final = Statement(
    select(deployment.c.id).where(deployment.c.id == bindparam("deployment_id"))
)
FOR_UPSERT: Final = Statement(
    select(deployment.c.id, deployment.c.paused, work_pool.c.name)
    .select_from(SOURCE)
    .where(deployment.c.flow_id == bindparam("flow_id"))
    .where(deployment.c.name == bindparam("deployment_name"))
)
FLOW_LABELS: Final = Statement(select(flow.c.labels).where(flow.c.id == bindparam("flow_id")))

INSERT: Final = Statement(insert(deployment))
"""A deployment: the columns that are given."""

SETTABLE: Final = (
    "branch",
    "concurrency_limit",
    "concurrency_options",
    "description",
    "enforce_parameter_schema",
    "entrypoint",
    "infrastructure_document_id",
    "job_variables",
    "labels",
    "parameter_openapi_schema",
    "parameters",
    "path",
    "paused",
    "pull_steps",
    "schedules",
    "sdk",
    "shared_limit_id",
    "storage_document_id",
    "tags",
    "version",
    "version_info",
    "work_queue_id",
    "work_queue_name",
)
SET: Final = {
    column: Statement(
        update(deployment)
        .where(deployment.c.id == bindparam("deployment_id"))
        .values({column: bindparam("value"), "updated": bindparam("now")})
    )
    for column in SETTABLE
}
TOUCH: Final = Statement(
    update(deployment)
    .where(deployment.c.id == bindparam("deployment_id"))
    .values(updated=bindparam("now"))
)
DELETE: Final = Statement(delete(deployment).where(deployment.c.id == bindparam("deployment_id")))

QUEUES: Final = Statement(
    select(
        work_pool.c.id,
        work_pool.c.name,
        work_pool.c.base_job_template,
        work_queue.c.id,
        work_queue.c.name,
        work_pool.c.default_queue_id,
    )
    .select_from(work_pool.join(work_queue, work_queue.c.work_pool_id == work_pool.c.id))
    .where(work_pool.c.name == bindparam("pool_name"))
)
"""The queues of a pool, with the pool's template."""

RUN_COLUMNS: Final = (
    deployment.c.id,
    deployment.c.name,
    deployment.c.flow_id,
    flow.c.name,
    deployment.c.version,
    deployment.c.tags,
    deployment.c.labels,
    deployment.c.parameters,
    deployment.c.parameter_openapi_schema,
    deployment.c.enforce_parameter_schema,
    deployment.c.job_variables,
    deployment.c.infrastructure_document_id,
    work_queue.c.id,
    deployment.c.work_queue_name,
    work_pool.c.id,
    work_pool.c.name,
    work_pool.c.base_job_template,
    flow.c.tags,
    work_pool.c.type,
)
"""What a run of a deployment is made from: the fields of `services.deployment_runs.Source`."""

RUN_SOURCE: Final = (
    deployment.join(flow, flow.c.id == deployment.c.flow_id)
    .outerjoin(work_queue, work_queue.c.id == deployment.c.work_queue_id)
    .outerjoin(work_pool, work_pool.c.id == work_queue.c.work_pool_id)
)
FOR_RUN: Final = Statement(
    select(*RUN_COLUMNS)
    .select_from(RUN_SOURCE)
    .where(deployment.c.id == bindparam("deployment_id"))
)

# Statuses: ready while somebody polls for its runs.
SET_NOT_READY: Final = Statement(
    update(deployment)
    .where(deployment.c.id == bindparam("deployment_id"))
    .where(deployment.c.status == literal_column("'READY'"))
    .where(deployment.c.last_polled < bindparam("since"))
    .values(status=literal_column("'NOT_READY'"))
)
