"""The server's calls under load from 16 connections, on SQLite and on PostgreSQL.

Many ids and filters; in the rows that read, every tenth request is a write; every answer is checked;
the database is read afterwards to see that it is the one meant and that it holds what was written.
"""

import random
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import chain, cycle
from uuid import uuid4

import psycopg

from bench.measure import Budget, Context, Figure
from bench.rest import Rest
from bench.sides import Server, server
from bench.wrk import Call, play

RUNS = 2000
WORKERS = 50
LOGS_PER_RUN, RUNS_WITH_LOGS = 50, 40
SECONDS = 4
WRITE_EVERY = 10
FULL_SECONDS = 30  # until a poll gets all that it may
MEMORY_MB = 120.0
SEED = 20261121

# row -> how many times the peer on SQLite, and on PostgreSQL
BUDGETS = {
    "get run": (20, 10),
    "create run": (20, 5),
    "run from deployment": (20, 5),
    "set state": (20, 5),
    "filter 50": (20, 10),
    "count": (10, 10),
    "poll a pool": (20, 10),
    "50 logs": (20, 10),
    "worker heartbeat": (20, 5),
}


class Fixture:
    """The objects that the load is about."""

    def __init__(self, rest: Rest) -> None:
        self.rest = rest
        self.random = random.Random(SEED)
        self.flows = [rest.post("/flows/", {"name": f"flow-{i}"})["id"] for i in range(10)]
        rest.post("/work_pools/", {"name": "load", "type": "process"})
        self.deployment = rest.post(
            "/deployments/",
            {
                "name": "load",
                "flow_id": self.flows[0],
                "work_pool_name": "load",
                "path": "/srv",
                "entrypoint": "load.py:load",
                "parameter_openapi_schema": {
                    "type": "object",
                    "properties": {"x": {"type": "integer"}},
                },
            },
        )["id"]
        self.runs = [rest.post("/flow_runs/", self.new_run(i))["id"] for i in range(RUNS)]
        for _ in range(100):
            rest.post(
                f"/deployments/{self.deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}}
            )
        moment = datetime.now(UTC)
        for run in self.runs[:RUNS_WITH_LOGS]:
            rest.post("/logs/", [self._log(run, moment, n) for n in range(LOGS_PER_RUN)])

    def _log(self, run: str, moment: datetime, n: int) -> dict[str, object]:
        stamp = (moment + timedelta(milliseconds=n)).isoformat()
        return {
            "name": "load",
            "level": 20,
            "message": f"line {n}",
            "timestamp": stamp,
            "flow_run_id": run,
        }

    def new_run(self, i: int) -> dict[str, object]:
        return {
            "flow_id": self.flows[i % len(self.flows)],
            "name": f"run-{i}-{uuid4().hex[:8]}",
            "parameters": {"x": i, "text": "some parameter"},
            "tags": [f"tag-{i % 20}"],
            "state": {"type": "PENDING"},
        }


def reads_with_writes(fixture: Fixture, reads: list[Call]) -> list[Call]:
    """Every tenth request sets a state.

    It creates nothing, so that the faster side does not read from the larger table, and leaves every
    run among those that the filters find.
    """
    body = {"state": {"type": "RUNNING"}, "force": True}
    runs = cycle(fixture.runs)
    batches = (reads[i : i + WRITE_EVERY - 1] for i in range(0, len(reads), WRITE_EVERY - 1))
    return list(
        chain.from_iterable(
            [*batch, Call("POST", f"/flow_runs/{next(runs)}/set_state", body, '"status":"ACCEPT"')]
            for batch in batches
        )
    )


def _create(fixture: Fixture, i: int) -> Call:
    return Call("POST", "/flow_runs/", fixture.new_run(i), '"state_type":"PENDING"')


def get_run(fixture: Fixture) -> list[Call]:
    order = fixture.random.sample(fixture.runs, len(fixture.runs))
    return reads_with_writes(
        fixture, [Call("GET", f"/flow_runs/{i}", None, '"flow_id"') for i in order]
    )


def create_run(fixture: Fixture) -> list[Call]:
    return [_create(fixture, i) for i in range(3000)]


def run_from_deployment(fixture: Fixture) -> list[Call]:
    path = f"/deployments/{fixture.deployment}/create_flow_run"
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": later}}
    return [
        Call("POST", path, {"parameters": {"x": i}, "state": state}, '"state_type":"SCHEDULED"')
        for i in range(3000)
    ]


def set_state(fixture: Fixture) -> list[Call]:
    """Each run in turn to Running, Scheduled, Pending and on; it comes by every 2,000 requests."""
    rounds = ("RUNNING", "SCHEDULED", "PENDING") * 7
    return [
        Call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": state}}, '"status":"ACCEPT"')
        for state in rounds
        for run in fixture.runs
    ]


