"""Deployments: what their operations mean. Runs of them are made by `deployment_runs`."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec import UNSET

from headrace.core.ids import new_id
from headrace.core.parameters import check_schema, find_parameter_faults
from headrace.core.sdks import tell_sdk
from headrace.core.times import now_text
from headrace.errors import (
    ForeignKeyViolation,
    ObjectNotFound,
    ValidationFailed,
)
from headrace.server.services import deployment_schedules as schedules
from headrace.server.services.deployment_targets import (
    Client,
    Queue,
    check_job_variables,
    find_queue,
)
from headrace.server.services.signals import Signals
from headrace.server.store import concurrency_limits as limit_sql
from headrace.server.store import deployments as store
from headrace.server.store import work_events as events
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.object_events import (
    CREATED,
    DELETED,
    INSERT_EVENT,
    UPDATED,
    changes,
)
from headrace.wire.decode import encode
from headrace.wire.deployments import DeploymentCreate, DeploymentUpdate
from headrace.wire.faults import make_fault

_UNSAFE_IN_NAMES = "/%&><"
"""Names stand in paths and in `flow/deployment`, as those of pools do."""

NOT_FOUND = "Deployment not found"


async def create_deployment(
    database: Database, signals: Signals, body: DeploymentCreate, client: Client
) -> tuple[Row, bool]:
    """The deployment of this flow and name, made or brought up to date; and whether it was made.

    A redeployment leaves paused schedules paused, and a paused deployment of a pool as well; runs
    that are planned stay unless their schedule changed. A deployment without a pool is served by the
    process that sends this: it is paused or not as that says.

    Raises `ForeignKeyViolation` (no such flow), `ObjectNotFound` (no such pool), `ValidationFailed`.
    """
    _check_name(body.name)
    await _check_limit(database, body)
    _check_parameters(
        body.parameter_openapi_schema, body.parameters, enforce=body.enforce_parameter_schema
    )
    wanted = schedules.read_wanted(body.schedules)
    queue = await find_queue(database, signals, body.work_pool_name, body.work_queue_name)
    if queue is not None:
        check_job_variables(queue.template, body.job_variables, client)
    flow_id = str(body.flow_id)
    values = _values_of(body, client)
    key = {"flow_id": flow_id, "deployment_name": body.name}

    def work(tx: Transaction) -> tuple[str, bool]:
        tx.lock(f"deployment:{flow_id}:{body.name}")
        flow = tx.fetch_one(store.FLOW_LABELS, {"flow_id": flow_id})
        if flow is None:
            message = f"There is no flow with id {flow_id}; create the flow first."
            raise ForeignKeyViolation(message)
        values["labels"] = _labels(flow[0], body)
        found = tx.fetch_one(store.FOR_UPSERT, key)
        before = None if found is None else events.read_deployment(tx, found[0])
        if found is None:
            deployment_id = _insert(tx, body, values, queue)
        else:
            deployment_id = found[0]
            _bring_up_to_date(tx, found, values, queue)
        schedules.replace_all(tx, deployment_id, wanted)
        _tell(tx, deployment_id, before)
        return deployment_id, found is None

    deployment_id, created = await database.transact(work)
    signals.publish(f"deployment:{deployment_id}", "schedules", "events")
    return await read_deployment(database, deployment_id), created


async def read_deployment(database: Database, deployment_id: str) -> Row:
    """One deployment, as a row of `store.SHAPE`. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_ID, {"deployment_id": deployment_id})
    if row is None:
        raise ObjectNotFound(NOT_FOUND)
    return row


async def read_deployment_by_name(database: Database, flow: str, name: str) -> Row:
    """One deployment by its flow's name and its own. Raises `ObjectNotFound`."""
    row = await database.fetch_one(store.BY_NAME, {"flow_name": flow, "deployment_name": name})
    if row is None:
        raise ObjectNotFound(NOT_FOUND)
    return row


async def update_deployment(
    database: Database,
    signals: Signals,
    deployment_id: str,
    body: DeploymentUpdate,
    client: Client,
) -> None:
    """Change what the body names. Raises as `create_deployment` does."""
    row = await read_deployment(database, deployment_id)
    await _check_limit(database, body)
    values = _changed_values(body)
    wanted = None if body.schedules is UNSET else schedules.read_changes(body.schedules)
    queue = await _changed_queue(database, signals, row, body)
    if queue is not None:
        values["work_queue_id"], values["work_queue_name"] = queue.id, queue.name
        check_job_variables(queue.template, _given(body.job_variables, {}), client)
    _check_parameters(
        _given(body.parameter_openapi_schema, _open(row, "parameter_openapi_schema")),
        _given(body.parameters, _open(row, "parameters")),
        enforce=bool(_given(body.enforce_parameter_schema, _of(row, "enforce_parameter_schema"))),
    )

    def work(tx: Transaction) -> None:
        before = events.read_deployment(tx, deployment_id)
        _set(tx, deployment_id, values)
        if wanted is not None:
            schedules.replace_all(tx, deployment_id, wanted)
        if body.paused is not UNSET:
            schedules.follow_pause(tx, deployment_id, paused=body.paused)
        _tell(tx, deployment_id, before)

    await database.transact(work)
    signals.publish(f"deployment:{deployment_id}", "schedules", "events")


