"""Calls the methods of the contract's orchestration client one after the other; reports what came of each.

An outcome is the shape of what a method returned, or the class of what it raised. The same walk against
the contract's own server gave `tests/interop/client_walk.json`:
`REPORT=…/client_walk.json PREFECT_API_URL=… python tests/interop/programs/client_walk.py`, on a fresh one.
"""

import re
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from operator import itemgetter
from typing import Any
from uuid import UUID, uuid4

import reporting
from prefect import flow, get_client, task
from prefect.client.schemas import actions, filters, schedules, sorting
from prefect.events.filters import EventFilter
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.states import Cancelling, Completed, Paused, Pending, Running, Scheduled
from pydantic import BaseModel

CHANGING = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|\d{4}-\d\d-\d\d[T ]|/|sha256:|^\d+\.\d+\.\d+")
SENTENCE = re.compile(r"\w+ \w+ \w+")


def describe(value: Any) -> Any:
    """What a value is, without what differs from run to run or is in a server's own words."""
    if isinstance(value, BaseModel):
        fields = {name: describe(content) for name, content in sorted(dict(value).items())}
        return {"is": type(value).__name__, **fields}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bool | None):
        return value
    if isinstance(value, str):
        return "…" if CHANGING.search(value) or SENTENCE.search(value) else value
    if isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {
            str(key) if not CHANGING.search(str(key)) else "…": describe(value[key])
            for key in sorted(value)
        }
    if isinstance(value, list | tuple | set):
        described = [describe(one) for one in value]
        return sorted(described) if all(isinstance(one, str) for one in described) else described
    return type(value).__name__


