"""Filters mean the same on both databases: each operator, and filters across nouns."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy import Table, insert, select

from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.filters.joined import (
    Filters,
    where_deployments,
    where_flow_runs,
    where_flows,
    where_task_runs,
)
from headrace.server.store.filters.sorts import (
    DEPLOYMENTS,
    FLOW_RUNS,
    FLOWS,
    LOGS,
    TASK_RUNS,
    VARIABLES,
)
from headrace.server.store.schema import (
    deployment,
    flow,
    flow_run,
    flow_run_tag,
    log,
    task_run,
    variable,
    work_pool,
    work_queue,
)
from headrace.wire.decode import decode
from headrace.wire.flow_runs import ReadFlowRunsBody

NOON = "2026-01-01T12:00:00.000000Z"
LATER = "2026-01-01T13:00:00.000000Z"
STAMPS = {"created": NOON, "updated": NOON}


def key(name: str) -> str:
    """A stable id for a name."""
    return str(uuid5(UUID(int=0), name))


def tagged(*tags: str) -> str:
    return json.dumps(list(tags))


def rows() -> list[tuple[Table, dict[str, Any]]]:
    """Two flows, of which one is deployed twice; runs, one with a sub-flow; two pools."""
    made: list[tuple[Table, dict[str, Any]]] = []

    def add(table: Table, name: str, **values: Any) -> None:
        columns = {"name": name} if "name" in table.c else {}
        made.append((table, {"id": key(name), **STAMPS, **columns, **values}))

    add(flow, "etl", tags=tagged("prod", 'quo"te'))
    add(flow, "lonely", tags=tagged())
    for name, kind in (("pool-a", "process"), ("pool-b", "docker")):
        add(work_pool, name, type=kind)
        add(work_queue, f"q-{name}", work_pool_id=key(name), priority=1)
    deployed = {"flow_id": key("etl")}
    add(
        deployment,
        "nightly",
        **deployed,
        tags=tagged("x", "y"),
        concurrency_limit=3,
        work_queue_id=key("q-pool-a"),
        work_queue_name="q-pool-a",
    )
    add(deployment, "adhoc", **deployed, tags=tagged(), paused=True)
    add(
        flow_run,
        "run one",
        **deployed,
        deployment_id=key("nightly"),
        work_queue_id=key("q-pool-a"),
        work_queue_name="q-pool-a",
        tags=tagged("a", "b"),
        state_type="RUNNING",
        state_name="Running",
        start_time=NOON,
        expected_start_time=NOON,
        idempotency_key="k1",
        flow_version="v1",
        created_by=json.dumps({"id": key("maker"), "type": "SCHEDULE"}),
    )
    add(
        flow_run,
        "two",
        **deployed,
        tags=tagged("b"),
        state_type="SCHEDULED",
        state_name="Late",
        expected_start_time=LATER,
        next_scheduled_start_time=LATER,
        idempotency_key="k2",
    )
    add(task_run, "parent task", flow_run_id=key("run one"), task_key="p", dynamic_key="0")
    add(
        flow_run,
        "child",
        **deployed,
        tags=tagged(),
        parent_task_run_id=key("parent task"),
        state_type="COMPLETED",
        state_name="Completed",
        start_time=NOON,
        end_time=LATER,
        expected_start_time=NOON,
    )
    add(
        task_run,
        "task",
        flow_run_id=key("two"),
        task_key="t",
        dynamic_key="0",
        tags=tagged("t1"),
        state_type="FAILED",
        state_name="Failed",
        start_time=NOON,
        end_time=LATER,
        expected_start_time=NOON,
    )
    add(task_run, "free task", task_key="t", dynamic_key="1", tags=tagged())
    for run, tag in (("run one", "a"), ("run one", "b"), ("two", "b")):
        made.append((flow_run_tag, {"flow_run_id": key(run), "tag": tag}))
    return made


WHERE: dict[str, tuple[Table, Callable[[Filters], list[Any]]]] = {
    "flows": (flow, where_flows),
    "flow_runs": (flow_run, where_flow_runs),
    "task_runs": (task_run, where_task_runs),
    "deployments": (deployment, where_deployments),
}


@pytest.fixture
def find(runner: asyncio.Runner, database: Database) -> Callable[..., list[str]]:
    """`find(noun, **filters)`: the names that the filters mean."""
    unit = [Write(Statement(insert(table)), values) for table, values in rows()]
    runner.run(database.apply(unit))

    def find(noun: str, **given: object) -> list[str]:
        table, where = WHERE[noun]
        filters = Filters.of(decode(ReadFlowRunsBody, json.dumps(given).encode()))
        query = select(table.c.name).where(*where(filters)).order_by(table.c.name)
        return sorted(row[0] for row in runner.run(database.fetch_all(query)))

    return find


ID = {name: key(name) for name in ("run one", "two", "child", "maker", "etl", "nightly")}

FLOW_RUNS_CASES: list[tuple[dict[str, Any], str]] = [
    ({}, "child, run one, two"),
    ({"id": {"any_": [ID["two"]]}}, "two"),
    ({"id": {"not_any_": [ID["two"], ID["child"]]}}, "run one"),
    ({"id": {"any_": []}}, ""),
    ({"name": {"any_": ["two", "none"]}}, "two"),
    ({"name": {"like_": "ONE"}}, "run one"),
    ({"name": {"like_": "%"}}, "child, run one, two"),
    ({"tags": {"all_": ["a", "b"]}}, "run one"),
    ({"tags": {"all_": ["b"]}}, "run one, two"),
    ({"tags": {"all_": []}}, "child, run one, two"),
    ({"tags": {"any_": ["a", "c"]}}, "run one"),
    ({"tags": {"any_": []}}, ""),
    ({"tags": {"is_null_": True}}, "child"),
    ({"tags": {"is_null_": False}}, "run one, two"),
    ({"tags": {"all_": ["a"], "is_null_": True, "operator": "or_"}}, "child, run one"),
    ({"state": {"type": {"any_": ["RUNNING", "COMPLETED"]}}}, "child, run one"),
    ({"state": {"type": {"not_any_": ["SCHEDULED"]}}}, "child, run one"),
    ({"state": {"name": {"any_": ["Late"]}}}, "two"),
    ({"state": {"name": {"not_any_": ["Late"]}, "type": {"any_": ["RUNNING"]}}}, "run one"),
    (
        {"state": {"operator": "or_", "name": {"any_": ["Late"]}, "type": {"any_": ["RUNNING"]}}},
        "run one, two",
    ),
    ({"deployment_id": {"any_": [ID["nightly"]]}}, "run one"),
    ({"deployment_id": {"is_null_": True}}, "child, two"),
    ({"work_queue_name": {"any_": ["q-pool-a"]}}, "run one"),
    ({"work_queue_name": {"is_null_": True}}, "child, two"),
    ({"flow_version": {"any_": ["v1"]}}, "run one"),
    ({"start_time": {"before_": NOON}}, "child, run one"),
    ({"start_time": {"after_": LATER}}, ""),
    ({"start_time": {"is_null_": True}}, "two"),
    ({"start_time": {"is_null_": True, "after_": NOON}}, ""),
    ({"start_time": {"is_null_": False}}, "child, run one"),
    ({"end_time": {"after_": LATER, "before_": LATER}}, "child"),
    ({"end_time": {"is_null_": True}}, "run one, two"),
    ({"expected_start_time": {"after_": "2026-01-01T12:30:00"}}, "two"),
    ({"next_scheduled_start_time": {"before_": "2026-01-01T14:00:00+01:00"}}, "two"),
    ({"parent_flow_run_id": {"any_": [ID["run one"]]}}, "child"),
    ({"parent_flow_run_id": {"any_": []}}, ""),
    ({"parent_flow_run_id": {}}, "child, run one, two"),
    ({"parent_task_run_id": {"is_null_": True}}, "run one, two"),
    ({"parent_task_run_id": {"is_null_": False}}, "child"),
    ({"idempotency_key": {"any_": ["k1"]}}, "run one"),
    ({"idempotency_key": {"not_any_": ["k1"]}}, "two"),
    ({"created_by": {"id_": [ID["maker"]]}}, "run one"),
    ({"created_by": {"type_": ["SCHEDULE"]}}, "run one"),
    ({"created_by": {"is_null_": True}}, "child, two"),
    ({"operator": "or_"}, "child, run one, two"),
    ({"operator": "or_", "name": {"any_": ["two"]}, "tags": {"all_": ["a"]}}, "run one, two"),
]


@pytest.mark.parametrize("at", range(0, len(FLOW_RUNS_CASES), 8))
def test_each_operator_on_flow_runs(find: Callable[..., list[str]], at: int):
    """Alone, and with others in the same filter."""
    for given, names in FLOW_RUNS_CASES[at : at + 8]:
        assert ", ".join(find("flow_runs", flow_runs=given)) == names, given


def test_each_operator_on_task_runs(find: Callable[..., list[str]]):
    """Asking for those without a flow run is told apart from not asking."""
    both = "parent task, task"
    for given, names in (
        ({}, "free task, parent task, task"),
        ({"flow_run_id": {}}, both),
        ({"flow_run_id": {"is_null_": None}}, f"free task, {both}"),
        ({"flow_run_id": {"is_null_": True}}, "free task"),
        ({"flow_run_id": {"any_": [ID["two"]]}}, "task"),
        ({"flow_run_id": {"any_": [ID["two"]], "is_null_": True}}, "free task"),
        ({"name": {"like_": "FREE"}}, "free task"),
        ({"name": {"any_": ["task"]}}, "task"),
        ({"id": {"any_": [key("task")]}}, "task"),
        ({"state": {"type": {"any_": ["FAILED"]}, "name": {"any_": ["Failed"]}}}, "task"),
        ({"tags": {"all_": ["t1"]}}, "task"),
        ({"tags": {"is_null_": True}}, "free task, parent task"),
        ({"subflow_runs": {"exists_": True}}, "parent task"),
        ({"subflow_runs": {"exists_": False}}, "free task, task"),
        ({"start_time": {"after_": NOON}}, "task"),
        ({"end_time": {"is_null_": True}}, "free task, parent task"),
        ({"expected_start_time": {"before_": NOON}}, "task"),
    ):
        assert ", ".join(find("task_runs", task_runs=given)) == names, given


def test_each_operator_on_flows_and_deployments(find: Callable[..., list[str]]):
    """Tags are found whole, whatever characters they have."""
    for noun, given, names in (
        ("flows", {"name": {"like_": "LON"}}, "lonely"),
        ("flows", {"tags": {"all_": ["prod", 'quo"te']}}, "etl"),
        ("flows", {"tags": {"all_": ["pro"]}}, ""),
        ("flows", {"tags": {"is_null_": False}}, "etl"),
        ("flows", {"deployment": {"is_null_": True}}, "lonely"),
        ("flows", {"deployment": {"is_null_": False}}, "etl"),
        ("flows", {"id": {"not_any_": [ID["etl"]]}}, "lonely"),
        ("deployments", {"id": {"any_": [ID["nightly"]]}}, "nightly"),
        ("deployments", {"name": {"like_": "NIGHT"}}, "nightly"),
        ("deployments", {"paused": {"eq_": True}}, "adhoc"),
        ("deployments", {"paused": {"eq_": False}}, "nightly"),
        ("deployments", {"paused": {}}, "adhoc, nightly"),
        ("deployments", {"tags": {"any_": ["y", "z"]}}, "nightly"),
        ("deployments", {"tags": {"all_": ["x", "y"]}}, "nightly"),
        ("deployments", {"tags": {"is_null_": True}}, "adhoc"),
        ("deployments", {"concurrency_limit": {"ge_": 3, "le_": 3}}, "nightly"),
        ("deployments", {"concurrency_limit": {"is_null_": True}}, "adhoc"),
        ("deployments", {"flow_or_deployment_name": {"like_": "ETL"}}, "adhoc, nightly"),
        ("deployments", {"flow_or_deployment_name": {"like_": "adh"}}, "adhoc"),
        ("deployments", {"work_queue_name": {"any_": ["q-pool-a"]}}, "nightly"),
    ):
        assert ", ".join(find(noun, **{noun: given})) == names, (noun, given)


@pytest.mark.parametrize("noun", ["flows", "flow_runs", "task_runs", "deployments"])
def test_nothing_asked_of_an_attribute_holds(find: Callable[..., list[str]], noun: str):
    """Joined by OR every row is meant then; an empty limit's filter is passed over."""
    every, other = find(noun), {"id": {"any_": [str(UUID(int=1))]}, "operator": "or_"}
    assert every
    for empty in ({"name": {}}, {"name": {"any_": None}}, {"tags": {}}, {"tags": {"all_": []}}):
        assert find(noun, **{noun: other | empty}) == every, empty
        assert find(noun, **{noun: other | empty | {"operator": "and_"}}) == [], empty
    assert find(noun, **{noun: other | {"name": {"any_": []}}}) == []
    both = {"tags": {"all_": [], "is_null_": True, "operator": "or_"}}
    assert find(noun, **{noun: both}) == find(noun, **{noun: {"tags": {"is_null_": True}}})
    if noun == "deployments":
        assert find(noun, deployments=other | {"concurrency_limit": {}}) == []


