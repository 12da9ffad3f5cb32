"""SQL of task runs on their way to a task worker."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, update

from headrace.server.store.database import Row, Statement, Transaction, Unit, Write
from headrace.server.store.schema import Timestamp, task_delivery, task_run, task_worker
from headrace.server.store.task_runs import SHAPE

_now: Final = bindparam("now", type_=Timestamp())

_INSERT: Final = Statement(insert(task_delivery))
_FIRST: Final = Statement(
    select(task_delivery.c.task_run_id)
    .where(task_delivery.c.task_key.in_(bindparam("keys", expanding=True)))
    .where(or_(task_delivery.c.expires.is_(None), task_delivery.c.expires < _now))
    .order_by(task_delivery.c.created, task_delivery.c.task_run_id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_WAITING: Final = Statement(
    SHAPE.select.where(task_run.c.id == bindparam("run_id"), task_run.c.state_type == "SCHEDULED")
)
_FORGET: Final = Statement(
    delete(task_delivery).where(task_delivery.c.task_run_id == bindparam("run_id"))
)
_GIVE: Final = Statement(
    update(task_delivery)
    .where(task_delivery.c.task_run_id == bindparam("run_id"))
    .values(owner=bindparam("new_owner"), expires=bindparam("new_expires"))
)
_of_owner = task_delivery.c.owner == bindparam("key")
_GIVE_BACK: Final = Statement(
    update(task_delivery)
    .where(_of_owner, task_delivery.c.task_run_id == bindparam("run_id"))
    .values(owner=None, expires=None)
)
_FORGET_STARTED: Final = Statement(
    delete(task_delivery).where(
        _of_owner,
        task_delivery.c.task_run_id.in_(
            select(task_run.c.id).where(task_run.c.state_type != "SCHEDULED")
        ),
    )
)
_EXTEND: Final = Statement(
    update(task_delivery).where(_of_owner).values(expires=bindparam("new_expires"))
)

_ARRIVE: Final = Statement(insert(task_worker))
_SEEN: Final = Statement(
    update(task_worker).where(task_worker.c.id == bindparam("key")).values(timestamp=_now)
)
_LEAVE: Final = Statement(delete(task_worker).where(task_worker.c.id == bindparam("key")))
_FORGET_SILENT: Final = Statement(
    delete(task_worker).where(task_worker.c.timestamp < bindparam("silent_since"))
)
PRESENT: Final = Statement(
    select(task_worker.c.identifier, task_worker.c.task_keys, task_worker.c.timestamp)
    .where(task_worker.c.timestamp >= bindparam("silent_since"))
    .order_by(task_worker.c.id)
)

# Rows whose task run has started that one look passes over: more are left to the next look.
_PASSED_OVER = 50


def enqueue(run_id: str, task_key: str, now: str) -> Write:
    """The write that puts a task run on its way."""
    return Write(
        _INSERT,
        {
            "task_run_id": run_id,
            "task_key": task_key,
            "created": now,
            "owner": None,
            "expires": None,
        },
    )


def take(tx: Transaction, keys: Sequence[str], owner: str, now: str, expires: str) -> Row | None:
    """The oldest task run that waits under one of the keys, now with this owner; a row of `SHAPE`."""
    for _ in range(_PASSED_OVER):
        found = tx.fetch_one(_FIRST, {"keys": list(keys), "now": now})
        if found is None:
            return None
        row = tx.fetch_one(_WAITING, {"run_id": found[0]})
        if row is not None:
            tx.execute(_GIVE, {"run_id": found[0], "new_owner": owner, "new_expires": expires})
            return row
        tx.execute(_FORGET, {"run_id": found[0]})
    return None


def give_back(owner: str, run_id: str) -> Unit:
    """The unit that lets another have a task run, where the owner still has it."""
    return [Write(_GIVE_BACK, {"key": owner, "run_id": run_id})]


def hold(owner: str, expires: str) -> Unit:
    """The unit by which an owner keeps what it has not started yet."""
    return [
        Write(_FORGET_STARTED, {"key": owner}),
        Write(_EXTEND, {"key": owner, "new_expires": expires}),
    ]


def arrive(owner: str, identifier: str, task_keys: str, now: str, silent_since: str) -> Unit:
    """The unit that notes a task worker, and forgets those that went without a word."""
    worker = {"id": owner, "identifier": identifier, "task_keys": task_keys, "timestamp": now}
    return [Write(_FORGET_SILENT, {"silent_since": silent_since}), Write(_ARRIVE, worker)]


def seen(owner: str, now: str) -> Unit:
    """The unit that notes that a task worker is there."""
    return [Write(_SEEN, {"key": owner, "now": now})]


def leave(owner: str) -> Unit:
    """The unit that forgets a task worker. What it had not started stays its own until it expires."""
    return [Write(_FORGET_STARTED, {"key": owner}), Write(_LEAVE, {"key": owner})]
