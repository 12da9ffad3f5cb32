"""SQL of what a claim answers with: the run, its deployment, its pool's template."""

from sqlalchemy import BindParameter, bindparam, select

from headrace.server.store.database import Statement
from headrace.server.store.flow_runs import SHAPE as RUN_SHAPE
from headrace.server.store.flow_runs import SOURCE
from headrace.server.store.schema import deployment, flow, flow_run, variable, work_pool, work_queue
from headrace.server.store.shapes import RowShape
from headrace.wire.deployments import DeploymentResponse


def _many(name: str) -> BindParameter[list[str]]:
    return bindparam(name, expanding=True)


DEPLOYMENT_SHAPE = RowShape(
    DeploymentResponse,
    deployment.c,
    selected={"work_pool_name": work_pool.c.name.label("work_pool_name")},
    # What runs a run does not look at when the next ones are due, or at limits.
    constant={"schedules": [], "global_concurrency_limit": None},
)

HEAD = 3
"""Columns before those of the run: flow's name, pool's template, pool's type."""

CLAIMED = Statement(
    select(flow.c.name, work_pool.c.base_job_template, work_pool.c.type, *RUN_SHAPE.columns)
    .select_from(SOURCE.join(flow, flow.c.id == flow_run.c.flow_id))
    .where(flow_run.c.id.in_(_many("ids")))
)
DEPLOYMENTS = Statement(
    select(*DEPLOYMENT_SHAPE.columns, deployment.c.sdk)
    .select_from(
        deployment.outerjoin(work_queue, work_queue.c.id == deployment.c.work_queue_id).outerjoin(
            work_pool, work_pool.c.id == work_queue.c.work_pool_id
        )
    )
    .where(deployment.c.id.in_(_many("ids")))
)
"""Deployments by id; behind the shape's columns the SDK that made it."""
VARIABLES = Statement(
    select(variable.c.name, variable.c.value).where(variable.c.name.in_(_many("names")))
)
