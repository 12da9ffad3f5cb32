"""What a redeployment changes about a deployment's schedules: as little as it can.

A schedule that is still wanted keeps its id, so that its runs stay, and stays paused if a person
paused it. Which stored schedule a wanted one is, is told by `replaces`, by the slug, or else by what
the schedule says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

Json = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class StoredSchedule:
    """A schedule as the database has it; `schedule` is complete JSON."""

    id: str
    schedule: Json
    active: bool
    max_scheduled_runs: int | None
    parameters: Json
    slug: str | None
    created: str
    updated: str
    misfire: Json | None = None


@dataclass(frozen=True, slots=True)
class WantedSchedule:
    """A schedule as a client asks for it.

    Args:
        schedule: Complete JSON, or None to leave what is stored.
        active: False pauses; True, or None, leaves it as it is.
        max_scheduled_runs: Runs planned ahead at most, or None for the server's own bound.
        parameters: Values that go before the deployment's own, or None to leave what is stored.
        slug: A name within the deployment.
        replaces: The slug of the schedule that this one takes the place of.
        misfire: What is done about missed times; "kept" leaves what is stored.
    """

    schedule: Json | None
    active: bool | None = True
    max_scheduled_runs: int | None = None
    parameters: Json | None = field(default_factory=dict[str, object])
    slug: str | None = None
    replaces: str | None = None
    misfire: Json | Literal["kept"] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What to do, and what the deployment's schedules are then.

    `altered` are those whose runs have to be planned anew; `dropped` are ids.
    """

    result: tuple[StoredSchedule, ...]
    added: tuple[StoredSchedule, ...]
    kept: tuple[StoredSchedule, ...]
    altered: tuple[StoredSchedule, ...]
    dropped: tuple[str, ...]


def reconcile(
    stored: Sequence[StoredSchedule],
    wanted: Sequence[WantedSchedule],
    now: str,
    make_id: Callable[[], str],
) -> Changes:
    """The smallest change from what is stored to what is wanted.

    Args:
        stored: The deployment's schedules.
        wanted: All schedules it is to have.
        now: The time of the change, as text.
        make_id: Gives a new schedule's id.

    Raises:
        ValueError: Two wanted ones have one slug, or a new one does not say when to run.
    """
    slugs = [one.slug for one in wanted if one.slug is not None]
    if len(set(slugs)) < len(slugs):
        twice = next(slug for slug in slugs if slugs.count(slug) > 1)
        message = f"two schedules have the slug {twice!r}: a slug names one schedule"
        raise ValueError(message)
    left = list(stored)
    pairs = [(one, _take_named(one, left)) for one in wanted]
    added: list[StoredSchedule] = []
    kept: list[StoredSchedule] = []
    altered: list[StoredSchedule] = []
    result: list[StoredSchedule] = []
    for one, named in pairs:
        match = named or _take_same(one, left)
        if match is None:
            made = _add(one, now, make_id())
            added.append(made)
        else:
            made = _alter(match, one, now)
            (kept if _plans_the_same(match, made) else altered).append(made)
        result.append(made)
    return Changes(
        result=tuple(result),
        added=tuple(added),
        kept=tuple(kept),
        altered=tuple(altered),
        dropped=tuple(one.id for one in left),
    )


def _take_named(one: WantedSchedule, left: list[StoredSchedule]) -> StoredSchedule | None:
    for slug in (one.replaces, one.slug):
        if slug is not None:
            for stored in left:
                if stored.slug == slug:
                    left.remove(stored)
                    return stored
    return None


def _take_same(one: WantedSchedule, left: list[StoredSchedule]) -> StoredSchedule | None:
    if one.schedule is None:
        return None
    for stored in left:
        unnamed = stored.slug is None or one.slug is None
        if unnamed and same_dates(stored.schedule, one.schedule):
            left.remove(stored)
            return stored
    return None


def same_dates(first: Json, second: Json) -> bool:
    """Whether two schedules fall on the same dates: intervals may be anchored on different ones."""
    if first == second:
        return True
    if "interval" not in first or "interval" not in second:
        return False
    rest = [{k: v for k, v in one.items() if k != "anchor_date"} for one in (first, second)]
    if rest[0] != rest[1]:
        return False
    anchors = [datetime.fromisoformat(str(one["anchor_date"])) for one in (first, second)]
    interval = timedelta(seconds=float(str(first["interval"])))
    return (anchors[0] - anchors[1]) % interval == timedelta(0)


def _add(one: WantedSchedule, now: str, new_id: str) -> StoredSchedule:
    if one.schedule is None:
        message = (
            f"there is no schedule {one.slug!r} to change, and this one does not say when to run"
        )
        raise ValueError(message)
    return StoredSchedule(
        id=new_id,
        schedule=one.schedule,
        active=one.active is not False,
        max_scheduled_runs=one.max_scheduled_runs,
        parameters=one.parameters or {},
        slug=one.slug,
        created=now,
        updated=now,
        misfire=None if one.misfire == "kept" else one.misfire,
    )


def _alter(stored: StoredSchedule, one: WantedSchedule, now: str) -> StoredSchedule:
    schedule = one.schedule
    if schedule is None or same_dates(stored.schedule, schedule):
        schedule = stored.schedule
    made = replace(
        stored,
        schedule=schedule,
        active=stored.active and one.active is not False,
        max_scheduled_runs=one.max_scheduled_runs,
        parameters=stored.parameters if one.parameters is None else one.parameters,
        slug=one.slug or stored.slug,
        misfire=stored.misfire if one.misfire == "kept" else one.misfire,
    )
    return made if made == stored else replace(made, updated=now)


def _plans_the_same(before: StoredSchedule, after: StoredSchedule) -> bool:
    return (before.schedule, before.active, before.max_scheduled_runs, before.parameters) == (
        after.schedule,
        after.active,
        after.max_scheduled_runs,
        after.parameters,
    )
