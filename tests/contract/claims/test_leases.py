"""Leases: renewed, lost, run out; heartbeats of contract clients."""

from datetime import UTC, datetime

import pytest
from claims_world import World

from headrace.core.states import StateType
from headrace.core.times import later, now_text
from headrace.errors import StaleWrite
from headrace.server.services import flow_run_states
from headrace.server.services.absence import remember_look
from headrace.server.services.leases import Heartbeats, give_up, renew
from headrace.server.services.loops.leases import LeaseLoop, end_expired
from headrace.server.services.resuming import resume_flow_run
from headrace.server.store import schema


def loop(world: World, page: int = 100) -> LeaseLoop:
    return LeaseLoop(world.database, world.signals, page)


async def run_loop(world: World, page: int = 100) -> float | None:
    return await loop(world, page).run_once(datetime.now(UTC))


async def expire(world: World, run_id: str) -> None:
    await world.change(schema.flow_run, run_id, lease_expires=later(now_text(), -1))


async def claimed_too(world: World, **columns) -> str:
    [made] = await world.runs("default", **columns)
    await world.claim(owner="w")
    return made


async def claimed(world: World, **columns) -> str:
    await world.pool()
    [made] = await world.runs("default", **columns)
    await world.claim(owner="w")
    return made


def test_a_lease_that_ran_out_after_the_look_is_left(run):
    """A server that is stopped between its look and its verdict makes up for that first."""

    async def scenario(world):
        made = await claimed(world)
        await expire(world, made)
        before = later(now_text(), -5)
        ended, _ = await world.database.transact(lambda tx: end_expired(tx, before, 100))
        assert ended == []
        ended, _ = await world.database.transact(lambda tx: end_expired(tx, now_text(), 100))
        assert [one for one, _ in ended] == [made]

    run(scenario)


async def running_deployed(world: World) -> str:
    """A run of a deployment, which runs."""
    await world.pool()
    deployment = await world.deployment("d", "default")
    [made] = await world.runs("default", deployment_id=deployment)
    await world.claim(owner="w")
    await world.move(made, StateType.RUNNING)
    return made


def test_a_renewal_moves_the_end_and_tells_what_is_lost(run):
    async def scenario(world):
        made = await claimed(world)
        before = (await world.facts(made)).lease_expires
        done = await renew(
            world.database, "w", {made: 1, "00000000-0000-0000-0000-000000000001": 1}, 60
        )
        assert done.lost == ["00000000-0000-0000-0000-000000000001"]
        assert (await world.facts(made)).lease_expires > later(before, 30)
        assert (await renew(world.database, "w", {made: 2}, 60)).lost == [made]
        assert (await renew(world.database, "other", {made: 1}, 60)).lost == [made]

    run(scenario)


def test_a_run_that_ended_by_itself_is_not_lost(run):
    async def scenario(world):
        made = await claimed(world)
        await world.move(made, StateType.RUNNING)
        await world.move(made, StateType.COMPLETED)
        assert (await renew(world.database, "w", {made: 1}, 60)).lost == []

    run(scenario)


def test_a_pending_run_goes_back_to_its_place_and_the_lost_attempt_is_refused(run):
    async def scenario(world):
        made = await claimed(world)
        due = (await world.facts(made)).expected_start_time
        await expire(world, made)
        await run_loop(world)
        row = await world.facts(made)
        assert (row.lease_owner, row.lease_expires, row.epoch) == (None, None, 2)
        assert row.facts().state.details["scheduled_time"] == due
        late = flow_run_states.State(StateType.RUNNING, "Running", made, now_text())
        with pytest.raises(StaleWrite):
            await flow_run_states.set_state(world.database, world.signals, made, late, epoch=1)
        again = await world.claim(owner="w2")
        assert [(grant.run_id, grant.epoch) for grant in again.grants] == [(made, 3)]
        with pytest.raises(StaleWrite):
            await flow_run_states.set_state(world.database, world.signals, made, late, epoch=1)

    run(scenario)


def test_a_running_run_crashes_with_the_reason(run):
    async def scenario(world):
        made = await claimed(world)
        await world.move(made, StateType.RUNNING)
        await expire(world, made)
        await run_loop(world)
        state = (await world.facts(made)).facts().state
        assert state.type == "CRASHED"
        assert "'w'" in state.message

    run(scenario)


