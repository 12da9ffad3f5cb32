"""Background task runs find their way to a task worker.

Each is with one task worker at a time. One that is not acknowledged goes to another at once when the
connection ends. One that was acknowledged stays with its task worker for as long as the connection
lasts; when it ends before the task run has left SCHEDULED, another gets it a while later.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from headrace.core.ids import new_id
from headrace.core.times import later, now_text
from headrace.server.store import task_deliveries as store
from headrace.server.store.database import Database, Transaction
from headrace.server.store.task_runs import SHAPE
from headrace.wire.decode import encode
from headrace.wire.task_worker_channel import SubscribeFrame
from headrace.wire.task_workers import TaskWorkerResponse

ACK_SECONDS: Final = 30.0
"""How long a task worker may take to acknowledge; it does so at once."""

HOLD_SECONDS: Final = 60.0
"""How long an acknowledged task run stays with a task worker that is not heard of any more."""

BEAT_SECONDS: Final = 20.0
"""Between two signs of a connection's life: three fit into `HOLD_SECONDS`."""

SILENT_SECONDS: Final = 90.0
"""A connection without a sign of life for longer is gone: its server stopped without a word."""


class Delivery(NamedTuple):
    """A task run that was taken, as JSON."""

    run_id: str
    text: bytes


async def arrive(database: Database, subscription: SubscribeFrame) -> str:
    """Note a task worker's connection; its id."""
    owner, now = new_id(), now_text()
    keys = encode(subscription.keys).decode()
    await database.apply(
        store.arrive(owner, subscription.client_id, keys, now, later(now, -SILENT_SECONDS))
    )
    return owner


async def take(database: Database, keys: Sequence[str], owner: str) -> Delivery | None:
    """The oldest task run that waits under one of the keys, for this connection; or None."""

    def work(tx: Transaction) -> Delivery | None:
        now = tx.now()
        row = store.take(tx, keys, owner, now, later(now, ACK_SECONDS + BEAT_SECONDS))
        return None if row is None else Delivery(row[SHAPE.positions["id"]], SHAPE.encode(row))

    return await database.transact(work)


async def give_back(database: Database, owner: str, run_id: str) -> None:
    """Let another have a task run that was taken and not acknowledged."""
    await database.apply(store.give_back(owner, run_id))


async def stay(database: Database, owner: str, *, is_holding: bool) -> None:
    """Note that a connection lives; what it holds stays its own."""
    now = now_text()
    unit = list(store.seen(owner, now))
    if is_holding:
        unit += store.hold(owner, later(now, HOLD_SECONDS))
    await database.apply(unit)


async def leave(database: Database, owner: str) -> None:
    """Forget a connection that has ended."""
    await database.apply(store.leave(owner))


async def list_workers(database: Database, keys: Sequence[str]) -> list[TaskWorkerResponse]:
    """Task workers that are there, one for each name; of `keys`, where given, they run some."""
    since = later(now_text(), -SILENT_SECONDS)
    found: dict[str, TaskWorkerResponse] = {}
    for identifier, task_keys, timestamp in await database.fetch_all(
        store.PRESENT, {"silent_since": since}
    ):
        served = msgspec.json.decode(task_keys, type=list[str])
        if keys and not set(keys) & set(served):
            continue
        known = found.get(identifier)
        if known is not None:
            served = list(dict.fromkeys([*known.task_keys, *served]))
        found[identifier] = msgspec.convert(
            {"identifier": identifier, "task_keys": served, "timestamp": timestamp},
            TaskWorkerResponse,
        )
    return list(found.values())
