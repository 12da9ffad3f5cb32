"""Counts and histories from the tally are those of the rows, whatever happened to the runs."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, update

from headrace.core.times import to_text
from headrace.server.services import tallies as service
from headrace.server.services.histories import FLOW_RUNS, TASK_RUNS, Subject
from headrace.server.store import histories, tallies
from headrace.server.store.backup import back_up, restore
from headrace.server.store.database import Database, Statement, Write
from headrace.server.store.filters.joined import Filters, where_flow_runs, where_task_runs
from headrace.server.store.open import open_database
from headrace.server.store.schema import (
    flow,
    flow_run,
    flow_run_tally,
    task_run,
    task_run_tally,
)
from headrace.wire.filters import (
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterName,
    FlowRunFilterState,
    FlowRunFilterStateType,
    Operator,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateName,
)
from headrace.wire.states import StateType

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOW = to_text(NOON + timedelta(days=2))
FLOW = str(UUID(int=1))
STATES = [
    ("COMPLETED", "Completed"), ("FAILED", "Failed"), ("FAILED", "TimedOut"),
    ("CRASHED", "Crashed"), ("CANCELLED", "Cancelled"), ("RUNNING", "Running"),
    ("SCHEDULED", "Late"), ("PENDING", "Pending"), (None, None),
]  # fmt: skip


def some_run(draw: random.Random) -> dict[str, Any]:
    """What the tally counts of a run: whole hours, their ends and nothing at all among the times."""
    kind, name = draw.choice(STATES)
    seconds = draw.choice([0, 3600, 7200, draw.uniform(0, 86_400)])
    expected = NOON + timedelta(seconds=seconds)
    started = expected + timedelta(seconds=draw.choice([-5, 0, draw.uniform(0, 90)]))
    return {
        "state_type": kind,
        "state_name": name,
        "state_timestamp": to_text(started),
        "expected_start_time": None if draw.random() < 0.05 else to_text(expected),
        "start_time": None if draw.random() < 0.1 else to_text(started),
        "total_run_time": draw.choice([0.0, round(draw.uniform(0, 500), 6)]),
    }


async def live(database: Database, draw: random.Random) -> None:
    """Runs come, change and go; what a flow takes with it goes too."""
    now = to_text(NOON)
    for key in (FLOW, str(UUID(int=2))):
        row = {"id": key, "created": now, "updated": now, "name": key}
        await database.apply([Write(Statement(insert(flow)), row)])
    made = {"created": now, "updated": now, "name": "run"}
    keys = [str(UUID(int=100 + n)) for n in range(120)]
    owner = [FLOW if n % 10 else str(UUID(int=2)) for n in range(120)]
    belong = {
        flow_run: lambda n: {"flow_id": owner[n]},
        task_run: lambda n: {"flow_run_id": keys[n], "task_key": "t", "dynamic_key": str(n)},
    }
    for table, more in belong.items():
        rows = [made | {"id": key} | more(n) | some_run(draw) for n, key in enumerate(keys)]
        await database.apply([Write(Statement(insert(table)), rows)])
    for table in belong:
        change = update(table).where(table.c.id == bindparam("run"))
        columns = {name: bindparam(f"v_{name}") for name in some_run(draw)}
        for key in draw.sample(keys, 60):
            values = {f"v_{name}": value for name, value in some_run(draw).items()}
            await database.apply([Write(Statement(change.values(columns)), values | {"run": key})])
        for key in draw.sample(keys, 10):
            await database.apply(
                [
                    Write(
                        Statement(delete(table).where(table.c.id == bindparam("run"))), {"run": key}
                    )
                ]
            )
    of_flow = delete(flow).where(flow.c.id == bindparam("flow"))
    await database.apply([Write(Statement(of_flow), {"flow": str(UUID(int=2))})])


async def expected_of(database: Database, subject: Subject, filters: Filters) -> tuple[int, float]:
    """Runs, and their mean lateness, from the rows."""
    conditions = (where_flow_runs if subject is FLOW_RUNS else where_task_runs)(filters)
    query = select(func.count(), func.avg(histories.lateness(subject.runs))).where(*conditions)
    [(count, late)] = await database.fetch_all(query, {"now": NOW})
    return count, late


def about(rows: list[Any]) -> list[Any]:
    """Sums that may differ: SQLite's own difference of two days is exact to some microseconds."""
    return [
        (*row[:4], pytest.approx(row[4], abs=0.02), pytest.approx(row[5], abs=0.02)) for row in rows
    ]


FILTERS = [
    (FLOW_RUNS, Filters()),
    (TASK_RUNS, Filters()),
    (FLOW_RUNS, Filters(flow_runs=FlowRunFilter())),
    (
        FLOW_RUNS,
        Filters(
            flow_runs=FlowRunFilter(
                state=FlowRunFilterState(
                    type=FlowRunFilterStateType(
                        any_=[StateType.FAILED, StateType.RUNNING, StateType.COMPLETED]
                    )
                )
            )
        ),
    ),
    (
        FLOW_RUNS,
        Filters(
            flow_runs=FlowRunFilter(
                expected_start_time=FlowRunFilterExpectedStartTime(
                    after_=NOON + timedelta(minutes=17), before_=NOON + timedelta(hours=2)
                )
            )
        ),
    ),
    (
        TASK_RUNS,
        Filters(
            task_runs=TaskRunFilter(
                state=TaskRunFilterState(name=TaskRunFilterStateName(any_=["TimedOut", "Late"]))
            )
        ),
    ),
]


