"""The resources that the event of a run's change of state names beside the run itself."""

from functools import lru_cache

import msgspec

from headrace.core.short_texts import SHORT
from headrace.server.store.facts import FlowRunRow, TaskRunRow

_encode = msgspec.json.Encoder().encode


def _resource(kind: str, key: str, name: str | None) -> dict[str, str]:
    resource = {
        "prefect.resource.id": f"prefect.{kind}.{key}",
        "prefect.resource.role": kind,
    }
    if name is not None:
        resource["prefect.resource.name"] = name
    return resource


def of_flow_run(row: FlowRunRow) -> str:
    """Flow, deployment, queue, pool and tags, the flow's among them, as JSON."""
    return _related(
        row.tags,
        (
            ("flow", row.flow_id, row.flow_name),
            ("deployment", row.deployment_id, row.deployment_name),
            ("work-queue", row.work_queue_id, row.work_queue_name),
            ("work-pool", row.work_pool_id, row.work_pool_name),
        ),
        row.flow_tags,
        row.work_pool_type,
    )


def of_task_run(row: TaskRunRow) -> str:
    """Flow run and tags, as JSON."""
    return _related(row.tags, (("flow-run", row.flow_run_id, row.flow_run_name),))


def _related(
    tags: str,
    named: tuple[tuple[str, str | None, str | None], ...],
    flow_tags: str = "[]",
    pool_type: str | None = None,
) -> str:
    length = len(tags) + len(flow_tags) + sum(len(name or "") for _, _, name in named)
    make = _known if length <= SHORT else _make
    return make(tags, named, flow_tags, pool_type)


def _make(
    tags: str,
    named: tuple[tuple[str, str | None, str | None], ...],
    flow_tags: str,
    pool_type: str | None,
) -> str:
    resources = [_resource(kind, key, name) for kind, key, name in named if key is not None]
    if pool_type is not None:
        resources[-1]["prefect.work-pool.type"] = pool_type
    both = (msgspec.json.decode(some, type=list[str]) for some in (flow_tags, tags))
    told = sorted({tag for some in both for tag in some})
    resources += [_resource("tag", tag, None) for tag in told]
    return _encode(resources).decode()


_known = lru_cache(maxsize=1024)(_make)