def test_a_running_run_of_a_process_is_run_again_where_its_policy_says_so(run):
    async def scenario(world):
        policy = '{"retries":1,"retry_type":"reschedule"}'
        made = await claimed(world, empirical_policy=policy)
        await world.move(made, StateType.RUNNING)
        await expire(world, made)
        await run_loop(world)
        assert (await world.facts(made)).facts().state.name == "AwaitingRetry"
        assert [grant.epoch for grant in (await world.claim()).grants] == [3]
        await world.move(made, StateType.RUNNING)
        await expire(world, made)
        await run_loop(world)
        assert await world.state(made) == "CRASHED"

    run(scenario)


def test_a_run_to_be_cancelled_is_cancelled(run):
    async def scenario(world):
        made = await claimed(world)
        await world.move(made, StateType.CANCELLING)
        await expire(world, made)
        await run_loop(world)
        assert await world.state(made) == "CANCELLED"

    run(scenario)


def test_a_paused_run_whose_process_is_gone_is_suspended_and_starts_again_when_resumed(run):
    async def scenario(world):
        made = await running_deployed(world)
        await world.move(made, StateType.PAUSED)
        await give_up(world.database, world.signals, "another", {made: 1})
        await run_loop(world)
        assert (await world.facts(made)).facts().state.name == "Paused"
        await give_up(world.database, world.signals, "w", {made: 1})
        await run_loop(world)
        row = await world.facts(made)
        assert (row.lease_owner, row.epoch, row.facts().state.name) == (None, 2, "Suspended")
        await resume_flow_run(world.database, world.signals, made, None)
        assert await world.state(made) == "SCHEDULED"
        assert [grant.run_id for grant in (await world.claim(owner="w2")).grants] == [made]

    run(scenario)


def test_a_run_that_was_resumed_meanwhile_is_not_given_up(run):
    """It runs: why it ends is for its holder to say, who keeps the lease until then."""

    async def scenario(world):
        made = await running_deployed(world)
        await give_up(world.database, world.signals, "w", {made: 1})
        await run_loop(world)
        row = await world.facts(made)
        assert (row.lease_owner, row.epoch, row.facts().state.name) == ("w", 1, "Running")

    run(scenario)


def test_what_is_given_up_is_judged_at_once(run):
    """No moment is left in which somebody could resume a run whose process is gone."""

    async def scenario(world):
        await world.pool()
        deployment = await world.deployment("d", "default")
        paused, pending = await world.runs("default", 2, deployment_id=deployment)
        await world.claim(2, owner="w")
        await world.move(paused, StateType.RUNNING)
        await world.move(paused, StateType.PAUSED)
        await give_up(world.database, world.signals, "w", {paused: 1, pending: 1})
        assert (await world.facts(paused)).facts().state.name == "Suspended"
        assert await world.state(pending) == "SCHEDULED"

    run(scenario)


def test_a_run_suspended_while_somebody_resumes_it_starts_again(run, monkeypatch):
    """Who read the run while its process was thought to wait does not make it Running."""

    async def scenario(world):
        made = await running_deployed(world)
        await world.move(made, StateType.PAUSED)
        read = flow_run_states.read_facts
        reads = 0

        async def read_then_lose(database, run_id):
            nonlocal reads
            row = await read(database, run_id)
            reads += 1
            if reads == 1:
                await expire(world, made)
                await run_loop(world)
            return row

        monkeypatch.setattr(flow_run_states, "read_facts", read_then_lose)
        await resume_flow_run(world.database, world.signals, made, None)
        assert await world.state(made) == "SCHEDULED"

    run(scenario)


def test_a_paused_run_that_nothing_can_start_again_crashes(run):
    async def scenario(world):
        made = await claimed(world)
        await world.move(made, StateType.RUNNING)
        await world.move(made, StateType.PAUSED)
        await expire(world, made)
        await run_loop(world)
        assert await world.state(made) == "CRASHED"

    run(scenario)