async def set_concurrency_limit(database: Database, deployment_id: str, limit: int | None) -> None:
    """Limit the live runs of a deployment, or stop limiting them."""

    def work(tx: Transaction) -> None:
        _set(tx, deployment_id, {"concurrency_limit": limit})

    await database.transact(work)


async def set_paused(
    database: Database, signals: Signals, deployment_id: str, *, paused: bool
) -> None:
    """Pause: planned runs go and none are planned. Resume: they come back. `ObjectNotFound`."""

    def work(tx: Transaction) -> None:
        _set(tx, deployment_id, {"paused": paused})
        schedules.follow_pause(tx, deployment_id, paused=paused)

    await database.transact(work)
    signals.publish(f"deployment:{deployment_id}", "schedules")


async def delete_deployment(database: Database, signals: Signals, deployment_id: str) -> None:
    """Delete a deployment with its schedules and the runs they planned. Raises `ObjectNotFound`.

    Runs that began, or that a person asked for, stay without a deployment.
    """

    def work(tx: Transaction) -> None:
        schedules.drop_planned(tx, deployment_id)
        row = events.read_deployment(tx, deployment_id)
        if row is None or tx.execute(store.DELETE, {"deployment_id": deployment_id}) != 1:
            raise ObjectNotFound(NOT_FOUND)
        tx.execute(INSERT_EVENT, events.of_deployment(DELETED, row, tx.now()))

    await database.transact(work)
    signals.publish(f"deployment:{deployment_id}", "schedules", "events")


def _tell(tx: Transaction, deployment_id: str, before: Row | None) -> None:
    """The event of a deployment that is new, or of what else it is now."""
    after = events.read_deployment(tx, deployment_id)
    if after is None:
        return
    if before is None:
        tx.execute(INSERT_EVENT, events.of_deployment(CREATED, after, tx.now()))
        return
    payload = changes(events.fields_of(before), events.fields_of(after))
    if payload is not None:
        tx.execute(INSERT_EVENT, events.of_deployment(UPDATED, after, tx.now(), payload))


def _check_name(name: str) -> None:
    if not name or any(character in _UNSAFE_IN_NAMES for character in name):
        message = f"a deployment's name is not empty and has none of {_UNSAFE_IN_NAMES}"
        raise ValidationFailed([make_fault("value_error", ("body", "name"), message, name)])


async def _check_limit(database: Database, body: DeploymentCreate | DeploymentUpdate) -> None:
    """Refuse two limits, or one that is not there."""
    own, shared = body.concurrency_limit, body.global_concurrency_limit_id
    if shared is UNSET or shared is None:
        return
    if own is not UNSET and own is not None:
        message = (
            f"a deployment has one limit: either concurrency_limit ({own}) or"
            f" global_concurrency_limit_id ({shared})"
        )
        raise ValidationFailed([make_fault("value_error", ("body",), message, {})])
    if not await database.fetch_one(limit_sql.BY_ID, {"key": str(shared), "now": now_text()}):
        raise ObjectNotFound(f"There is no concurrency limit with id {shared}.")


def _check_parameters(
    schema: Mapping[str, object] | None, parameters: Mapping[str, object] | None, *, enforce: bool
) -> None:
    if not schema:
        return
    try:
        check_schema(schema)
    except ValueError as error:
        loc = ("body", "parameter_openapi_schema")
        raise ValidationFailed([make_fault("value_error", loc, str(error), schema)]) from error
    faults = find_parameter_faults(schema, parameters or {}, complete=False) if enforce else []
    if faults:
        raise ValidationFailed(
            [
                make_fault(
                    "value_error",
                    ("body", "parameters", *fault.path),
                    f"parameter {fault.field!r}: {fault.message}",
                    parameters,
                )
                for fault in faults
            ]
        )


def _text(value: object) -> str:
    return encode(value).decode()


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _values_of(body: DeploymentCreate, client: Client) -> dict[str, object]:
    """Columns that a deployment takes from a body, whether it is new or not."""
    version = body.version or (body.version_info.version if body.version_info else None)
    return {
        "concurrency_limit": body.concurrency_limit,
        "concurrency_options": _text_or_none(body.concurrency_options),
        "description": body.description,
        "enforce_parameter_schema": body.enforce_parameter_schema,
        "entrypoint": body.entrypoint,
        "infrastructure_document_id": _id_or_none(body.infrastructure_document_id),
        "job_variables": _text(body.job_variables),
        "parameter_openapi_schema": _text(body.parameter_openapi_schema or {}),
        "parameters": _text(body.parameters),
        "path": body.path,
        "paused": body.paused,
        "pull_steps": _text(body.pull_steps or []),
        "sdk": tell_sdk(client.user_agent, body.pull_steps or [], client.sdk).value,
        "shared_limit_id": _id_or_none(body.global_concurrency_limit_id),
        "storage_document_id": _id_or_none(body.storage_document_id),
        "tags": _text(body.tags),
        "version": version,
        "version_info": _text_or_none(body.version_info),
        "work_queue_name": body.work_queue_name,
    }


