"""Why a run is not running: read at the moment somebody asks."""

from datetime import datetime
from uuid import UUID

from headrace.core.admission import Admitted, Blocked, Slots
from headrace.core.states import AWAITING_CONCURRENCY_SLOT
from headrace.core.times import later, now_text, to_datetime
from headrace.errors import ObjectNotFound
from headrace.server.services.admission import Candidate, live_slots
from headrace.server.store import wait_reasons as sql
from headrace.server.store.claims import CANDIDATE
from headrace.server.store.database import Database
from headrace.wire.claims import SlotHolder, WaitReason

UNSERVED_SECONDS = 60.0
"""Seconds without a poll after which nobody is taken to be there: twice the longest poll."""


async def explain(database: Database, run_id: str) -> WaitReason:
    """What keeps a run. Raises `ObjectNotFound`."""
    row = await database.fetch_one(CANDIDATE, {"id": run_id})
    if row is None:
        raise ObjectNotFound("Flow run not found")
    candidate = Candidate.of_row(row)
    state = candidate.run.facts().state
    if state is None or state.type != "SCHEDULED":
        return _explain_state(
            "" if state is None else state.type, "" if state is None else state.name
        )
    if candidate.run.lease_owner is not None:
        message = "Its own process waits for the time of the next attempt."
        return WaitReason(kind="retry_in_process", message=message, until=_moment(candidate.due))
    is_due = candidate.due is None or candidate.due <= now_text()
    if is_due or state.name == AWAITING_CONCURRENCY_SLOT:
        resources = candidate.resources()
        verdict: Admitted | Blocked = Slots(await live_slots(database, resources)).admit(resources)
        if isinstance(verdict, Blocked):
            return await _explain_refusal(database, verdict)
    if not is_due:
        message = f"It is scheduled for {candidate.due}."
        return WaitReason(kind="scheduled_for", message=message, until=_moment(candidate.due))
    return await _explain_waiting(database, candidate)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else to_datetime(text)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)


def _explain_state(state_type: str, name: str) -> WaitReason:
    if state_type == "PAUSED":
        return WaitReason(kind="paused", message=f"It is {name.lower()} until somebody resumes it.")
    return WaitReason(
        kind="not_waiting", message=f"It does not wait: it is {name or 'without a state'}."
    )


async def _explain_refusal(database: Database, refusal: Blocked) -> WaitReason:
    resource = refusal.resource
    holders: list[SlotHolder] = []
    if refusal.used is not None:
        rows = await database.fetch_all(sql.HOLDERS[resource.kind], {"id": resource.id})
        holders = [
            SlotHolder(flow_run_id=id_, name=name, state_name=state) for id_, name, state in rows
        ]
    return WaitReason(
        kind=refusal.kind,
        message=refusal.sentence,
        limit=resource.limit if refusal.used is not None else None,
        used=refusal.used,
        holders=holders,
        resource_id=UUID(resource.id),
        resource_name=resource.name,
    )


async def _explain_waiting(database: Database, candidate: Candidate) -> WaitReason:
    """Nothing refuses it: is there anybody to take it?"""
    run = candidate.run
    heard_since = later(now_text(), -UNSERVED_SECONDS)
    if run.work_queue_id is not None:
        row = await database.fetch_one(
            sql.QUEUE_IS_SERVED, {"queue": run.work_queue_id, "since": heard_since}
        )
        if row is None:
            message = (
                f"No online worker takes from queue {run.work_queue_name!r} of work pool "
                f"{run.work_pool_name!r}: start one with "
                f"`headrace worker start --pool {run.work_pool_name}`."
            )
            return WaitReason(
                kind="no_worker_online",
                message=message,
                resource_id=_id(run.work_pool_id),
                resource_name=run.work_pool_name,
            )
    elif run.deployment_id is not None:
        row = await database.fetch_one(
            sql.DEPLOYMENT_IS_SERVED, {"deployment": run.deployment_id, "since": heard_since}
        )
        if row is None:
            message = f"No process serves deployment {run.deployment_name!r}: start its `.serve()`."
            return WaitReason(
                kind="not_served",
                message=message,
                resource_id=UUID(run.deployment_id),
                resource_name=run.deployment_name,
            )
    else:
        message = "It has no deployment and no queue: only the process that made it can run it."
        return WaitReason(kind="not_served", message=message)
    return WaitReason(
        kind="ready", message="It is due and may start: whoever claims next takes it."
    )
