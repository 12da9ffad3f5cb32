"""Schedules of deployments: changed one by one or all at once, always with what follows from it.

Whatever changes a schedule removes the runs that it planned and that have not begun, has the
scheduling loop look at it at once, and rewrites the copy that deployments are answered with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.misfires import Misfire
from headrace.core.schedule_changes import StoredSchedule, WantedSchedule, reconcile
from headrace.core.schedules import Location, parse_schedule
from headrace.errors import ObjectNotFound, UniqueViolation, ValidationFailed
from headrace.server.services.signals import Signals
from headrace.server.store import deployment_schedules as store
from headrace.server.store import deployments
from headrace.server.store.database import Database, Transaction
from headrace.wire.decode import encode
from headrace.wire.deployments import DeploymentScheduleCreate, DeploymentScheduleUpdate
from headrace.wire.faults import make_fault
from headrace.wire.misfires import MisfireOptions

NOT_FOUND = "Schedule not found."


def read_wanted(
    given: Sequence[DeploymentScheduleCreate], location: Location = ("schedules",)
) -> list[WantedSchedule]:
    """Schedules that a client asks for, checked. Raises `ValidationFailed`."""
    return [
        WantedSchedule(
            schedule=_complete(msgspec.json.decode(one.schedule), (*location, at, "schedule")),
            active=one.active,
            max_scheduled_runs=one.max_scheduled_runs,
            parameters=one.parameters,
            slug=one.slug,
            replaces=one.replaces,
            misfire=_opened(one.misfire) if one.misfire is not UNSET else None,
        )
        for at, one in enumerate(given)
    ]


def _opened(given: MisfireOptions | None) -> dict[str, object] | None:
    return None if given is None else msgspec.to_builtins(given)


def read_changes(given: Sequence[DeploymentScheduleUpdate]) -> list[WantedSchedule]:
    """Schedules that a PATCH of a deployment asks for: what they leave out stays as it is."""
    return [
        WantedSchedule(
            schedule=None
            if one.schedule is UNSET or one.schedule is None
            else _complete(one.schedule, ("schedules", at, "schedule")),
            active=None if one.active is UNSET else one.active,
            max_scheduled_runs=None if one.max_scheduled_runs is UNSET else one.max_scheduled_runs,
            parameters=None if one.parameters is UNSET else one.parameters,
            slug=None if one.slug is UNSET else one.slug,
            replaces=None if one.replaces is UNSET else one.replaces,
            misfire="kept" if one.misfire is UNSET else _opened(one.misfire),
        )
        for at, one in enumerate(given)
    ]


def _complete(given: object, location: Location) -> dict[str, Any]:
    return parse_schedule(given, datetime.now(UTC), location).to_json()


def replace_all(tx: Transaction, deployment_id: str, wanted: Sequence[WantedSchedule]) -> None:
    """Make these the deployment's schedules, with as little change as can be."""
    stored = _read(tx, deployment_id)
    now = tx.now()
    try:
        changes = reconcile(stored, wanted, now, new_id)
    except ValueError as error:
        loc = ["body", "schedules"]
        raise ValidationFailed([{"loc": loc, "msg": str(error), "type": "value_error"}]) from error
    for schedule_id in changes.dropped:
        _drop(tx, deployment_id, schedule_id)
    # Slugs may change places: let go of the old ones before the new ones are taken.
    for one in (*changes.altered, *changes.kept):
        if one not in stored:
            _write(tx, one, slug=None)
    for one in changes.altered:
        drop_planned(tx, deployment_id, one.id)
    for one in (*changes.altered, *changes.kept):
        if one not in stored:
            _write(tx, one, slug=one.slug)
    for one in changes.added:
        _insert(tx, deployment_id, one)
    _copy(tx, deployment_id)


def follow_pause(tx: Transaction, deployment_id: str, *, paused: bool) -> None:
    """What a deployment's pause or resumption means for its planned runs."""
    if paused:
        drop_planned(tx, deployment_id)
        tx.execute(store.FORGET_PLANNED, {"deployment_id": deployment_id})
    else:
        tx.execute(store.LOOK_NOW, {"deployment_id": deployment_id})


def drop_planned(tx: Transaction, deployment_id: str, schedule_id: str | None = None) -> None:
    """Delete the runs that schedules, or one of them, planned and that have not begun."""
    if schedule_id is None:
        tx.execute(store.DELETE_PLANNED, {"deployment_id": deployment_id})
    else:
        pattern = f"{key_prefix(deployment_id, schedule_id)}%"
        params = {"deployment_id": deployment_id, "key_pattern": pattern}
        tx.execute(store.DELETE_PLANNED_BY, params)


def key_prefix(deployment_id: str, schedule_id: str) -> str:
    """How the idempotency keys of a schedule's runs begin; the date follows."""
    return f"scheduled {deployment_id} {schedule_id} "


async def list_schedules(database: Database, deployment_id: str) -> bytes:
    """A deployment's schedules as a JSON list. Raises `ObjectNotFound` (the deployment)."""
    row = await database.fetch_one(deployments.BY_ID, {"deployment_id": deployment_id})
    if row is None:
        raise ObjectNotFound("Deployment not found.")
    return row[deployments.SHAPE.positions["schedules"]].encode()


async def add_schedules(
    database: Database,
    signals: Signals,
    deployment_id: str,
    given: Sequence[DeploymentScheduleCreate],
) -> bytes:
    """New schedules, as a JSON list. Raises `ObjectNotFound`, `ValidationFailed`."""
    wanted = read_wanted(given, location=())

    def work(tx: Transaction) -> bytes:
        _check_deployment(tx, deployment_id)
        added = reconcile((), wanted, tx.now(), new_id).added
        for one in added:
            _insert(tx, deployment_id, one)
        _copy(tx, deployment_id)
        return encode([_answer(deployment_id, one) for one in added])

    try:
        answer = await database.transact(work)
    except UniqueViolation as error:
        message = "The deployment has a schedule with one of these slugs already."
        raise UniqueViolation(message) from error
    except ValueError as error:
        raise ValidationFailed([make_fault("value_error", ("body",), str(error), None)]) from error
    signals.publish("schedules")
    return answer


