"""Where a deployment's runs go: its pool's queue, and the variables that the pool's template takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.core.sdks import Sdk, tell_sdk
from headrace.core.short_texts import TEMPLATE, remember_short
from headrace.core.templates import Layer, check_variables, find_unknown
from headrace.errors import ObjectNotFound, Unprocessable, ValidationFailed
from headrace.server.services.signals import Signals
from headrace.server.services.work_queues import ensure_queues
from headrace.server.store import deployments as store
from headrace.server.store.database import Database
from headrace.wire.faults import make_fault


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends a request, as far as deployments care.

    Args:
        user_agent: How it names itself; tells which SDK a deployment is made with.
        strict: Whether variables that the pool's template does not have are refused. The contract's
            clients may send them.
        sdk: What it says the flow is made with.
    """

    user_agent: str | None = None
    strict: bool = True
    sdk: str | None = None

    @classmethod
    def of(cls, user_agent: str | None, sdk: str | None = None) -> "Client":
        """The client that names itself so, and says that about the flow's SDK."""
        return cls(user_agent, strict=tell_sdk(user_agent, said=sdk) is not Sdk.PREFECT, sdk=sdk)


@dataclass(frozen=True, slots=True)
class Queue:
    """The queue that a deployment's runs go to."""

    id: str
    name: str
    pool_name: str
    template: str


async def find_queue(
    database: Database, signals: Signals, pool: str | None, queue: str | None
) -> Queue | None:
    """The queue of a pool, made when the pool has none of this name. `ObjectNotFound`: the pool."""
    if pool is None:
        return None
    found = await _read_queue(database, pool, queue)
    if isinstance(found, Queue):
        return found
    await ensure_queues(database, signals, found, [str(queue)])
    made = await _read_queue(database, pool, queue)
    if not isinstance(made, Queue):
        raise ObjectNotFound(f'Work pool "{pool}" has no queue "{queue}".')
    return made


async def _read_queue(database: Database, pool: str, queue: str | None) -> Queue | str:
    """The queue, or the id of the pool that does not have it."""
    rows = await database.fetch_all(store.QUEUES, {"pool_name": pool})
    for _, pool_name, template, queue_id, queue_name, default_id in rows:
        if queue_name == queue or (queue is None and queue_id == default_id):
            return Queue(queue_id, queue_name, pool_name, template)
    if not rows:
        message = f'Work pool "{pool}" not found; create it, or name one that exists.'
        raise ObjectNotFound(message)
    return rows[0][0]


def check_job_variables(
    template: str, variables: Mapping[str, object] | None, client: Client
) -> None:
    """Refuse values that the pool's template does not allow; a run may add what is required."""
    if not variables:
        return
    layers = [Layer("deployment", variables)]
    opened = open_template(template)
    check_values(opened, layers, client, complete=False)
    refuse_unknown(opened, layers, client)


def check_values(
    template: Mapping[str, Any], layers: list[Layer], client: Client, *, complete: bool
) -> None:
    """Refuse values that a pool's template does not allow.

    Raises `ValidationFailed` that names the fields; to the contract's clients, which show people one
    sentence and nothing of the fields, `Unprocessable`.
    """
    try:
        check_variables(template, layers, complete=complete)
    except ValidationFailed as error:
        if client.strict:
            raise
        raise Unprocessable("; ".join(str(one.get("msg")) for one in error.errors)) from error


def refuse_unknown(template: Mapping[str, Any], layers: list[Layer], client: Client) -> None:
    """Refuse variables that a pool's template does not have, naming all. Raises `ValidationFailed`."""
    if not client.strict or not template:
        return
    unknown = find_unknown(template, layers)
    if unknown:
        known = ", ".join(sorted(template.get("variables", {}).get("properties", {})))
        raise ValidationFailed(
            [
                make_fault(
                    "extra_forbidden",
                    ("body", "job_variables", variable),
                    f"the work pool's template has no variable {variable!r} "
                    f"(given by the {giver}); it has: {known}",
                    None,
                )
                for giver, _, variable in (name.partition(": ") for name in unknown)
            ]
        )


@remember_short(64, TEMPLATE)
def open_template(text: str) -> dict[str, Any]:
    """A pool's base job template, read once."""
    return msgspec.json.decode(text, type=dict[str, Any])
