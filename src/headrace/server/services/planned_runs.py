"""Runs that schedules plan: their dates computed outside, made in one short transaction.

The idempotency key `scheduled <deployment> <schedule> <date>` makes each date's run once, whoever
plans it and however often.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from headrace.core.ids import new_id
from headrace.core.misfires import SKIPPED, Misfire
from headrace.core.names import generate_name
from headrace.core.planning import Horizon, Plan, plan
from headrace.core.schedule_changes import StoredSchedule
from headrace.core.schedules import parse_schedule
from headrace.core.states import State, StateType
from headrace.core.times import now_text, to_text
from headrace.server.services.deployment_runs import (
    Source,
    merge_labels,
    merge_parameters,
    merge_tags,
)
from headrace.server.services.deployment_schedules import (
    key_prefix,
    open_misfire,
    open_schedule,
)
from headrace.server.services.flow_runs import to_json
from headrace.server.store import deployment_schedules as store
from headrace.server.store import flow_runs as run_store
from headrace.server.store import transitions
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow
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
    misfire: Misfire | None
    planned_to: str | None

    @classmethod
    def of(cls, row: Row) -> "Due":
        """The opened row."""
        cut = len(Source._fields)
        schedule = open_schedule(row[cut:-1])
        return cls(Source(*row[:cut]), schedule, open_misfire(schedule.misfire), row[-1])

    @property
    def key_prefix(self) -> str:
        """How the idempotency keys of its runs begin."""
        return key_prefix(self.source.id, self.schedule.id)


@dataclass(frozen=True, slots=True)
class Marks:
    """What a look leaves in the schedule's row.

    Args:
        now: When it was.
        look_again: When to look next.
        planned_to: Up to which date there are runs.
    """

    now: str
    look_again: str
    planned_to: str | None


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
        "flow_tags": source.flow_tags,
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
        "work_pool_type": source.work_pool_type,
        "infrastructure_document_id": source.infrastructure_document_id,
        "auto_scheduled": True,
        "created_by": to_json(
            {"id": schedule.id, "type": "SCHEDULE", "display_value": schedule.slug or kind}
        ),
    }
    return [
        NewFlowRun(
            id=new_id(),
            name=generate_name(),
            state=_scheduled(to_text(date), now_text()),
            idempotency_key=f"{due.key_prefix}{date.replace(tzinfo=None)}+00:00",
            **common,  # pyright: ignore[reportArgumentType]  # named as the fields are
        )
        for date in dates
    ]


def _scheduled(date: str, now: str) -> State:
    details: dict[str, object] = {"scheduled_time": date}
    return transitions.new_state(StateType.SCHEDULED, timestamp=now, details=details)


async def store_runs(
    database: Database, due: Due, runs: Sequence[NewFlowRun], marks: Marks | None
) -> tuple[str, ...]:
    """Make those runs that are not there yet; what to publish then.

    Nothing is done where the schedule was changed or paused since it was read.
    """
    if not runs:
        return await database.transact(lambda tx: _store(tx, due, (), marks))
    topics: tuple[str, ...] = ()
    for at in range(0, len(runs), MAX_RUNS_OF_UNIT):
        some = runs[at : at + MAX_RUNS_OF_UNIT]
        last = at + MAX_RUNS_OF_UNIT >= len(runs)
        topics += await database.transact(
            lambda tx, s=some, last=last: _store(tx, due, s, marks, last=last)
        )
    return tuple(dict.fromkeys(topics))


def _store(
    tx: Transaction,
    due: Due,
    runs: Sequence[NewFlowRun],
    marks: Marks | None,
    *,
    last: bool = True,
) -> tuple[str, ...]:
    if not is_as_read(tx, due):
        return ()
    taken = _taken_keys(tx, due.source.flow_id, runs)
    topics: tuple[str, ...] = ()
    now = tx.now()
    for run in runs:
        known = taken.get(str(run.idempotency_key))
        if known is None:
            creation = run_store.create(run, now)
            transitions.carry_out(tx, creation.writes)
            topics += creation.topics
        elif known.state_name == SKIPPED and marks is not None:
            topics += _take_back(tx, known.run_id, run, marks.now)
    if last and marks is not None:
        params = {"look_again": marks.look_again, "planned_to": marks.planned_to}
        tx.execute(store.LOOK_AGAIN, {"schedule_id": due.schedule.id, **params})
    return topics


def is_as_read(tx: Transaction, due: Due) -> bool:
    """Whether a schedule is as it was read and nothing is paused; nobody else plans it meanwhile."""
    tx.lock(f"schedule:{due.schedule.id}")
    params = {"schedule_id": due.schedule.id, "as_read": due.schedule.updated}
    return tx.fetch_one(store.STILL_PLANNED, params) is not None


class _Known(NamedTuple):
    run_id: str
    state_name: str


def _taken_keys(tx: Transaction, flow_id: str, runs: Sequence[NewFlowRun]) -> Mapping[str, _Known]:
    if not runs:
        return {}
    keys = [str(run.idempotency_key) for run in runs]
    rows = tx.fetch_all(store.planned_keys(flow_id, keys))
    return {key: _Known(*known) for key, *known in rows}


def _take_back(tx: Transaction, run_id: str, run: NewFlowRun, now: str) -> tuple[str, ...]:
    """A run that was skipped under a clock which ran ahead is scheduled again."""
    date = run.state and run.state.text_detail("scheduled_time")
    row = tx.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
    if date is None or date <= now or row is None:
        return ()
    skipped = FlowRunRow(*row)
    transitions.carry_out(tx, transitions.flow_run(skipped, _scheduled(date, now), now=now))
    return transitions.signals(skipped)


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
