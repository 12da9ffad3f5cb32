"""Runs that schedules plan: their dates computed outside, made in one short transaction.

The idempotency key `scheduled <deployment> <schedule> <date>` makes each date's run once, whoever
plans it and however often.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.core.ids import new_id
from headrace.core.names import generate_name
from headrace.core.planning import Horizon, Plan, plan
from headrace.core.schedule_changes import StoredSchedule
from headrace.core.schedules import parse_schedule
from headrace.core.states import State, StateType, default_name
from headrace.core.times import now_text, to_text
from headrace.server.services.deployment_runs import (
    Source,
    merge_labels,
    merge_parameters,
    merge_tags,
)
from headrace.server.services.deployment_schedules import key_prefix, open_schedule
from headrace.server.services.flow_runs import to_json
from headrace.server.store import deployment_schedules as store
from headrace.server.store import flow_runs as run_store
from headrace.server.store import transitions
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.flow_runs import NewFlowRun

MAX_RUNS_OF_UNIT = 60
"""Runs of one transaction: with tags, state and event 5 to 8 rows each, so at most about 500."""

_KINDS = {"cron": "CronSchedule", "interval": "IntervalSchedule", "rrule": "RRuleSchedule"}
"""What the contract calls a schedule that has no slug."""


@dataclass(frozen=True, slots=True)
class Due:
    """One schedule to plan for: a row of `store.DUE_COLUMNS`, opened."""

    source: Source
    schedule: StoredSchedule

    @classmethod
    def of(cls, row: Row) -> "Due":
        """The opened row."""
        cut = len(Source._fields)
        return cls(Source(*row[:cut]), open_schedule(row[cut:]))


def plan_runs(due: Due, now: datetime, horizon: Horizon, until: datetime | None = None) -> Plan:
    """The dates that should have a run."""
    schedule = parse_schedule(due.schedule.schedule, now)
    return plan(schedule, now, horizon, due.schedule.max_scheduled_runs, until)


def make_runs(due: Due, dates: Iterable[datetime]) -> list[NewFlowRun]:
    """The runs of these dates. Raises `Conflict` where the schedule's parameters are refused."""
    source, schedule = due.source, due.schedule
    kind = next(name for key, name in _KINDS.items() if key in schedule.schedule)
    given = dict(schedule.parameters)
    common = {
        "flow_id": source.flow_id,
        "flow_name": source.flow_name,
        "tags": merge_tags(source, ("auto-scheduled",)),
        "labels": merge_labels(source, None),
        # A required parameter that nobody gives fails the run, which then says so: planning goes on.
        "parameters": merge_parameters(source, given, enforce=False),
        "deployment_id": source.id,
        "deployment_name": source.name,
        "deployment_version": source.version,
        "work_queue_id": source.work_queue_id,
        "work_queue_name": source.work_queue_name,
        "work_pool_id": source.work_pool_id,
        "work_pool_name": source.work_pool_name,
        "infrastructure_document_id": source.infrastructure_document_id,
        "auto_scheduled": True,
        "created_by": to_json(
            {"id": schedule.id, "type": "SCHEDULE", "display_value": schedule.slug or kind}
        ),
    }
    prefix = key_prefix(source.id, schedule.id)
    return [
        NewFlowRun(
            id=new_id(),
            name=generate_name(),
            state=_scheduled(to_text(date)),
            idempotency_key=f"{prefix}{date.replace(tzinfo=None)}+00:00",
            **common,  # pyright: ignore[reportArgumentType]  # named as the fields are
        )
        for date in dates
    ]


def _scheduled(date: str) -> State:
    kind = StateType.SCHEDULED
    return State(
        type=kind,
        name=default_name(kind),
        id=new_id(),
        timestamp=now_text(),
        details={"scheduled_time": date},
    )


async def store_runs(
    database: Database, due: Due, runs: Sequence[NewFlowRun], look_again: str | None
) -> tuple[str, ...]:
    """Make those runs that are not there yet; what to publish then.

    Nothing is done where the schedule was changed or paused since it was read.
    """
    if not runs:
        return await database.transact(lambda tx: _store(tx, due, (), look_again))
    topics: tuple[str, ...] = ()
    for at in range(0, len(runs), MAX_RUNS_OF_UNIT):
        some = runs[at : at + MAX_RUNS_OF_UNIT]
        last = at + MAX_RUNS_OF_UNIT >= len(runs)
        mark = look_again if last else None
        topics += await database.transact(lambda tx, s=some, m=mark: _store(tx, due, s, m))
    return tuple(dict.fromkeys(topics))


def _store(
    tx: Transaction, due: Due, runs: Sequence[NewFlowRun], look_again: str | None
) -> tuple[str, ...]:
    tx.lock(f"schedule:{due.schedule.id}")
    params = {"schedule_id": due.schedule.id, "as_read": due.schedule.updated}
    if tx.fetch_one(store.STILL_PLANNED, params) is None:
        return ()
    taken = _taken_keys(tx, due.source.flow_id, runs)
    topics: tuple[str, ...] = ()
    now = tx.now()
    for run in runs:
        if run.idempotency_key not in taken:
            creation = run_store.create(run, now)
            transitions.carry_out(tx, creation.writes)
            topics += creation.topics
    if look_again is not None:
        tx.execute(store.LOOK_AGAIN, {"schedule_id": due.schedule.id, "at": look_again})
    return topics


def _taken_keys(tx: Transaction, flow_id: str, runs: Sequence[NewFlowRun]) -> set[str]:
    if not runs:
        return set()
    keys = [str(run.idempotency_key) for run in runs]
    return {row[0] for row in tx.fetch_all(store.planned_keys(flow_id, keys))}


async def plan_deployment(
    database: Database,
    deployment_id: str,
    start: datetime,
    horizon: Horizon,
    until: datetime | None,
) -> tuple[str, ...]:
    """Plan all active schedules of a deployment now; what to publish then."""
    rows = await database.fetch_all(store.OF_DEPLOYMENT_ACTIVE, {"deployment_id": deployment_id})
    topics: tuple[str, ...] = ()
    for row in rows:
        due = Due.of(row)
        dates = plan_runs(due, start, horizon, until).dates
        topics += await store_runs(database, due, make_runs(due, dates), None)
    return topics
