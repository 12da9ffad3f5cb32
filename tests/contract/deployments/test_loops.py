"""Loops on runs and deployments: late, paused too long, cancelled, unasked for, too old."""

from datetime import UTC, datetime, timedelta

import pytest
from deployments_world import NOW

from headrace.core.ids import new_id
from headrace.core.times import to_text
from headrace.server.services.loops.cancellation import CancellationLoop
from headrace.server.services.loops.deployment_status import DeploymentStatusLoop
from headrace.server.services.loops.lateness import LatenessLoop
from headrace.server.services.loops.pause_expiry import PauseExpiryLoop
from headrace.server.services.loops.retention import RetentionLoop
from headrace.server.store.schema import (
    deployment,
    event,
    flow_run,
    flow_run_input,
    flow_run_state,
    flow_run_tag,
    log,
    task_run,
    task_run_state,
)


def at(**delta):
    return to_text(NOW + timedelta(**delta))


async def scheduled(world, made, when):
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": when}}
    return await world.run(made, state=state)


async def test_late(world):
    """A run is late 15 s after its time, keeps its time and its type, and is marked once."""
    made = await world.deploy()
    late = [await scheduled(world, made, at(seconds=-60)) for _ in range(3)]
    soon = await scheduled(world, made, at(seconds=-10))
    loop = LatenessLoop(world.database, world.signals, page=2)
    assert await loop.run_once(NOW) == loop.breath
    assert await loop.run_once(NOW) is None
    for run_id in late:
        row = await world.one(flow_run, id=run_id)
        assert (row["state_type"], row["state_name"]) == ("SCHEDULED", "Late")
        assert row["next_scheduled_start_time"] == at(seconds=-60)
    assert (await world.one(flow_run, id=soon))["state_name"] == "Scheduled"
    before = await world.count(event)
    assert await loop.run_once(NOW) is None
    assert await world.count(event) == before
    assert len(await world.rows(event, event="prefect.flow-run.Late")) == 3


async def test_pauses(world):
    """A pause ends in failure when its time is over; others go on."""
    made = await world.deploy()
    over, waiting, endless = [await world.run(made) for _ in range(3)]
    await world.move(over, "PAUSED", pause_timeout=at(seconds=-1), pause_reschedule=True)
    await world.move(waiting, "PAUSED", pause_timeout=at(seconds=30))
    await world.move(endless, "PAUSED")
    loop = PauseExpiryLoop(world.database, world.signals, page=2)
    assert await loop.run_once(NOW) is None
    row = await world.one(flow_run, id=over)
    assert (row["state_type"], "nobody resumed" in row["state"]) == ("FAILED", True)
    for run_id in (waiting, endless):
        assert (await world.one(flow_run, id=run_id))["state_type"] == "PAUSED"


async def test_deployments_that_nobody_polls(world):
    """Not ready a minute after the last poll, with an event; then nothing is written."""
    quiet, polled = await world.deploy("quiet"), await world.deploy("polled")
    for made, seconds in ((quiet, -61), (polled, -59)):
        await world.change(deployment, made["id"], status="READY", last_polled=at(seconds=seconds))
    loop = DeploymentStatusLoop(world.database, world.signals)
    await loop.run_once(NOW)
    await loop.run_once(NOW)
    assert (await world.one(deployment, id=quiet["id"]))["status"] == "NOT_READY"
    assert (await world.one(deployment, id=polled["id"]))["status"] == "READY"
    told = await world.one(event, event="prefect.deployment.not-ready")
    assert told["resource_id"] == f"prefect.deployment.{quiet['id']}"


def task_row(run_id, kind="RUNNING", **fields):
    return {
        "id": new_id(), "created": at(), "updated": at(), "name": "t", "flow_run_id": run_id,
        "task_key": "k", "dynamic_key": new_id(), "state_type": kind, "state_name": kind.title(),
        "end_time": None,
    } | fields  # fmt: skip


async def test_leftovers_of_a_cancelled_run(world):
    """Its task runs and sub-flows do not stay open; a sub-flow with a process is asked to stop."""
    made = await world.deploy()
    parent = await world.run(made)
    tasks = [task_row(parent), task_row(parent, "COMPLETED"), task_row(parent), task_row(parent)]
    await world.insert(task_run, *tasks)
    own = await world.run(made, parent_task_run_id=tasks[2]["id"])
    inside = await world.run(made, parent_task_run_id=tasks[3]["id"])
    await world.change(flow_run, inside, deployment_id=None)
    for child in (own, inside):
        await world.move(child, "RUNNING")
    loop = CancellationLoop(world.database, world.signals)
    now = NOW - timedelta(days=400)  # the rows above are of the present
    assert await loop.run_once(now) is None
    await world.move(parent, "CANCELLED")
    await loop.run_once(now)
    kinds = {row["id"]: row["state_type"] for row in await world.rows(task_run)}
    assert kinds[tasks[0]["id"]] == "CANCELLED"
    assert kinds[tasks[1]["id"]] == "COMPLETED"
    assert (await world.one(flow_run, id=own))["state_type"] == "CANCELLING"
    assert (await world.one(flow_run, id=inside))["state_type"] == "CANCELLED"