def test_filters_across_nouns(find: Callable[..., list[str]]):
    """An empty filter of another noun asks that one exists; several must all hold."""
    pool_a = {"name": {"any_": ["pool-a"]}}
    for noun, given, names in (
        ("flow_runs", {"flows": {"name": {"any_": ["etl"]}}}, "child, run one, two"),
        ("flow_runs", {"flows": {"deployment": {"is_null_": True}}}, ""),
        ("flow_runs", {"deployments": {}}, "run one"),
        ("flow_runs", {"deployments": {"flow_or_deployment_name": {"like_": "etl"}}}, "run one"),
        ("flow_runs", {"task_runs": {}}, "run one, two"),
        ("flow_runs", {"task_runs": {"subflow_runs": {"exists_": True}}}, "run one"),
        ("flow_runs", {"work_pools": {}}, "run one"),
        ("flow_runs", {"work_pools": {"type": {"any_": ["docker"]}}}, ""),
        ("flow_runs", {"work_pools": {"id": {"any_": [key("pool-a")]}}}, "run one"),
        ("flow_runs", {"work_pool_queues": {"name": {"startswith_": ["q-", "z"]}}}, "run one"),
        ("flow_runs", {"work_pool_queues": {"id": {"any_": [key("q-pool-b")]}}}, ""),
        ("flow_runs", {"flows": {}, "task_runs": {}, "work_pools": pool_a}, "run one"),
        ("task_runs", {"flow_runs": {}}, "parent task, task"),
        ("task_runs", {"flow_runs": {"name": {"any_": ["two"]}}}, "task"),
        ("task_runs", {"flow_runs": {"parent_flow_run_id": {"any_": [ID["run one"]]}}}, ""),
        ("task_runs", {"flows": {"name": {"any_": ["etl"]}}}, "parent task, task"),
        ("task_runs", {"deployments": {}}, "parent task"),
        ("flows", {"flow_runs": {}}, "etl"),
        ("flows", {"flow_runs": {"tags": {"any_": ["zz"]}}}, ""),
        ("flows", {"task_runs": {"name": {"any_": ["task"]}}}, "etl"),
        ("flows", {"flow_runs": {"name": {"any_": ["child"]}}, "task_runs": {}}, ""),
        ("flows", {"deployments": {"paused": {"eq_": True}}}, "etl"),
        ("flows", {"work_pools": pool_a}, "etl"),
        ("flows", {"work_pools": {"name": {"any_": ["pool-b"]}}}, ""),
        ("deployments", {"flows": {"deployment": {"is_null_": False}}}, "adhoc, nightly"),
        ("deployments", {"flow_runs": {}}, "nightly"),
        ("deployments", {"task_runs": {}}, "nightly"),
        ("deployments", {"work_pools": {}}, "nightly"),
        ("deployments", {"work_pool_queues": {}, "work_pools": pool_a}, "nightly"),
    ):
        assert ", ".join(find(noun, **given)) == names, (noun, given)


@pytest.mark.parametrize(
    ("table", "orders"),
    [
        (flow, FLOWS),
        (flow_run, FLOW_RUNS),
        (task_run, TASK_RUNS),
        (deployment, DEPLOYMENTS),
        (variable, VARIABLES),
        (log, LOGS),
    ],
    ids=lambda given: getattr(given, "name", ""),
)
async def test_every_order_is_total(database: Database, table: Table, orders: dict[str, Any]):
    """Each sorts by a column that is there, and then by id."""
    for sort, order in orders.items():
        query = select(table.c.id).order_by(*order).limit(1)
        assert await database.fetch_all(query) == [], sort
        assert "id" in str(order[-1])
