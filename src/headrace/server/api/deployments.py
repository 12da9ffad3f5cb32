"""HTTP of deployments."""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET

from headrace.core.planning import Horizon
from headrace.core.sdks import SDK_HEADER
from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import deployment_lists, deployment_schedules, deployments
from headrace.server.services.deployment_runs import create_flow_run, create_flow_runs
from headrace.server.services.deployment_targets import Client
from headrace.server.services.planned_runs import plan_deployment
from headrace.server.store import flow_runs as run_store
from headrace.server.store.deployments import SHAPE
from headrace.server.store.filters.joined import Filters
from headrace.server.store.work_queues import SHAPE as QUEUE_SHAPE
from headrace.wire.decode import encode
from headrace.wire.deployments import (
    BulkDeleteDeploymentsBody,
    CountDeploymentsBody,
    DeploymentBulkDeleteResponse,
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentPaginationResponse,
    DeploymentResponse,
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
    DeploymentUpdate,
    PaginateDeploymentsBody,
    ReadDeploymentsBody,
    ScheduleDeploymentBody,
)
from headrace.wire.flow_runs import FlowRunBulkCreateResponse, FlowRunResponse
from headrace.wire.work_queues import WorkQueueResponse

operations = Operations("deployments")


def _client(call: Call[Any]) -> Client:
    return Client.of(call.header("user-agent"), call.header(SDK_HEADER))


@operations.post(
    "/deployments/",
    DeploymentCreate,
    returns=DeploymentResponse,
    status=201,
    also=(200,),
    unfinished=True,
)
async def create_deployment(call: Call[DeploymentCreate]) -> Answer:
    """Make a deployment, or bring the one of this flow and name up to date and answer 200."""
    services = call.services
    row, created = await deployments.create_deployment(
        services.database, services.signals, call.body, _client(call)
    )
    return Answer(201 if created else 200, SHAPE.encode(row))


@operations.get("/deployments/{id:uuid}", returns=DeploymentResponse)
async def read_deployment(call: Call[None]) -> bytes:
    """Read a deployment."""
    return SHAPE.encode(await deployments.read_deployment(call.services.database, call.path["id"]))


@operations.get("/deployments/name/{flow_name}/{deployment_name}", returns=DeploymentResponse)
async def read_deployment_by_name(call: Call[None]) -> bytes:
    """Read a deployment by its flow's name and its own."""
    row = await deployments.read_deployment_by_name(
        call.services.database, call.path["flow_name"], call.path["deployment_name"]
    )
    return SHAPE.encode(row)


@operations.patch("/deployments/{id:uuid}", DeploymentUpdate, unfinished=True)
async def update_deployment(call: Call[DeploymentUpdate]) -> None:
    """Change what the body names of a deployment."""
    services = call.services
    await deployments.update_deployment(
        services.database, services.signals, call.path["id"], call.body, _client(call)
    )


@operations.delete("/deployments/{id:uuid}")
async def delete_deployment(call: Call[None]) -> None:
    """Delete a deployment, its schedules and the runs they planned."""
    services = call.services
    await deployments.delete_deployment(services.database, services.signals, call.path["id"])


@operations.post(
    "/deployments/bulk_delete", BulkDeleteDeploymentsBody, returns=DeploymentBulkDeleteResponse
)
async def delete_deployments(call: Call[BulkDeleteDeploymentsBody]) -> bytes:
    """Delete deployments that meet a filter."""
    services = call.services
    deleted = await deployment_lists.delete_deployments(
        services.database, services.signals, call.body.deployments, call.body.limit
    )
    return encode({"deleted": deleted})


@operations.post("/deployments/filter", ReadDeploymentsBody, returns=list[DeploymentResponse])
async def read_deployments(call: Call[ReadDeploymentsBody]) -> bytes:
    """List deployments."""
    body = call.body
    rows = await deployment_lists.list_deployments(
        call.services.database,
        Filters.of(body),
        body.sort,
        limit=choose_limit(call.services.config, body.limit),
        offset=body.offset,
    )
    return SHAPE.encode_list(rows)


@operations.post("/deployments/count", CountDeploymentsBody, returns=int)
async def count_deployments(call: Call[CountDeploymentsBody]) -> bytes:
    """Count deployments."""
    count = await deployment_lists.count_deployments(call.services.database, Filters.of(call.body))
    return encode(count)


@operations.post(
    "/deployments/paginate", PaginateDeploymentsBody, returns=DeploymentPaginationResponse
)
async def paginate_deployments(call: Call[PaginateDeploymentsBody]) -> bytes:
    """One page of deployments."""
    body = call.body
    limit = choose_limit(call.services.config, body.limit)
    rows, count = await deployment_lists.read_page_of_deployments(
        call.services.database, Filters.of(body), body.sort, limit=limit, page=body.page
    )
    return SHAPE.encode_page(rows, count=count, limit=limit, page=body.page)