def filters(fixture: Fixture) -> list[dict[str, object]]:
    """200 filters over flow, state, tags and name, so that no answer can be kept."""
    found = []
    for i in range(200):
        runs: dict[str, object] = {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}
        if i % 3 == 0:
            runs["tags"] = {"all_": [f"tag-{i % 20}"]}
        if i % 3 == 1:
            runs["name"] = {"like_": f"run-{i % 10}"}
        found.append({"flow_runs": runs, "flows": {"id": {"any_": [fixture.flows[i % 10]]}}})
    return found


def filter_50(fixture: Fixture) -> list[Call]:
    sorts = ("EXPECTED_START_TIME_DESC", "ID_DESC", "NAME_ASC", "START_TIME_DESC")
    bodies = [f | {"limit": 50, "sort": sorts[i % 4]} for i, f in enumerate(filters(fixture))]
    return reads_with_writes(
        fixture, [Call("POST", "/flow_runs/filter", b, "[") for b in bodies * 5]
    )


def count(fixture: Fixture) -> list[Call]:
    bodies = filters(fixture)
    return reads_with_writes(fixture, [Call("POST", "/flow_runs/count", b) for b in bodies * 5])


def poll_pool(fixture: Fixture) -> list[Call]:
    """An empty answer is good: the peer on PostgreSQL passes over the runs another poll has locked."""
    now = datetime.now(UTC)
    path = "/work_pools/load/get_scheduled_flow_runs"
    bodies = [
        {"limit": 10, "scheduled_before": (now - timedelta(seconds=i % 5)).isoformat()}
        for i in range(1800)
    ]
    deadline = time.monotonic() + FULL_SECONDS
    while len(fixture.rest.post(path, bodies[0])) < 10:  # for the same reason: locked for a moment
        assert time.monotonic() < deadline, "a poll does not get the runs that are due"
        time.sleep(0.1)
    return reads_with_writes(fixture, [Call("POST", path, body, "[") for body in bodies])


def logs_50(fixture: Fixture) -> list[Call]:
    body = [
        {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 50, "sort": "TIMESTAMP_ASC"}
        for run in fixture.runs[:RUNS_WITH_LOGS]
    ]
    return reads_with_writes(
        fixture, [Call("POST", "/logs/filter", b, '"line 49"') for b in body * 45]
    )


def worker_heartbeat(fixture: Fixture) -> list[Call]:
    del fixture
    return [
        Call(
            "POST",
            "/work_pools/load/workers/heartbeat",
            {"name": f"worker-{i}", "heartbeat_interval_seconds": 30},
        )
        for i in range(WORKERS)
    ]


CASES: dict[str, Callable[[Fixture], list[Call]]] = {
    "get run": get_run,
    "filter 50": filter_50,
    "count": count,
    "poll a pool": poll_pool,
    "50 logs": logs_50,
    "create run": create_run,
    "set state": set_state,
    "run from deployment": run_from_deployment,
    "worker heartbeat": worker_heartbeat,
}


def run_sqlite(context: Context) -> list[Figure]:
    """Requests per second on SQLite."""
    return _run(context, str(context.scratch / f"{context.side.name}-load.db"), "SQLite")


def run_postgresql(context: Context) -> list[Figure]:
    """Requests per second on PostgreSQL."""
    return _run(
        context, context.postgresql(f"load_{context.side.name.replace('-', '_')}"), "PostgreSQL"
    )


def _run(context: Context, database: str, title: str) -> list[Figure]:
    figures = []
    with server(context.side, database) as running:
        rest = Rest(running.url)
        fixture = Fixture(rest)
        for name, calls_of in CASES.items():
            on_sqlite, on_postgresql = BUDGETS[name]
            times = on_sqlite if running.dialect == "sqlite" else on_postgresql
            figure = Figure(f"{title}: {name}", "requests/s", Budget(times_peer=times))
            before = stored_runs(running)
            for _ in range(context.repeats):
                load = play(running.url, calls_of(fixture), fixture.runs, SECONDS, context.scratch)
                figure.samples.append(load.per_second)
                figure.errors += load.errors
                if load.errors:
                    print(f"      {name}: {load.errors} errors, the first: {load.example}")
            if name == "create run" and stored_runs(running) <= before:
                figure.errors += 1
            figures.append(figure)
        memory = Figure(f"{title}: server memory after the load", "MB", Budget(at_most=MEMORY_MB))
        memory.samples.append(running.memory())
        figures.append(memory)
    return figures


def stored_runs(running: Server) -> int:
    """Rows of `flow_run`, read from the database itself: this asserts the dialect as well."""
    query = "SELECT count(*) FROM flow_run"
    if running.dialect == "postgresql":
        with psycopg.connect(running.database) as connection:
            row = connection.execute(query).fetchone()
            assert row
            return int(row[0])
    connection = sqlite3.connect(f"file:{running.database}?mode=ro", uri=True, timeout=30)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()
