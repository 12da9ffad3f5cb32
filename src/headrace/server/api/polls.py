"""HTTP of polls: how the contract's workers and runners find runs to propose PENDING for."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from headrace.core.times import to_text
from headrace.server.api.lists import choose_limit
from headrace.server.api.operations import Answer, Call, Operations
from headrace.server.api.waiting import CallerGone, until_closing, wait_for_caller
from headrace.server.services.container import Services
from headrace.server.services.opening import Opened, note, open_pool, open_served
from headrace.server.services.polls import HOLD_SECONDS, WAITING_WINDOW_SECONDS, Poll
from headrace.server.services.work_queues import read_queue_place
from headrace.server.store import polls as sql
from headrace.server.store.database import Row
from headrace.wire.decode import encode
from headrace.wire.deployments import GetScheduledFlowRunsForDeploymentsBody
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.work_pools import GetScheduledFlowRunsBody, WorkerFlowRunResponse
from headrace.wire.work_queues import ReadWorkQueueRunsBody

operations = Operations("polls")

Moment = datetime | UnsetType


class _WorkerFlowRun(msgspec.Struct):
    work_pool_id: str
    work_queue_id: str
    flow_run: msgspec.Struct


@operations.post(
    "/work_pools/{name}/get_scheduled_flow_runs",
    GetScheduledFlowRunsBody,
    returns=list[WorkerFlowRunResponse],
)
async def poll_pool(call: Call[GetScheduledFlowRunsBody]) -> bytes | Answer:
    """Show the runs of a pool's queues that could start, in waterfall order."""
    services, body = call.services, call.body
    poll = _make_poll(services, body.limit, body.scheduled_before, body.scheduled_after)
    opened = await open_pool(services, call.path["name"], body.work_queue_names)
    rows = await _run(call, opened, poll)
    if rows is None:
        return Answer(499)
    return encode([_WorkerFlowRun(row[1], row[0], sql.fill_run(row)) for row in rows])


@operations.post(
    "/deployments/get_scheduled_flow_runs",
    GetScheduledFlowRunsForDeploymentsBody,
    returns=list[FlowRunResponse],
)
async def poll_deployments(call: Call[GetScheduledFlowRunsForDeploymentsBody]) -> bytes | Answer:
    """Show the runs of served deployments that could start."""
    services, body = call.services, call.body
    poll = _make_poll(services, body.limit, body.scheduled_before)
    opened = await open_served(services, [str(one) for one in body.deployment_ids])
    rows = await _run(call, opened, poll)
    return Answer(499) if rows is None else sql.encode_runs(rows)


@operations.post(
    "/work_queues/{id:uuid}/get_runs", ReadWorkQueueRunsBody, returns=list[FlowRunResponse]
)
async def poll_queue(call: Call[ReadWorkQueueRunsBody]) -> bytes:
    """Show the runs of one queue that could start."""
    services, body = call.services, call.body
    queue = await read_queue_place(services.database, call.path["id"])
    poll = _make_poll(services, body.limit, body.scheduled_before)
    opened = await open_pool(services, queue.pool, [queue.name])
    rows = await services.polls.show(opened.look, poll)
    return sql.encode_runs(rows)


def _make_poll(
    services: Services, limit: int | UnsetType, before: Moment, after: Moment = UNSET
) -> Poll:
    """What a body asks for. Only who looks a little ahead waits for work: the rest is a preview."""
    chosen = choose_limit(services.config, limit)
    since = sql.EARLIEST if after is UNSET else to_text(after)
    if before is UNSET:
        return Poll(chosen, after=since)
    ahead = (before - datetime.now(UTC)).total_seconds()
    waits = 0 <= ahead <= WAITING_WINDOW_SECONDS and after is UNSET
    return Poll(chosen, to_text(before), since, ahead if waits else None)


async def _run(call: Call[Any], opened: Opened, poll: Poll) -> list[Row] | None:
    """The rows that a poll is answered with; None when the caller has gone."""
    services = call.services
    if poll.window is None:
        return await services.polls.show(opened.look, poll)
    until = asyncio.ensure_future(until_closing(services.signals, HOLD_SECONDS))
    try:
        work = services.polls.poll(opened.source, opened.look, poll, until)
        rows = await wait_for_caller(call, work)
    except CallerGone:
        return None
    finally:
        until.cancel()
    # It may have been here for half a minute: so long it was polled.
    await note(services, opened)
    return rows