@operations.post_empty("/deployments/{id:uuid}/pause_deployment")
async def pause_deployment(call: Call[None]) -> bytes:
    """Pause a deployment: its schedules plan nothing, and what they planned is dropped."""
    services = call.services
    await deployments.set_paused(services.database, services.signals, call.path["id"], paused=True)
    return b"null"


@operations.post_empty("/deployments/{id:uuid}/resume_deployment")
async def resume_deployment(call: Call[None]) -> bytes:
    """Let a deployment's schedules plan again."""
    services = call.services
    await deployments.set_paused(services.database, services.signals, call.path["id"], paused=False)
    return b"null"


@operations.post("/deployments/{id:uuid}/schedule", ScheduleDeploymentBody)
async def schedule_deployment(call: Call[ScheduleDeploymentBody]) -> bytes:
    """Plan the runs of a deployment's schedules now, between two times."""
    services, body = call.services, call.body
    usual = Horizon()
    start = datetime.now(UTC) if body.start_time is UNSET else body.start_time
    horizon = Horizon(
        min_runs=usual.min_runs if body.min_runs is UNSET else body.min_runs,
        min_time=usual.min_time
        if body.min_time is UNSET
        else timedelta(seconds=max(0.0, min(body.min_time, usual.max_time.total_seconds()))),
        max_runs=usual.max_runs if body.max_runs is UNSET else body.max_runs,
    )
    until = None if body.end_time is UNSET else body.end_time
    topics = await plan_deployment(services.database, call.path["id"], start, horizon, until)
    services.signals.publish(*topics)
    return b"null"


@operations.post(
    "/deployments/{id:uuid}/create_flow_run",
    DeploymentFlowRunCreate,
    returns=FlowRunResponse,
    status=201,
    also=(200,),
)
async def create_run_of_deployment(call: Call[DeploymentFlowRunCreate]) -> Answer:
    """Run a deployment, or answer 200 with the run that the idempotency key made."""
    services = call.services
    row, created = await create_flow_run(
        services.database, services.signals, call.path["id"], call.body, _client(call)
    )
    return Answer(201 if created else 200, run_store.SHAPE.encode(row))


@operations.post(
    "/deployments/{id:uuid}/create_flow_run/bulk",
    list[DeploymentFlowRunCreate],
    returns=FlowRunBulkCreateResponse,
)
async def create_runs_of_deployment(call: Call[list[DeploymentFlowRunCreate]]) -> bytes:
    """Run a deployment several times; each body has a result of its own."""
    services = call.services
    results = await create_flow_runs(
        services.database, services.signals, call.path["id"], call.body, _client(call)
    )
    return encode({"results": results})


@operations.get("/deployments/{id:uuid}/schedules", returns=list[DeploymentSchedule])
async def read_schedules(call: Call[None]) -> bytes:
    """List a deployment's schedules."""
    return await deployment_schedules.list_schedules(call.services.database, call.path["id"])


@operations.post(
    "/deployments/{id:uuid}/schedules",
    list[DeploymentScheduleCreate],
    returns=list[DeploymentSchedule],
    status=201,
)
async def create_schedules(call: Call[list[DeploymentScheduleCreate]]) -> bytes:
    """Add schedules to a deployment."""
    services = call.services
    return await deployment_schedules.add_schedules(
        services.database, services.signals, call.path["id"], call.body
    )


@operations.patch("/deployments/{id:uuid}/schedules/{schedule_id:uuid}", DeploymentScheduleUpdate)
async def update_schedule(call: Call[DeploymentScheduleUpdate]) -> None:
    """Change what the body names of a schedule."""
    services = call.services
    await deployment_schedules.update_schedule(
        services.database,
        services.signals,
        call.path["id"],
        call.path["schedule_id"],
        call.body,
    )


@operations.delete("/deployments/{id:uuid}/schedules/{schedule_id:uuid}")
async def delete_schedule(call: Call[None]) -> None:
    """Delete a schedule and the runs it planned."""
    services = call.services
    await deployment_schedules.delete_schedule(
        services.database, services.signals, call.path["id"], call.path["schedule_id"]
    )


@operations.get("/deployments/{id:uuid}/work_queue_check", returns=list[WorkQueueResponse])
async def check_work_queues(call: Call[None]) -> bytes:
    """The queues of the deployment's pool, from which its runs can be taken."""
    rows = await deployment_lists.list_queues(call.services.database, call.path["id"])
    return QUEUE_SHAPE.encode_list(rows)