async def update_schedule(
    database: Database,
    signals: Signals,
    deployment_id: str,
    schedule_id: str,
    body: DeploymentScheduleUpdate,
) -> None:
    """Change what the body names of one schedule. Raises `ObjectNotFound`, `ValidationFailed`."""
    values: dict[str, Any] = {}
    if body.schedule is not UNSET and body.schedule is not None:
        values["schedule"] = _complete(body.schedule, ("schedule",))
    if body.active is not UNSET and body.active is not None:
        values["active"] = body.active
    for name in ("max_scheduled_runs", "parameters", "slug"):
        if getattr(body, name) is not UNSET:
            values[name] = getattr(body, name)
    if body.misfire is not UNSET:
        values["misfire"] = _opened(body.misfire)

    def work(tx: Transaction) -> None:
        stored = _find(tx, deployment_id, schedule_id)
        _write(
            tx, replace(stored, **values, updated=tx.now()), slug=values.get("slug", stored.slug)
        )
        if values.keys() != {"misfire"}:
            drop_planned(tx, deployment_id, schedule_id)
        _copy(tx, deployment_id)

    await database.transact(work)
    signals.publish("schedules")


async def delete_schedule(
    database: Database, signals: Signals, deployment_id: str, schedule_id: str
) -> None:
    """Delete one schedule and the runs it planned. Raises `ObjectNotFound`."""

    def work(tx: Transaction) -> None:
        _find(tx, deployment_id, schedule_id)
        _drop(tx, deployment_id, schedule_id)
        _copy(tx, deployment_id)

    await database.transact(work)
    signals.publish("schedules")


def _check_deployment(tx: Transaction, deployment_id: str) -> None:
    if tx.fetch_one(deployments.EXISTS, {"deployment_id": deployment_id}) is None:
        raise ObjectNotFound("Deployment not found.")


def _find(tx: Transaction, deployment_id: str, schedule_id: str) -> StoredSchedule:
    _check_deployment(tx, deployment_id)
    for stored in _read(tx, deployment_id):
        if stored.id == schedule_id:
            return stored
    raise ObjectNotFound(NOT_FOUND)


def _read(tx: Transaction, deployment_id: str) -> list[StoredSchedule]:
    rows = tx.fetch_all(store.OF_DEPLOYMENT, {"deployment_id": deployment_id})
    return [open_schedule(row) for row in rows]


def open_schedule(row: Sequence[Any]) -> StoredSchedule:
    """The schedule of a row of `store.COLUMNS`."""
    schedule_id, schedule, active, most, parameters, slug, created, updated, misfire = row
    return StoredSchedule(
        id=schedule_id,
        schedule=msgspec.json.decode(schedule),
        active=bool(active),
        max_scheduled_runs=most,
        parameters=msgspec.json.decode(parameters),
        slug=slug,
        created=created,
        updated=updated,
        misfire=None if misfire is None else msgspec.json.decode(misfire),
    )


def open_misfire(stored: Mapping[str, object] | None) -> Misfire | None:
    """What a schedule does about missed times."""
    return None if stored is None else msgspec.convert(stored, MisfireOptions).rule()


def _insert(tx: Transaction, deployment_id: str, one: StoredSchedule) -> None:
    row = {
        "id": one.id,
        "created": one.created,
        "updated": one.updated,
        "deployment_id": deployment_id,
        "schedule": encode(one.schedule).decode(),
        "active": one.active,
        "max_scheduled_runs": one.max_scheduled_runs,
        "parameters": encode(one.parameters).decode(),
        "slug": one.slug,
        "misfire": _stored(one),
    }
    tx.execute(store.INSERT, row)


def _write(tx: Transaction, one: StoredSchedule, *, slug: str | None) -> None:
    params = {
        "schedule_id": one.id,
        "v_schedule": encode(one.schedule).decode(),
        "v_active": one.active,
        "v_max_scheduled_runs": one.max_scheduled_runs,
        "v_parameters": encode(one.parameters).decode(),
        "v_slug": slug,
        "v_misfire": _stored(one),
        "v_updated": one.updated,
    }
    tx.execute(store.UPDATE, params)


def _stored(one: StoredSchedule) -> str | None:
    return None if one.misfire is None else encode(one.misfire).decode()


def _drop(tx: Transaction, deployment_id: str, schedule_id: str) -> None:
    drop_planned(tx, deployment_id, schedule_id)
    tx.execute(store.DELETE, {"schedule_id": schedule_id})


def _copy(tx: Transaction, deployment_id: str) -> None:
    """Rewrite the list that the deployment is answered with, newest first."""
    listed = [_answer(deployment_id, one) for one in reversed(_read(tx, deployment_id))]
    params = {
        "deployment_id": deployment_id,
        "value": encode(listed).decode(),
        "now": tx.now(),
    }
    tx.execute(deployments.SET["schedules"], params)


def _answer(deployment_id: str, one: StoredSchedule) -> dict[str, object]:
    answer: dict[str, object] = {
        "id": one.id,
        "created": one.created,
        "updated": one.updated,
        "deployment_id": deployment_id,
        "schedule": one.schedule,
        "active": one.active,
        "max_scheduled_runs": one.max_scheduled_runs,
        "parameters": one.parameters,
        "slug": one.slug,
    }
    return answer if one.misfire is None else {**answer, "misfire": one.misfire}