@pytest.mark.parametrize("kind", ["COMPLETED", "FAILED", "CRASHED"])
async def test_leftovers_of_a_run_that_is_over(world, kind):
    """Once the last reports have had their time: crashed as of when they were last heard of."""
    made = await world.deploy()
    parent = await world.run(made)
    tasks = [task_row(parent, state_timestamp=at()) for _ in range(4)]
    await world.insert(task_run, *tasks)
    outlives = await world.run(made, parent_task_run_id=tasks[2]["id"])
    inside = await world.run(made, parent_task_run_id=tasks[3]["id"])
    await world.change(flow_run, inside, deployment_id=None)
    for run_id in (outlives, inside, parent):
        await world.move(run_id, "RUNNING")
    await world.move(parent, kind)
    loop = CancellationLoop(world.database, world.signals)
    present = datetime.now(UTC)
    assert await loop.run_once(present) is None
    assert (await world.one(task_run, id=tasks[0]["id"]))["state_type"] == "RUNNING"
    for _ in range(2):
        await loop.run_once(present + timedelta(seconds=70))
    kinds = {row["id"]: row["state_type"] for row in await world.rows(task_run)}
    assert [kinds[row["id"]] for row in tasks] == ["CRASHED", "CRASHED", "RUNNING", "CRASHED"]
    assert (await world.one(flow_run, id=outlives))["state_type"] == "RUNNING"
    assert (await world.one(flow_run, id=inside))["state_type"] == "CRASHED"


async def test_a_cancellation_that_hangs(world):
    """Cancelling ends in Cancelled when nobody confirms it and no lease will."""
    made = await world.deploy()
    stuck, held = await world.run(made), await world.run(made)
    for run_id in (stuck, held):
        await world.move(run_id, "RUNNING")
        await world.move(run_id, "CANCELLING")
    await world.change(flow_run, held, lease_owner="w", lease_kind="worker", lease_expires=at())
    loop = CancellationLoop(world.database, world.signals)
    await loop.run_once(NOW + timedelta(days=3650))
    assert (await world.one(flow_run, id=stuck))["state_type"] == "CANCELLED"
    assert (await world.one(flow_run, id=held))["state_type"] == "CANCELLING"


async def finished(world, made, when):
    run_id = await world.run(made, tags=["t"])
    await world.move(run_id, "RUNNING")
    await world.move(run_id, "COMPLETED")
    await world.change(flow_run, run_id, end_time=when)
    return run_id


def log_row(when, **of):
    return {
        "id": new_id(), "created": when, "name": "n", "level": 20, "timestamp": when,
        "message": "m", "flow_run_id": None, "task_run_id": None,
    } | of  # fmt: skip


async def test_retention(world):
    """Old runs go with all that belongs to them; young ones, and those not over, stay whole."""
    made = await world.deploy()
    old = await finished(world, made, at(days=-91))
    young = await finished(world, made, at(days=-89))
    live = await world.run(made)
    for run_id in (old, young):
        tasks = [task_row(run_id, "COMPLETED", end_time=at(days=-91)) for _ in range(3)]
        await world.insert(task_run, *tasks)
        await world.insert(
            task_run_state,
            *(
                {"id": new_id(), "task_run_id": t["id"], "timestamp": at(), "state": "{}"}
                for t in tasks
            ),
        )
        await world.insert(
            log,
            *(log_row(at(days=-91), flow_run_id=run_id) for _ in range(600)),
            log_row(at(days=-91), task_run_id=tasks[0]["id"]),
        )
        await world.insert(
            flow_run_input,
            {
                "id": new_id(),
                "created": at(),
                "updated": at(),
                "flow_run_id": run_id,
                "key": "k",
                "value": "v",
            },
        )
    await world.insert(log, log_row(at(days=-91)), log_row(at(days=-1)))
    await world.insert(task_run, task_row(None, "FAILED", end_time=at(days=-95)))
    for one in await world.rows(event):
        await world.change(event, one["id"], occurred=at(days=-91))
    fresh = one["id"]
    await world.change(event, fresh, occurred=at(days=-89))
    loop = RetentionLoop(world.database, world.signals, keep=timedelta(days=90), breath=0)
    assert await loop.run_once(NOW) is None
    assert {row["id"] for row in await world.rows(flow_run)} == {young, live}
    assert {row["flow_run_id"] for row in await world.rows(task_run)} == {young}
    assert await world.count(task_run_state) == 3
    assert await world.count(log) == 602
    assert {row["flow_run_id"] for row in await world.rows(flow_run_input)} == {young}
    assert old not in {row["flow_run_id"] for row in await world.rows(flow_run_state)}
    assert old not in {row["flow_run_id"] for row in await world.rows(flow_run_tag)}
    assert [row["id"] for row in await world.rows(event)] == [fresh]


async def test_retention_switched_off(world):
    """Zero days keep everything."""
    made = await world.deploy()
    await finished(world, made, at(days=-9999))
    await RetentionLoop(world.database, world.signals, keep=timedelta(0)).run_once(NOW)
    assert await world.count(flow_run) == 1
