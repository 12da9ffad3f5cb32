"""Lists of deployments: found by filters across nouns, counted, deleted together."""

from typing import Any

from sqlalchemy import Select, select

from headrace.server.services.deployments import delete_deployment, read_deployment
from headrace.server.services.signals import Signals
from headrace.server.store import deployments as store
from headrace.server.store import work_queues as queue_store
from headrace.server.store.database import Database, Row
from headrace.server.store.filters.joined import Filters, where_deployments
from headrace.server.store.filters.sorts import DEPLOYMENTS
from headrace.server.store.queries import count_query, list_ids
from headrace.server.store.schema import deployment, work_pool
from headrace.server.store.shaped import ShapedQuery
from headrace.wire.deployments import DeploymentSort
from headrace.wire.filters import DeploymentFilter


@ShapedQuery
def _listed(filters: Filters, sort: DeploymentSort, limit: int, offset: int) -> Select[Any]:
    query = store.LISTED.where(*where_deployments(filters)).order_by(*DEPLOYMENTS[sort])
    return query.limit(limit).offset(offset)


@ShapedQuery
def _number(filters: Filters) -> Select[Any]:
    return count_query(deployment, where_deployments(filters))


async def list_deployments(
    database: Database, filters: Filters, sort: DeploymentSort, *, limit: int, offset: int
) -> list[Row]:
    """Deployments that meet the filters, in order."""
    return await database.fetch_all(*_listed.of(filters, sort, limit, offset))


async def count_deployments(database: Database, filters: Filters) -> int:
    """How many deployments meet the filters."""
    [row] = await database.fetch_all(*_number.of(filters))
    return row[0]


async def read_page_of_deployments(
    database: Database, filters: Filters, sort: DeploymentSort, *, limit: int, page: int
) -> tuple[list[Row], int]:
    """The rows of one page, counted from 1, and how many deployments there are on all pages."""
    count = await count_deployments(database, filters)
    offset = (page - 1) * limit
    if offset >= count:
        return [], count
    rows = await list_deployments(database, filters, sort, limit=limit, offset=offset)
    return rows, count


async def delete_deployments(
    database: Database, signals: Signals, given: DeploymentFilter | None, limit: int
) -> list[str]:
    """Delete at most `limit` deployments that meet a filter; their ids."""
    conditions = where_deployments(Filters(deployments=given))
    found = await list_ids(database, deployment, conditions, limit)
    for deployment_id in found:
        await delete_deployment(database, signals, deployment_id)
    return found


async def list_queues(database: Database, deployment_id: str) -> list[Row]:
    """The queues of the deployment's pool by priority; none where it has no pool."""
    row = await read_deployment(database, deployment_id)
    pool: str | None = row[store.SHAPE.positions["work_pool_name"]]
    if pool is None:
        return []
    query = select(*queue_store.SHAPE.columns).select_from(queue_store.SOURCE)
    return await database.fetch_all(
        query.where(work_pool.c.name == pool).order_by(*queue_store.IN_ORDER)
    )