@pytest.mark.parametrize("seed", range(3))
async def test_the_tally_counts_what_the_rows_say(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Totals and histories, of every filter that the tally can answer, for intervals of any length."""
    monkeypatch.setattr(service, "now_text", lambda: NOW)
    draw = random.Random(seed)
    await live(database, draw)
    for subject, filters in FILTERS:
        scope = subject.scope(filters)
        assert scope is not None
        count, late = await expected_of(database, subject, filters)
        assert await service.count_runs(database, subject.runs, scope) == count > 0
        lateness = await service.average_lateness(database, subject.runs, scope)
        assert lateness == pytest.approx(late, abs=1e-3)
        for minutes in (1, 30, 60, 90, 600, 10_000):
            step = timedelta(minutes=minutes)
            begin = NOON + timedelta(seconds=draw.choice([0, 0.000001, draw.uniform(0, 40_000)]))
            spans = [(to_text(begin + step * n), to_text(begin + step * (n + 1))) for n in range(9)]
            query, params = subject.query.of(filters)
            whole = {"begin": spans[0][0], "finish": spans[-1][1], "now": NOW}
            step_us = {"step": step // timedelta(microseconds=1)}
            rows = await database.fetch_all(query, {**params, **whole, **step_us})
            found = await service.read_history(database, subject.runs, scope, spans, step)
            assert [tuple(row) for row in found] == about(rows)


@pytest.mark.parametrize(
    "filters",
    [
        Filters(flow_runs=FlowRunFilter(name=FlowRunFilterName(any_=["a"]))),
        Filters(task_runs=TaskRunFilter()),
        Filters(
            flow_runs=FlowRunFilter(
                operator=Operator.OR,
                state=FlowRunFilterState(),
                expected_start_time=FlowRunFilterExpectedStartTime(after_=NOON),
            )
        ),
    ],
)
def test_what_the_tally_does_not_know_is_not_asked_of_it(filters: Filters) -> None:
    """A filter of anything but states and the expected start, or of either of the two, reads rows."""
    assert FLOW_RUNS.scope(filters) is None


async def test_a_run_of_a_month_is_cut_into_hours_and_two_ends() -> None:
    """Every moment of an interval is in one of its three parts."""
    spans = tallies.cut(
        [("2026-01-01T00:30:00.000000Z", "2026-01-31T02:00:00.000000Z")], timedelta(days=30)
    )
    assert spans["heads"] == '[["2026-01-01T00:30:00.000000Z","2026-01-01T01:00:00.000000Z"]]'
    assert spans["whole"] == '[["2026-01-01T01:00:00.000000Z","2026-01-31T02:00:00.000000Z"]]'
    assert spans["tails"] == '[["2026-01-31T02:00:00.000000Z","2026-01-31T02:00:00.000000Z"]]'


async def test_hours_whose_runs_are_deleted_are_forgotten(database: Database) -> None:
    """Of old hours nothing is left once their runs are gone; an hour that has some keeps its count."""
    await live(database, random.Random(3))
    [(before,)] = await database.fetch_all(select(func.sum(flow_run_tally.c.runs)))
    await database.transact(lambda tx: tallies.forget_empty(tx, NOW))
    [(kept,)] = await database.fetch_all(select(func.sum(flow_run_tally.c.runs)))
    assert kept == before > 0
    await database.transact(lambda tx: tx.execute(delete(flow)))
    assert await database.fetch_all(select(flow_run_tally))
    assert await database.transact(lambda tx: tallies.forget_empty(tx, NOW)) > 0
    assert await database.fetch_all(select(flow_run_tally)) == []
    assert await database.fetch_all(select(task_run_tally)) == []


async def test_a_restored_tally_counts_no_run_twice(
    database: Database, database_url: str, postgresql_url: str, tmp_path: Path
) -> None:
    """A backup of either database, loaded into PostgreSQL row by row, brings the tally it had."""
    await live(database, random.Random(7))
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(back_up, database_url, copy)
    target = postgresql_url
    if database.dialect == "postgresql":
        await database.close()
    await asyncio.to_thread(restore, target, copy)
    restored = await open_database(target)
    for table, tally in ((flow_run, flow_run_tally), (task_run, task_run_tally)):
        over = ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]
        count = select(func.count()).select_from(table).where(table.c.state_type.in_(over))
        [(counted,)] = await restored.fetch_all(count)
        [(tallied,)] = await restored.fetch_all(select(func.sum(tally.c.runs)))
        assert counted == int(tallied) > 0
    gone = Statement(delete(flow).where(flow.c.id == bindparam("flow")))
    await restored.apply([Write(gone, {"flow": FLOW})])
    [(left,)] = await restored.fetch_all(select(func.sum(flow_run_tally.c.runs)))
    assert int(left) == 0
    await restored.close()
