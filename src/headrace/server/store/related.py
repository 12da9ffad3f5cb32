"""The resources that the event of a run's change of state names beside the run itself."""

from functools import lru_cache

import msgspec

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
    """Flow, deployment, queue, pool and tags, as JSON."""
    return _related(
        row.tags,
        (
            ("flow", row.flow_id, row.flow_name),
            ("deployment", row.deployment_id, row.deployment_name),
            ("work-queue", row.work_queue_id, row.work_queue_name),
            ("work-pool", row.work_pool_id, row.work_pool_name),
        ),
    )


def of_task_run(row: TaskRunRow) -> str:
    """Flow run and tags, as JSON."""
    return _related(row.tags, (("flow-run", row.flow_run_id, row.flow_run_name),))


@lru_cache(maxsize=1024)
def _related(tags: str, named: tuple[tuple[str, str | None, str | None], ...]) -> str:
    resources = [_resource(kind, key, name) for kind, key, name in named if key is not None]
    resources += [_resource("tag", tag, None) for tag in msgspec.json.decode(tags, type=list[str])]
    return _encode(resources).decode()