def test_an_expired_lease_frees_its_slot_for_one_who_waits(run):
    async def scenario(world):
        await world.pool(concurrency_limit=1)
        await world.runs("default", 2)
        [first] = (await world.claim(1)).grants
        await world.move(first.run_id, StateType.RUNNING)
        await expire(world, first.run_id)
        await run_loop(world)
        assert len((await world.claim()).grants) == 1

    run(scenario)


def test_the_loop_sleeps_until_the_next_lease_ends_and_takes_a_page_at_a_time(run):
    async def scenario(world):
        assert await run_loop(world) == 5.0
        await world.pool()
        made = await world.runs("default", 5)
        await world.claim(5)
        assert await run_loop(world) == 5.0
        for one in made:
            await expire(world, one)
        assert await run_loop(world, page=3) == 0
        assert await run_loop(world, page=3) is None

    run(scenario)


def test_a_run_without_a_lease_never_ends_by_time(run):
    async def scenario(world):
        await world.pool()
        [made] = await world.runs("default")
        await world.move(made, StateType.PENDING)
        await world.move(made, StateType.RUNNING)
        await run_loop(world)
        assert await world.state(made) == "RUNNING"

    run(scenario)


def test_heartbeats_make_a_lease_of_three_times_their_interval(run):
    async def scenario(world):
        await world.pool()
        [made] = await world.runs("default")
        await world.move(made, StateType.RUNNING)
        beats, now = Heartbeats(), now_text()
        beats.note(made, later(now, -40))
        assert await beats.flush(world.database) == 1
        row = await world.facts(made)
        assert row.lease_kind == "heartbeat"
        assert later(now, 500) < row.lease_expires < later(now, 580)
        beats.note(made, now)
        beats.note(made, later(now, -5))  # out of order: the newer one counts
        assert await beats.flush(world.database) == 1
        row = await world.facts(made)
        assert later(now, 110) < row.lease_expires < later(now, 150)
        await expire(world, made)
        await run_loop(world)
        assert await world.state(made) == "CRASHED"
        beats.note(made, later(now, 1))
        assert await beats.flush(world.database) == 0
        assert (await world.facts(made)).lease_expires is None

    run(scenario)


def test_a_heartbeat_does_not_shorten_a_workers_lease(run):
    async def scenario(world):
        made = await claimed(world)
        await world.move(made, StateType.RUNNING)
        beats = Heartbeats()
        beats.note(made, now_text())
        assert await beats.flush(world.database) == 0
        assert (await world.facts(made)).lease_kind == "worker"

    run(scenario)


def test_a_server_that_was_away_prolongs_what_was_live(run):
    """By the time away, a worker's lease to a full one at most; what had run out before is judged."""

    async def scenario(world):
        live = await claimed(world)
        [gone] = await world.runs("default")
        await world.claim(owner="w")
        now = now_text()
        await world.change(schema.flow_run, live, lease_expires=later(now, -20))
        await world.change(schema.flow_run, gone, lease_expires=later(now, -70))
        await remember_look(world.database, later(now, -60))
        await run_loop(world)
        assert (await world.facts(gone)).lease_expires == later(now, -70)  # not judged yet
        expires = (await world.facts(live)).lease_expires
        assert later(now, 39) < expires < later(now, 45)
        await expire(world, live)
        await run_loop(world)  # another server's look, soon after: no absence
        assert (await world.facts(live)).lease_expires is None
        assert (await world.facts(gone)).lease_expires is None

    run(scenario)


def test_the_prolonged_lease_is_bounded(run):
    """A look that was long ago, with no leases since, does not keep a run for as long."""

    async def scenario(world):
        made = await claimed(world)
        now = now_text()
        await remember_look(world.database, later(now, -86400))
        await run_loop(world)
        assert (await world.facts(made)).lease_expires < later(now, 65)

    run(scenario)


def test_the_answer_says_which_processes_must_be_fenced(run):
    """Those whose runs another process may get when the lease is over, and no others."""

    async def scenario(world):
        plain = await claimed(world)
        policy = '{"retries": 2, "retry_type": "reschedule"}'
        again = await claimed_too(world, empirical_policy=policy)
        done = await renew(world.database, "w", {plain: 1, again: 1}, 60)
        assert done.fenced == [again]

    run(scenario)
