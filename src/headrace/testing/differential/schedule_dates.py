"""Compares the dates that the servers plan for random schedules, as runs of deployments."""
# JSON of any shape passes through
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false, reportUnknownMemberType=false

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from headrace.testing.differential.findings import Findings
from headrace.testing.differential.load import TOLD_EVERY
from headrace.testing.differential.schedules import RandomSchedules
from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import PEERS, Id, World

OPERATION: Final = "POST /deployments/{id}/schedule"
AT_ONCE: Final = 200  # dates of one schedule at most: more are not in one answer
_FIRST: Final = datetime(2027, 1, 1, tzinfo=UTC)
_SPREAD_DAYS: Final = 3 * 365  # over which the beginnings of the questions lie
# The peer's zones end with the signed 32-bit clock: what they do later is no question of schedules.
_LAST: Final = datetime(2037, 1, 1, tzinfo=UTC)
_NEAR: Final = timedelta(
    hours=50
)  # of the end of the day of a jump: that day, the one before and after it

NEVER: Final = "A schedule that never comes is refused; the peer takes it and plans nothing."
JUMPS: Final = (
    "Where the clock of a zone jumps, named times keep their place on the wall and elapsed time its "
    "pace; the peer loses an hour of runs, or drifts by it."
)
PASSED_OVER: Final = (
    "A cron expression means each day that it names; the peer passes over a day of the month beside an "
    "n-th day of the week, and over the first of March in steps of days."
)
_CRON_FIELDS: Final = 5

Dates = list[datetime]


