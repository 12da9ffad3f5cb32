"""HTTP of what pages ask for."""

from typing import cast

from headrace.core.text_templates import find_template_fault
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.services import pages
from headrace.server.store import pages as store
from headrace.server.store.filters.joined import Filters
from headrace.wire.decode import encode
from headrace.wire.ui import (
    CountByState,
    CountDeploymentsByFlowBody,
    CountTaskRunsByFlowRunBody,
    NextRunsByFlowBody,
    ReadDashboardTaskRunCountsBody,
    ReadFlowRunHistoryBody,
    ReadTaskRunCountsByStateBody,
    SchemaValuesValidationResponse,
    SimpleFlowRun,
    SimpleNextFlowRun,
    UITaskRun,
    ValidateObjBody,
)

operations = Operations("pages")


@operations.post(
    "/ui/flow_runs/count-task-runs", CountTaskRunsByFlowRunBody, returns=dict[str, int]
)
async def count_task_runs_by_flow_run(call: Call[CountTaskRunsByFlowRunBody]) -> bytes:
    """Count the task runs of each flow run."""
    ids = call.body.flow_run_ids
    return await pages.count_by_id(call.services.database, store.TASK_RUNS_OF_FLOW_RUNS, ids)


@operations.post("/ui/flows/count-deployments", CountDeploymentsByFlowBody, returns=dict[str, int])
async def count_deployments_by_flow(call: Call[CountDeploymentsByFlowBody]) -> bytes:
    """Count the deployments of each flow."""
    ids = call.body.flow_ids
    return await pages.count_by_id(call.services.database, store.DEPLOYMENTS_OF_FLOWS, ids)


@operations.post(
    "/ui/flows/next-runs", NextRunsByFlowBody, returns=dict[str, SimpleNextFlowRun | None]
)
async def read_next_runs_by_flow(call: Call[NextRunsByFlowBody]) -> bytes:
    """Read the next scheduled run of each flow."""
    return await pages.read_next_runs(call.services.database, call.body.flow_ids)


@operations.post("/ui/flow_runs/history", ReadFlowRunHistoryBody, returns=list[SimpleFlowRun])
async def read_flow_run_dots(call: Call[ReadFlowRunHistoryBody]) -> bytes:
    """List flow runs as a chart shows them."""
    body = call.body
    rows = await pages.list_dots(
        call.services.database,
        Filters.of(body),
        body.sort,
        limit=max(0, body.limit),
        offset=body.offset,
    )
    return store.DOT.encode_list(rows)


@operations.post("/ui/task_runs/count", ReadTaskRunCountsByStateBody, returns=CountByState)
async def count_task_runs_by_state(call: Call[ReadTaskRunCountsByStateBody]) -> bytes:
    """Count task runs by their state."""
    filters = Filters.of(call.body)
    return await pages.count_task_runs_by_state(call.services.database, filters)


@operations.post(
    "/ui/task_runs/dashboard/counts", ReadDashboardTaskRunCountsBody, returns=list[dict[str, int]]
)
async def read_dashboard_task_run_counts(call: Call[ReadDashboardTaskRunCountsBody]) -> bytes:
    """Count completed and failed task runs over time."""
    body = call.body
    filters = Filters(
        flows=body.flows,
        flow_runs=body.flow_runs,
        task_runs=body.task_runs,
        deployments=body.deployments,
        work_pools=body.work_pools,
        work_pool_queues=body.work_queues,
    )
    return await pages.read_dashboard_counts(call.services.database, filters)


@operations.get("/ui/task_runs/{id:uuid}", returns=UITaskRun)
async def read_task_run_page(call: Call[None]) -> bytes:
    """Read a task run with the name of its flow run."""
    row = await pages.read_task_run(call.services.database, call.path["id"])
    return store.TASK_RUN.encode(row)


@operations.post("/ui/schemas/validate", ValidateObjBody, returns=SchemaValuesValidationResponse)
async def validate_form(call: Call[ValidateObjBody]) -> bytes:
    """Check the values of a form against its schema."""
    body = call.body
    return encode(await pages.check_form(call.services.database, body.schema, body.values))


# Where no body comes, the contract checks the empty template.
TEMPLATE = cast("type[str | None]", str | None)


@operations.post("/templates/validate", TEMPLATE, status=204)
async def validate_template(call: Call[str | None]) -> Answer:
    """Check a template's syntax."""
    return check_template(call.body)


def check_template(given: str | None) -> Answer:
    """204, or 422 with what is wrong with a template."""
    text = given or ""
    fault = find_template_fault(text)
    if fault is None:
        return Answer(204)
    error = {"line": fault.line, "message": fault.message, "source": text}
    return Answer(422, encode({"error": error}))
