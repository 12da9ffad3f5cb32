"""What claims and polls read is found through indexes: no walk over the runs of a large table."""

from pathlib import Path

import apsw
import pytest
from sqlalchemy.schema import CreateIndex, CreateTable

from headrace.server.store import claims, leases, polls, schema, work_queues
from headrace.server.store.database import Statement
from headrace.server.store.plans import Planner
from headrace.server.store.sqlite import new_dialect

MANY = ["a", "b"]
HOT = {
    "queues of a pool": (claims.QUEUES_OF_POOL, {"pool": "p"}, "due_in_queue"),
    "deployments": (claims.DEPLOYMENTS, {"ids": MANY}, "due_of_deployment"),
    "due in queue": (
        claims.DUE_IN_QUEUE,
        {"owner": "q", "horizon": "2", "full": MANY, "page": 5},
        "due_in_queue",
    ),
    "due of deployment": (
        claims.DUE_OF_DEPLOYMENT,
        {"owner": "d", "horizon": "2", "full": MANY, "page": 5},
        "due_of_deployment",
    ),
    "poll of queue": (
        polls.DUE_IN_QUEUE,
        {"owner": "q", "before": "2", "after": "1", "full": MANY, "page": 5},
        "due_in_queue",
    ),
    "poll of deployment": (
        polls.DUE_OF_DEPLOYMENT,
        {"owner": "d", "before": "2", "after": "1", "full": MANY, "page": 5},
        "due_of_deployment",
    ),
    "next in queues": (
        claims.FIRST_DUE_AFTER_IN_QUEUES,
        {"ids": MANY, "horizon": "2"},
        "due_in_queue",
    ),
    "live in pools": (claims.LIVE_IN_POOLS, {"ids": MANY}, "live_in_queue"),
    "live in queues": (claims.LIVE_IN_QUEUES, {"ids": MANY}, "live_in_queue"),
    "live of deployments": (claims.LIVE_OF_DEPLOYMENTS, {"ids": MANY}, "live_of_deployment"),
    "held by claim": (claims.HELD_BY_CLAIM, {"claim": "c", "owner": "o"}, "claim_id"),
    "cancelling": (claims.CANCELLING_OF_OWNER, {"owner": "o"}, "lease_owner"),
    "expired": (leases.EXPIRED, {"now": "1", "page": 5}, "lease_expires"),
    "first expiry": (leases.FIRST_EXPIRY, {}, "lease_expires"),
    "late": (work_queues.LATE, {"queue": "q", "late": "1"}, "due_in_queue"),
    "live runs": (
        work_queues.LIVE_RUNS,
        {"queue": "q", "limit": 5, "offset": 0},
        "live_in_queue",
    ),
}


@pytest.fixture(scope="module", params=["ascending", "descending"])
def connection(request, tmp_path_factory) -> apsw.Connection:
    """The tables, their indexes made in either order: SQLite prefers one of two by that alone."""
    path: Path = tmp_path_factory.mktemp("plans") / "x.db"
    opened = apsw.Connection(str(path))
    dialect = new_dialect()
    for table in schema.metadata.sorted_tables:
        opened.execute(str(CreateTable(table).compile(dialect=dialect)))
        backwards = request.param == "descending"
        for index in sorted(table.indexes, key=lambda index: index.name, reverse=backwards):
            opened.execute(str(CreateIndex(index).compile(dialect=dialect)))
    return opened


def plan_of(connection: apsw.Connection, statement: Statement, params) -> list[str]:
    planner = Planner(new_dialect(), typed_booleans=False)
    prepared, values = planner.bind(statement, params)
    rows = connection.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", values)
    return [row[3] for row in rows]


@pytest.mark.parametrize("name", HOT)
def test_runs_are_found_through_the_index_that_is_meant(connection, name):
    statement, params, index = HOT[name]
    steps = plan_of(connection, statement, params)
    assert any(f"ix_flow_run__{index}" in step for step in steps), steps
    walks = [step for step in steps if step.startswith("SCAN flow_run")]
    # A walk over a partial index alone (live or leased runs) is short.
    assert all("lease_expires" in step for step in walks), steps


@pytest.mark.parametrize("name", ["due in queue", "due of deployment", "poll of queue"])
def test_due_runs_come_in_their_order_without_sorting(connection, name):
    statement, params, _ = HOT[name]
    assert not any("TEMP B-TREE" in step for step in plan_of(connection, statement, params))