class Walk:
    """The steps so far."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.outcomes: dict[str, Any] = {}  # of the present part

    def __call__(self, method: str, *args: Any, as_: str = "", **options: Any) -> Any:
        """Call a method; note and return what it returned."""
        name = f"{method}{' ' if as_ else ''}{as_}"
        assert name not in self.outcomes, name
        try:
            result = getattr(self.client, method)(*args, **options)
        except Exception as error:  # what is raised is the outcome  # noqa: BLE001
            status = getattr(getattr(error, "response", None), "status_code", None)
            self.outcomes[name] = {"raises": type(error).__name__, "status": status}
            return None
        if type(result).__name__ == "Response":
            self.outcomes[name] = {"status": result.status_code, "body": describe(body_of(result))}
        else:
            self.outcomes[name] = describe(result)
        return result


def body_of(response: Any) -> Any:
    return response.json() if response.content else None


@flow(name="walked")
def walked(x: int = 1) -> None: ...


@task(name="stepped")
def stepped() -> None: ...


def general(walk: Walk) -> None:
    walk("api_healthcheck")
    walk("hello")
    walk("read_worker_metadata")
    walk.outcomes["read_worker_metadata"] = sorted(walk.outcomes["read_worker_metadata"])
    walk("read_server_default_result_storage")
    walk("clear_server_default_result_storage")
    walk("raise_for_api_version_mismatch")


def flows_and_runs(walk: Walk) -> None:
    nobody = uuid4()
    flow_id = walk("create_flow", walked)
    walk("create_flow_from_name", "walked", as_="again")
    walk("read_flow", flow_id)
    walk("read_flow", nobody, as_="of nobody")
    walk("read_flow_by_name", "walked")
    walk("read_flow_by_name", "not there", as_="of nobody")
    walk("read_flows", flow_filter=filters.FlowFilter(name=filters.FlowFilterName(any_=["walked"])))
    run = walk(
        "create_flow_run", walked, name="run-one", parameters={"x": 3}, tags=["t"], state=Pending()
    )
    walk("read_flow_run", run.id)
    walk("read_flow_run", nobody, as_="of nobody")
    walk("set_flow_run_state", run.id, Running())
    walk("set_flow_run_state", nobody, Running(), as_="of nobody")
    walk("set_flow_run_name", run.id, "run-renamed")
    walk("update_flow_run", run.id, tags=["a", "b"], parameters={"x": 4}, infrastructure_pid="h:1")
    walk("update_flow_run", nobody, tags=["a"], as_="of nobody")
    walk("update_flow_run_labels", run.id, {"kind": "walk", "n": 1})
    walk("set_flow_run_state", run.id, Completed(message="done"), as_="final")
    walk("set_flow_run_state", run.id, Running(), as_="after final")
    walk("set_flow_run_state", run.id, Running(), force=True, as_="forced")
    walk("read_flow_run", run.id, as_="at the end")
    states = walk("read_flow_run_states", run.id)
    walk("read_flow_run_state", states[0].id)
    walk("read_flow_runs", sort=sorting.FlowRunSort.START_TIME_DESC, limit=5)
    walk("count_flow_runs")
    walk(
        "count_flow_runs",
        as_="by state",
        flow_run_filter=filters.FlowRunFilter(
            state=filters.FlowRunFilterState(name=filters.FlowRunFilterStateName(any_=["Running"]))
        ),
    )
    walk("create_flow_run_input", run.id, "key-1", '{"a": 1}', sender="prefect.flow-run.x")
    walk("create_flow_run_input", run.id, "key-1", "2", as_="again")
    walk("read_flow_run_input", run.id, "key-1")
    walk("read_flow_run_input", run.id, "none", as_="of nobody")
    walk("filter_flow_run_input", run.id, "key", 10, set())
    walk("delete_flow_run_input", run.id, "key-1")
    walk("delete_flow_run_input", run.id, "key-1", as_="again")
    walk(
        "create_logs",
        [
            actions.LogCreate(
                name="walk",
                level=20,
                message="said",
                timestamp=datetime.now(UTC),
                flow_run_id=run.id,
            )
        ],
    )
    walk("read_logs", filters.LogFilter(flow_run_id=filters.LogFilterFlowRunId(any_=[run.id])))
    walk("set_flow_run_state", run.id, Paused(timeout_seconds=60), as_="paused")
    walk("resume_flow_run", run.id)
    walk("resume_flow_run", run.id, as_="again")
    walk("set_flow_run_state", run.id, Cancelling(), as_="cancelling")
    task_run = walk(
        "create_task_run",
        stepped,
        run.id,
        "key-0",
        name="task-one",
        extra_tags=["e"],
        state=Pending(),
    )
    walk("create_task_run", stepped, run.id, "key-0", as_="again", name="task-one")
    walk("read_task_run", task_run.id)
    walk("read_task_run", nobody, as_="of nobody")
    walk("set_task_run_name", task_run.id, "task-renamed")
    walk("set_task_run_state", task_run.id, Running())
    walk("set_task_run_state", task_run.id, Completed(), as_="final")
    walk("set_task_run_state", task_run.id, Running(), as_="after final")
    walk("read_task_run_states", task_run.id)
    walk(
        "read_task_runs",
        flow_run_filter=filters.FlowRunFilter(id=filters.FlowRunFilterId(any_=[run.id])),
    )
    walk("delete_task_run", task_run.id)
    walk("delete_task_run", task_run.id, as_="again")
    walk("delete_flow_run", run.id)
    walk("delete_flow_run", run.id, as_="again")


def pools_and_deployments(walk: Walk) -> None:
    nobody = uuid4()
    body = actions.WorkPoolCreate(name="pool-a", type="process", description="A pool")
    walk("create_work_pool", body)
    walk("create_work_pool", body, as_="again")
    walk("create_work_pool", body, overwrite=True, as_="over it")
    walk(
        "create_work_pool",
        actions.WorkPoolCreate(name="prefect-mine", type="process"),
        as_="reserved",
    )
    walk("read_work_pool", "pool-a")
    walk("read_work_pool", "none", as_="of nobody")
    walk("read_work_pools")
    walk("update_work_pool", "pool-a", actions.WorkPoolUpdate(concurrency_limit=5, is_paused=True))
    walk("read_work_pool", "pool-a", as_="updated")
    walk("update_work_pool", "pool-a", actions.WorkPoolUpdate(is_paused=False), as_="unpaused")
    walk("send_worker_heartbeat", "pool-a", "worker-a", heartbeat_interval_seconds=30)
    walk("read_workers_for_work_pool", "pool-a")
    walk("read_work_pool", "pool-a", as_="with a worker")
    queue = walk(
        "create_work_queue", "queue-a", work_pool_name="pool-a", priority=1, concurrency_limit=2
    )
    walk("create_work_queue", "queue-a", work_pool_name="pool-a", as_="again")
    walk("create_work_queue", "queue-b", work_pool_name="none", as_="without a pool")
    walk("read_work_queue", queue.id)
    walk("read_work_queue", nobody, as_="of nobody")
    walk("read_work_queue_by_name", "queue-a", work_pool_name="pool-a")
    walk("read_work_queue_by_name", "none", work_pool_name="pool-a", as_="of nobody")
    walk("read_work_queue_status", queue.id)
    walk("read_work_queues", work_pool_name="pool-a")
    walk("match_work_queues", ["queue"], work_pool_name="pool-a")
    walk("update_work_queue", queue.id, is_paused=True, priority=2)
    walk("read_work_queue", queue.id, as_="updated")
    walk("update_work_queue", queue.id, is_paused=False, as_="unpaused")
    walk("read_work_pool_concurrency_status", "pool-a")
    walk.outcomes["read_work_pool_concurrency_status"]["queues"].sort(key=itemgetter("queue_name"))
    walk("read_work_queue_concurrency_status", queue.id)
    flow_id = walk("create_flow_from_name", "walked", as_="for deployments")
    every = schedules.IntervalSchedule(
        interval=timedelta(hours=1), anchor_date=datetime(2026, 1, 1, tzinfo=UTC)
    )
    made = {
        "work_pool_name": "pool-a",
        "work_queue_name": "queue-a",
        "tags": ["d"],
        "description": "A deployment",
        "parameters": {"x": 1},
        "entrypoint": "a.py:walked",
        "path": ".",
        "version": "1",
        "schedules": [actions.DeploymentScheduleCreate(schedule=every, active=True, slug="hourly")],
        "parameter_openapi_schema": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "concurrency_limit": 3,
    }
    deployment = walk("create_deployment", flow_id, "dep-a", **made)
    walk("create_deployment", flow_id, "dep-a", as_="again", **made)
    walk("create_deployment", nobody, "dep-b", as_="without a flow")
    walk("create_deployment", flow_id, "dep-c", work_pool_name="none", as_="without a pool")
    found = walk("read_deployment", deployment)
    walk("read_deployment", nobody, as_="of nobody")
    walk("read_deployment_by_name", "walked/dep-a")
    walk("read_deployment_by_name", "walked/none", as_="of nobody")
    walk("read_deployments")
    listed = walk("read_deployment_schedules", deployment)
    walk("update_deployment_schedule", deployment, listed[0].id, active=False)
    more = walk(
        "create_deployment_schedules",
        deployment,
        [(schedules.CronSchedule(cron="0 0 * * *", timezone="UTC"), False)],
    )
    walk("delete_deployment_schedule", deployment, more[0].id)
    walk("delete_deployment_schedule", deployment, more[0].id, as_="again")
    walk(
        "update_deployment", deployment, actions.DeploymentUpdate(description="Changed", tags=["e"])
    )
    walk("pause_deployment", deployment)
    walk("resume_deployment", deployment)
    walk("set_deployment_paused_state", deployment, paused=True)
    walk("read_deployment", deployment, as_="updated")
    walk("set_deployment_paused_state", deployment, paused=False, as_="again")
    run = walk(
        "create_flow_run_from_deployment",
        deployment,
        name="run-two",
        parameters={"x": 5},
        tags=["r"],
        idempotency_key="once",
    )
    walk(
        "create_flow_run_from_deployment",
        deployment,
        name="run-two",
        idempotency_key="once",
        as_="again",
    )
    walk(
        "create_flow_run_from_deployment",
        deployment,
        parameters={"x": "five"},
        as_="with a bad parameter",
    )
    walk("create_flow_run_from_deployment", nobody, as_="of nobody")
    soon = datetime.now(UTC) + timedelta(seconds=1)
    walk("get_scheduled_flow_runs_for_work_pool", "pool-a", scheduled_before=soon)
    walk("get_scheduled_flow_runs_for_deployments", [found.id], scheduled_before=soon)
    walk("get_runs_in_work_queue", queue.id, scheduled_before=soon)
    walk("set_flow_run_state", run.id, Scheduled(scheduled_time=soon), as_="scheduled")
    walk("delete_flow_run", run.id, as_="of a deployment")
    walk("delete_deployment", deployment)
    walk("delete_deployment", deployment, as_="again")
    walk("delete_work_queue_by_id", queue.id)
    walk("delete_work_queue_by_id", queue.id, as_="again")
    walk("delete_work_pool", "pool-a")
    walk("delete_work_pool", "pool-a", as_="again")
    walk("delete_flow", flow_id)
    walk("delete_flow", flow_id, as_="again")


def limits(walk: Walk) -> None:
    walk("create_concurrency_limit", "tag-a", 2)
    walk("create_concurrency_limit", "tag-a", 3, as_="again")
    walk("read_concurrency_limit_by_tag", "tag-a")
    walk("read_concurrency_limit_by_tag", "none", as_="of nobody")
    walk("read_concurrency_limits", 10, 0)
    walk("reset_concurrency_limit_by_tag", "tag-a")
    walk("increment_v1_concurrency_slots", ["tag-a"], uuid4())
    walk("delete_concurrency_limit_by_tag", "tag-a")
    walk("delete_concurrency_limit_by_tag", "tag-a", as_="again")
    body = actions.GlobalConcurrencyLimitCreate(name="lim-a", limit=2)
    walk("create_global_concurrency_limit", body)
    walk("create_global_concurrency_limit", body, as_="again")
    walk("read_global_concurrency_limit_by_name", "lim-a")
    walk("read_global_concurrency_limit_by_name", "none", as_="of nobody")
    walk("read_global_concurrency_limits")
    walk("update_global_concurrency_limit", "lim-a", actions.GlobalConcurrencyLimitUpdate(limit=1))
    walk("upsert_global_concurrency_limit_by_name", "lim-b", 4)
    walk("increment_concurrency_slots", ["lim-a"], 1, "concurrency")
    walk("increment_concurrency_slots", ["lim-a"], 1, "concurrency", as_="when full")
    walk("increment_concurrency_slots", ["unknown"], 1, "concurrency", as_="of nobody")
    walk("release_concurrency_slots", ["lim-a"], 1, 0.5)
    lease = walk("increment_concurrency_slots_with_lease", ["lim-a"], 1, "concurrency", 60.0)
    lease_id = UUID(lease.json()["lease_id"])
    walk("renew_concurrency_lease", lease_id, 60.0)
    walk("release_concurrency_slots_with_lease", lease_id)
    walk("renew_concurrency_lease", lease_id, 60.0, as_="after its end")
    walk("delete_global_concurrency_limit_by_name", "lim-a")
    walk("delete_global_concurrency_limit_by_name", "lim-a", as_="again")


def small_nouns(walk: Walk) -> None:
    nobody = uuid4()
    walk("create_variable", actions.VariableCreate(name="var_a", value={"a": [1]}, tags=["t"]))
    walk("create_variable", actions.VariableCreate(name="var_a", value=1), as_="again")
    walk("read_variable_by_name", "var_a")
    walk("read_variable_by_name", "none", as_="of nobody")
    walk("update_variable", actions.VariableUpdate(name="var_a", value="new"))
    walk("read_variables")
    walk("delete_variable_by_name", "var_a")
    walk("delete_variable_by_name", "var_a", as_="again")
    artifact = walk(
        "create_artifact",
        actions.ArtifactCreate(key="art-a", type="markdown", description="d", data="# x"),
    )
    walk("update_artifact", artifact.id, actions.ArtifactUpdate(data="# y"))
    walk("update_artifact", nobody, actions.ArtifactUpdate(data="# y"), as_="of nobody")
    walk("read_artifacts")
    walk("read_latest_artifacts")
    walk("delete_artifact", artifact.id)
    walk("delete_artifact", artifact.id, as_="again")


def blocks(walk: Walk) -> None:
    nobody = uuid4()
    kind = walk("create_block_type", actions.BlockTypeCreate(name="Walked", slug="walked-block"))
    walk(
        "create_block_type",
        actions.BlockTypeCreate(name="Walked", slug="walked-block"),
        as_="again",
    )
    fields = {
        "title": "Walked",
        "type": "object",
        "block_type_slug": "walked-block",
        "block_schema_references": {},
        "secret_fields": ["key"],
        "required": ["key"],
        "properties": {
            "key": {"type": "string", "format": "password", "writeOnly": True, "title": "Key"}
        },
    }
    schema = walk(
        "create_block_schema",
        actions.BlockSchemaCreate(fields=fields, block_type_id=kind.id, capabilities=["walk"]),
    )
    walk("read_block_schema_by_checksum", schema.checksum)
    walk("read_block_schema_by_checksum", "sha256:none", as_="of nobody")
    walk("get_most_recent_block_schema_for_block_type", kind.id)
    walk("read_block_type_by_slug", "walked-block")
    walk("read_block_type_by_slug", "none", as_="of nobody")
    walk("update_block_type", kind.id, actions.BlockTypeUpdate(description="Changed"))
    document = actions.BlockDocumentCreate(
        name="doc-a", data={"key": "s3cret"}, block_schema_id=schema.id, block_type_id=kind.id
    )
    stored = walk("create_block_document", document)
    walk("create_block_document", document, as_="again")
    walk("read_block_document", stored.id, include_secrets=False)
    walk("read_block_document", stored.id, as_="with secrets", include_secrets=True)
    walk("read_block_document", nobody, as_="of nobody")
    walk("read_block_document_by_name", "doc-a", "walked-block")
    walk("read_block_documents_by_type", "walked-block")
    walk("update_block_document", stored.id, actions.BlockDocumentUpdate(data={"key": "new"}))
    walk("delete_block_document", stored.id)
    walk("delete_block_document", stored.id, as_="again")
    walk("delete_block_type", kind.id)
    walk("delete_block_type", kind.id, as_="again")


def automations(walk: Walk) -> None:
    nobody = uuid4()
    trigger = EventTrigger(expect={"walk.happened"}, posture=Posture.Reactive, threshold=1)
    body = AutomationCore(name="auto-a", trigger=trigger, actions=[])
    made = walk("create_automation", body)
    walk("read_automation", made)
    walk("read_automation", nobody, as_="of nobody")
    walk("read_automations")
    walk("read_automations_by_name", "auto-a")
    walk("find_automation", "auto-a")
    walk("pause_automation", made)
    walk("resume_automation", made)
    walk("read_resource_related_automations", "prefect.flow.none")
    walk("delete_automation", made)
    walk("read_events", EventFilter(), limit=1)
    walk.outcomes["read_events"] = sorted(walk.outcomes["read_events"])


PARTS: tuple[Callable[[Walk], None], ...] = (
    general,
    flows_and_runs,
    pools_and_deployments,
    limits,
    small_nouns,
    blocks,
    automations,
)


def main() -> None:
    report: dict[str, Any] = {}
    with get_client(sync_client=True) as client:
        for part in PARTS:
            walk = Walk(client)
            try:
                part(walk)
            except Exception as error:  # the rest goes on; the outcome shows where  # noqa: BLE001
                walk.outcomes["broke off"] = repr(error)[:200]
            report[part.__name__] = walk.outcomes
    reporting.write(report)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