def compare_schedules(
    world: World,
    seed: int,
    schedules: int,
    dates: int,
    findings: Findings,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> None:
    """Give all servers the same schedules, let them plan, and compare what they planned.

    Args:
        world: Servers of their own: the runs would be in the way of other questions.
        seed: The schedules follow from it.
        schedules: How many.
        dates: Of each, `AT_ONCE` at most.
        findings: Told what differs.
        progress: Told what goes on.
    """
    began = told = time.monotonic()
    chosen = random.Random(seed)  # noqa: S311 - a test's choices, by seed
    made = RandomSchedules(seed)
    flows = world.exchange("POST", "/flows/", {"name": "schedules"})
    world.learn("flow:0", [reply.json for reply in flows])
    for number in range(schedules):
        start = _FIRST + timedelta(
            days=chosen.randint(0, _SPREAD_DAYS), minutes=chosen.choice([0, 0, 30, 17])
        )
        schedule = made.make(start)
        findings.asked[OPERATION] += 1
        question = _Question(world, number, schedule, start, dates)
        planned = question.ask()
        if question.failed:
            findings.failed[OPERATION] += 1
            continue
        if all(dates is not None for dates in planned):
            findings.answered[OPERATION] += 1
        for at, ours in enumerate(planned):
            if at != PEERS:
                _judge(findings, world.sides[at].name, question, ours, planned[PEERS])
        findings.loaded["date"] += len(planned[PEERS] or ())
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            progress(f"{number + 1} schedules in {told - began:.0f} s")
    findings.loaded["schedule"] += schedules
    findings.seconds["schedules"] = round(time.monotonic() - began)


class _Question:
    """One schedule, and the dates that come of it on each side."""

    def __init__(
        self, world: World, number: int, schedule: dict[str, Any], start: datetime, dates: int
    ) -> None:
        self.schedule = schedule
        self.start = start
        self.dates = dates
        self.failed = False
        """Whether the peer failed at it: there is nothing to compare with."""
        self._world = world
        self._label = f"deployment:{number}"

    def ask(self) -> list[Dates | None]:
        """The dates by side; None where the schedule is refused."""
        made = self._world.exchange(
            "POST",
            "/deployments/",
            {
                "name": self._label,
                "flow_id": Id("flow:0"),
                "schedules": [{"schedule": self.schedule}],
            },
        )
        answers = [reply.json if reply.status < 300 else None for reply in made]
        self._world.learn(self._label, answers)
        return [None if answer is None else self._planned(at) for at, answer in enumerate(answers)]

    def _planned(self, at: int) -> Dates | None:
        window = {
            "start_time": self.start.isoformat(),
            "end_time": _LAST.isoformat(),
            "min_runs": self.dates,
            "max_runs": self.dates,
        }
        path = f"/deployments/{{{self._label}}}/schedule"
        status = self._world.ask(at, "POST", path, window).status
        self.failed |= at == PEERS and status >= 500
        if status >= 300:
            return None
        listed: Reply = self._world.ask(
            at,
            "POST",
            "/flow_runs/filter",
            {
                "deployments": {"id": {"any_": [Id(self._label)]}},
                "limit": AT_ONCE,
                "sort": "EXPECTED_START_TIME_ASC",
            },
        )
        return [datetime.fromisoformat(run["expected_start_time"]) for run in listed.json]


def _judge(
    findings: Findings, side: str, question: _Question, ours: Dates | None, peers: Dates | None
) -> None:
    if ours == peers:
        return
    if ours is None and peers == []:
        findings.deliberate[NEVER] += 1
    elif ours is not None and peers is not None and explains(question.schedule, ours, peers):
        findings.deliberate[JUMPS] += 1
    elif ours and peers and passes_over(question.schedule, ours, peers):
        findings.deliberate[PASSED_OVER] += 1
    else:
        findings.add(
            OPERATION, side, f"{question.schedule} from {question.start}: " + _tell(ours, peers)
        )


def _tell(ours: Dates | None, peers: Dates | None) -> str:
    if ours is None or peers is None:
        told = ["refused" if dates is None else f"{len(dates)} dates" for dates in (ours, peers)]
        return f"{told[0]}, peer {told[1]}"
    only = [sorted(set(some) - set(other)) for some, other in ((ours, peers), (peers, ours))]
    shown = [[date.isoformat() for date in dates[:3]] for dates in only]
    return f"{len(ours)} dates, only ours {shown[0]}; peer {len(peers)}, only theirs {shown[1]}"


def explains(schedule: dict[str, Any], ours: Sequence[datetime], peers: Sequence[datetime]) -> bool:
    """Whether the dates differ only where the zone's clock jumps, or by what it jumps.

    Args:
        schedule: As it was sent.
        ours: Ascending.
        peers: Ascending.
    """
    if not ours or not peers:
        return False
    zone = ZoneInfo(schedule.get("timezone") or "UTC")
    end = min(ours[-1], peers[-1])  # as many dates reach less far where some are left out
    mine, theirs = ({date for date in dates if date <= end} for dates in (ours, peers))
    ours_all, peers_all = set(ours), set(peers)
    begin = min(*ours, *peers) - _NEAR
    jumps = dict(_jumps(zone, begin, end + _NEAR))
    drift = "interval" in schedule and schedule["interval"] >= timedelta(days=1).total_seconds()
    sizes = {size for _, size in _jumps(zone, begin - timedelta(days=366), end)} if drift else set()
    for date in mine ^ theirs:
        other = peers_all if date in mine else ours_all
        is_near = any(abs(date - jump) <= _NEAR for jump in jumps)
        if not is_near and not any({date + size, date - size} & other for size in sizes):
            return False
    return True


def passes_over(
    schedule: dict[str, Any], ours: Sequence[datetime], peers: Sequence[datetime]
) -> bool:
    """Whether the peer only leaves out days that a cron expression names.

    Those are days of the month beside an n-th day of the week, and the first of March, with which steps of
    days begin anew.
    """
    fields = str(schedule.get("cron", "")).split()
    if len(fields) != _CRON_FIELDS:
        return False
    zone = ZoneInfo(schedule.get("timezone") or "UTC")
    end = min(ours[-1], peers[-1])
    mine, theirs = ({date for date in dates if date <= end} for dates in (ours, peers))
    left_out = [date.astimezone(zone) for date in mine - theirs]
    beside_nth = "#" in fields[4] and all(str(date.day) == fields[2] for date in left_out)
    after_short = fields[2].startswith("*/") and all(
        (date.month, date.day) == (3, 1) for date in left_out
    )
    return theirs <= mine and (beside_nth or after_short)


def _jumps(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[tuple[datetime, timedelta]]:
    """The ends of the days on which the zone's clock jumps, and by how much."""
    day, offset = begin, begin.astimezone(zone).utcoffset()
    while day < end:
        day += timedelta(days=1)
        later = day.astimezone(zone).utcoffset()
        if later != offset and later is not None and offset is not None:
            yield day, abs(later - offset)
        offset = later