def _labels(of_flow: str, body: DeploymentCreate) -> str:
    """The flow's labels, where the deployment comes from, and the given ones; as JSON."""
    inherited: dict[str, object] = msgspec.json.decode(of_flow)
    return _text(inherited | {"prefect.flow.id": str(body.flow_id)} | dict(body.labels or {}))


def _id_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _insert(
    tx: Transaction, body: DeploymentCreate, values: dict[str, object], queue: Queue | None
) -> str:
    deployment_id, now = new_id(), tx.now()
    row = values | {
        "id": deployment_id,
        "created": now,
        "updated": now,
        "flow_id": str(body.flow_id),
        "name": body.name,
        "work_queue_id": queue.id if queue else None,
        "work_queue_name": queue.name if queue else body.work_queue_name,
        "schedules": "[]",
    }
    tx.execute(store.INSERT, row)
    return deployment_id


def _bring_up_to_date(
    tx: Transaction, found: Row, values: dict[str, object], queue: Queue | None
) -> None:
    deployment_id, was_paused, pool_name = found
    values = dict(values)
    if queue is not None:
        values["work_queue_id"], values["work_queue_name"] = queue.id, queue.name
    elif pool_name is not None:  # no pool is named: it keeps the one it has, and the queue
        del values["work_queue_name"]
    if queue is not None or pool_name is not None:
        values["paused"] = was_paused or values["paused"]
    _set(tx, deployment_id, values)
    if bool(values["paused"]) != was_paused:
        schedules.follow_pause(tx, deployment_id, paused=bool(values["paused"]))


def _set(tx: Transaction, deployment_id: str, values: Mapping[str, object]) -> None:
    now = tx.now()
    if tx.execute(store.TOUCH, {"deployment_id": deployment_id, "now": now}) != 1:
        raise ObjectNotFound(NOT_FOUND)
    for column, value in values.items():
        params = {"deployment_id": deployment_id, "value": value, "now": now}
        tx.execute(store.SET[column], params)


def _given(value: Any, otherwise: Any) -> Any:
    return otherwise if value is UNSET or value is None else value


def _of(row: Row, name: str) -> Any:
    return row[store.SHAPE.positions[name]]


def _open(row: Row, name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.json.decode(_of(row, name) or "{}"))


_JSON_DEFAULTS: dict[str, object] = {
    "job_variables": {},
    "parameter_openapi_schema": {},
    "parameters": {},
    "pull_steps": [],
    "tags": [],
}
_JSON_OR_NULL = ("concurrency_options", "version_info")
_PLAIN = ("concurrency_limit", "description", "entrypoint", "path", "version")
_FLAGS = ("enforce_parameter_schema", "paused")
_IDS = ("infrastructure_document_id", "storage_document_id")


def _changed_values(body: DeploymentUpdate) -> dict[str, object]:
    """Columns that a PATCH names; null clears."""
    values: dict[str, object] = {}
    named = {name: getattr(body, name) for name in body.__struct_fields__}
    for name, value in named.items():
        if value is UNSET:
            continue
        if name in _JSON_DEFAULTS:
            values[name] = _text(_JSON_DEFAULTS[name] if value is None else value)
        elif name in _JSON_OR_NULL:
            values[name] = _text_or_none(value)
        elif name in _PLAIN or (name in _FLAGS and value is not None):
            values[name] = value
        elif name in _IDS:
            values[name] = _id_or_none(value)
    if body.global_concurrency_limit_id is not UNSET:
        values["shared_limit_id"] = _id_or_none(body.global_concurrency_limit_id)
    if values.get("shared_limit_id") is not None:
        values["concurrency_limit"] = None
    elif values.get("concurrency_limit") is not None:
        values["shared_limit_id"] = None
    return values


async def _changed_queue(
    database: Database, signals: Signals, row: Row, body: DeploymentUpdate
) -> Queue | None:
    """The queue that a PATCH moves a deployment to, or keeps it in; none where it has no pool."""
    pool = _given(body.work_pool_name, _of(row, "work_pool_name"))
    moved = body.work_pool_name not in {UNSET, None, _of(row, "work_pool_name")}
    kept = None if moved else _of(row, "work_queue_name")
    return await find_queue(database, signals, pool, _given(body.work_queue_name, kept))
