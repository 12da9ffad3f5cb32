"""Runs whose times have passed, judged by the misfire policy of their schedule.

What is skipped is cancelled under a name of its own, so that everybody can see what did not run and
why. The times that passed before runs were made for them are judged together with the runs that wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headrace.core.misfires import SKIPPED, Misfire, keep
from headrace.core.planning import list_missed
from headrace.core.schedules import parse_schedule
from headrace.core.states import StateType
from headrace.core.times import to_datetime, to_text
from headrace.errors import StaleWrite
from headrace.server.services.planned_runs import Due, is_as_read
from headrace.server.store import deployment_schedules as store
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction
from headrace.server.store.facts import FlowRunRow

PAGE = 100
"""Runs judged in one transaction: three rows each for those that are skipped."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a look at the runs that wait.

    Args:
        waiting: The times of those that may still run.
        missing: The times of those that are to be made.
        is_whole: Whether all were looked at.
        topics: What to publish.
    """

    waiting: tuple[datetime, ...]
    missing: tuple[datetime, ...]
    is_whole: bool
    topics: tuple[str, ...]


NOTHING_TO_JUDGE = Judgement((), (), is_whole=True, topics=())


async def judge(database: Database, due: Due, now: datetime) -> Judgement:
    """Skip what the schedule's policy gives up, and tell what it wants made."""
    if due.misfire is None:
        return NOTHING_TO_JUDGE
    misfire = due.misfire
    missing = _list_missing(due, now, misfire)
    return await database.transact(lambda tx: _judge(tx, due, now, misfire, missing))


def _list_missing(due: Due, now: datetime, misfire: Misfire) -> list[datetime]:
    if due.planned_to is None:
        return []
    schedule = parse_schedule(due.schedule.schedule, now)
    return list_missed(schedule, to_datetime(due.planned_to), now, misfire)


def _judge(
    tx: Transaction, due: Due, now: datetime, misfire: Misfire, missing: Sequence[datetime]
) -> Judgement:
    if not is_as_read(tx, due):
        return NOTHING_TO_JUDGE
    params = {
        "deployment_id": due.source.id,
        "key_pattern": f"{due.key_prefix}%",
        "now": to_text(now),
        "page": PAGE,
    }
    rows = tx.fetch_all(store.WAITING, params)
    waiting = [(FlowRunRow(*row[:-1]), to_datetime(row[-1])) for row in rows]
    kept = set(keep([*missing, *(time for _, time in waiting)], now, misfire))
    topics: tuple[str, ...] = ()
    for run, time in waiting:
        if time not in kept:
            topics += _skip(tx, run, time, now, misfire)
    return Judgement(
        waiting=tuple(time for _, time in waiting if time in kept),
        missing=tuple(time for time in missing if time in kept),
        is_whole=len(rows) < PAGE,
        topics=topics,
    )


def _skip(
    tx: Transaction, run: FlowRunRow, time: datetime, now: datetime, misfire: Misfire
) -> tuple[str, ...]:
    text = to_text(now)
    state = transitions.new_state(
        StateType.CANCELLED, SKIPPED, timestamp=text, message=_reason(time, now, misfire)
    )
    try:
        transitions.carry_out(tx, transitions.flow_run(run, state, now=text))
    except StaleWrite:  # the first write found it changed: it has begun after all
        return ()
    return transitions.signals(run)


def _reason(time: datetime, now: datetime, misfire: Misfire) -> str:
    late = timedelta(seconds=round((now - time).total_seconds()))
    bound = misfire.lateness
    said = f"Nothing ran it at {to_text(time)[:19]}Z, {late} ago"
    if bound is not None and now - time > bound:
        return f"{said}: its schedule allows {bound} (misfire policy {misfire.policy!r})."
    return f"{said}, and a later run of its schedule is due (misfire policy {misfire.policy!r})."
