"""Flow runs on both databases: made once, moved by the rules, deleted whole."""

import asyncio

import msgspec
import pytest
from orchestration_world import World, state

from headrace.core.ids import new_id
from headrace.core.times import later, now_text
from headrace.errors import ForeignKeyViolation, ObjectNotFound, StaleWrite
from headrace.server.services import flow_runs, resuming
from headrace.server.store import schema, transitions
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow
from headrace.wire.flow_runs import FlowRunUpdate


async def test_a_new_run_is_answered_as_it_is_read(world: World):
    """The answer to a creation equals a read after it, and names its first state and flow."""
    made = await world.make(
        name="r", tags=["b", "a", "b"], parameters={"n": [1]}, state={"type": "RUNNING"}
    )
    read = await world.read(made["id"])
    # What is estimated of a run that runs goes on growing.
    del made["estimated_run_time"], read["estimated_run_time"]
    assert read == made
    assert (made["run_count"], made["state_name"], made["tags"]) == (1, "Running", ["b", "a", "b"])
    assert made["labels"] == {"prefect.flow.id": made["flow_id"]}
    assert made["state"]["state_details"]["flow_run_id"] == made["id"]


async def test_an_idempotency_key_makes_one_run(world: World):
    """Sixteen callers with one key get the same run, made by one of them."""
    flow = await world.flow()
    found = await asyncio.gather(
        *(world.make_or_find(flow_id=flow, idempotency_key="k") for _ in range(16))
    )
    assert len({run["id"] for run, _ in found}) == 1
    assert sum(created for _, created in found) == 1
    assert len(await world.rows(schema.flow_run_state)) == 1


async def test_a_run_of_no_flow_is_refused(world: World):
    """A run needs its flow to be there."""
    with pytest.raises(ForeignKeyViolation):
        await world.make(flow_id=new_id())


async def test_a_change_of_state_leaves_row_history_and_event(world: World):
    """Each change adds one state and one event that follows the one before."""
    run = await world.run(state={"type": "PENDING"}, tags=["t"])
    status, answer = await world.propose(run, state("RUNNING", message="go"))
    assert (status, answer["status"]) == (201, "ACCEPT")
    await world.propose(run, "COMPLETED")
    states = msgspec.json.decode(await flow_runs.read_states(world.database, run))
    assert [one["type"] for one in states] == ["PENDING", "RUNNING", "COMPLETED"]
    events = await world.rows(schema.event, resource_id=f"prefect.flow-run.{run}")
    events.sort(key=lambda one: one["seq"])
    assert [one["event"] for one in events] == [
        "prefect.flow-run.Pending",
        "prefect.flow-run.Running",
        "prefect.flow-run.Completed",
    ]
    assert [one["id"] for one in events] == [one["id"] for one in states]
    assert [one["follows"] for one in events] == [None, events[0]["id"], events[1]["id"]]
    assert msgspec.json.decode(events[1]["payload"]) == {
        "intended": {"from": "PENDING", "to": "RUNNING"},
        "initial_state": {"type": "PENDING", "name": "Pending"},
        "validated_state": {"type": "RUNNING", "name": "Running", "message": "go"},
    }
    assert {"prefect.resource.id": "prefect.tag.t", "prefect.resource.role": "tag"} in (
        msgspec.json.decode(events[1]["related"])
    )


async def test_competing_proposals_are_decided_one_after_the_other(world: World):
    """Of ten processes that propose PENDING for one scheduled run, one is accepted."""
    run = await world.run(state={"type": "SCHEDULED"})
    answers = await asyncio.gather(
        *(world.propose(run, state("PENDING", transition_id=new_id())) for _ in range(10))
    )
    assert sorted(answer["status"] for _, answer in answers) == ["ABORT"] * 9 + ["ACCEPT"]
    assert len(await world.rows(schema.flow_run_state, flow_run_id=run)) == 2


async def test_concurrent_changes_lose_none(world: World):
    """Twelve forced changes at once all take effect: each is a state, the version counts them."""
    run = await world.run()
    await asyncio.gather(*(world.propose(run, "RUNNING", force=True) for _ in range(12)))
    assert len(await world.rows(schema.flow_run_state, flow_run_id=run)) == 13
    [row] = await world.rows(schema.flow_run, id=run)
    assert (row["version"], row["run_count"]) == (12, 12)


async def test_a_stale_attempt_is_refused(world: World):
    """A process that names an older epoch than the run's changes nothing."""
    run = await world.run()
    row = FlowRunRow(*await world.database.fetch_one(FLOW_RUN_FACTS, {"run_id": run}))
    lease = transitions.Lease("w", "worker", later(now_text(), 60), None, 2)
    await world.database.apply(
        transitions.flow_run(row, state("RUNNING"), now=now_text(), lease=lease)
    )
    with pytest.raises(StaleWrite):
        await world.propose(run, "COMPLETED", epoch=1)
    status, _ = await world.propose(run, "COMPLETED", epoch=2)
    assert status == 201
    [ended] = await world.rows(schema.flow_run, id=run)
    assert (ended["lease_owner"], ended["lease_expires"], ended["epoch"]) == (None, None, 2)


async def test_a_retry_that_waits_in_its_process_stays_held(world: World):
    """AwaitingRetry keeps whoever holds the run, so that no one else claims it meanwhile."""
    run = await world.run(
        state={"type": "RUNNING"}, empirical_policy={"retries": 1, "retry_delay": 5}
    )
    _, answer = await world.propose(run, "FAILED")
    assert answer["state"]["name"] == "AwaitingRetry"
    [row] = await world.rows(schema.flow_run, id=run)
    assert row["lease_owner"] is not None
    read = await world.read(run)
    assert read["empirical_policy"]["retry_type"] == "in_process"
    assert read["empirical_policy"]["retries"] == 1
    assert read["next_scheduled_start_time"] == answer["state"]["state_details"]["scheduled_time"]


async def test_a_committed_change_wakes_who_waits(world: World):
    """The run's topic and the events' topic are published once the change can be read."""
    run = await world.run()
    with world.signals.listen([f"run:{run}"]) as listener:
        await world.propose(run, "RUNNING")
        assert await listener.wait(60)


async def test_a_sub_flow_shows_on_the_task_run_that_stands_for_it(world: World):
    """The parent's task run takes the sub-flow's states, with their times and counts."""
    parent = await world.run(state={"type": "RUNNING"})
    now = now_text()
    task = new_id()
    await world.insert(
        schema.task_run,
        id=task,
        created=now,
        updated=now,
        name="child-0",
        flow_run_id=parent,
        task_key="child",
        dynamic_key="0",
    )
    child = await world.run(parent_task_run_id=task, state={"type": "PENDING"})
    await world.propose(child, "RUNNING")
    await world.propose(child, state("COMPLETED", data=7))
    [row] = await world.rows(schema.task_run, id=task)
    mirrored = msgspec.json.decode(row["state"])
    assert (row["state_type"], row["run_count"], mirrored["data"]) == ("COMPLETED", 1, 7)
    assert mirrored["state_details"]["child_flow_run_id"] == child
    assert row["end_time"] is not None
    history = await world.rows(schema.task_run_state, task_run_id=task)
    assert len(history) == 3


async def test_resuming_checks_the_input_and_keeps_it(world: World):
    """Bad input is refused with the field named; good input is stored and the run goes on."""
    run = await world.run(state={"type": "RUNNING"})
    now = now_text()
    await world.insert(
        schema.flow_run_input,
        id=new_id(),
        created=now,
        updated=now,
        flow_run_id=run,
        key="schema",
        value='{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"]}',
    )
    keyset = {"schema": "schema", "response": "response"}
    await world.propose(run, state("PAUSED", pause_key="1", run_input_keyset=keyset))

    async def resume(given):
        outcome = await resuming.resume_flow_run(world.database, world.signals, run, given)
        return msgspec.json.decode(outcome.body)

    refused = await resume({"ok": "yes"})
    assert refused["status"] == "REJECT"
    assert "at ok" in refused["details"]["reason"]
    assert (await resume(None))["status"] == "REJECT"
    assert (await world.read(run))["state_type"] == "PAUSED"
    assert (await resume({"ok": True}))["state"]["type"] == "RUNNING"
    [kept] = await world.rows(schema.flow_run_input, key="response")
    assert msgspec.json.decode(kept["value"]) == {"ok": True}
    again = await resume({"ok": True})
    assert (again["status"], again["state"]) == ("ABORT", None)


async def test_an_update_changes_only_what_it_names(world: World):
    """Absent fields stay; tags change in the row and in the table that finds runs by tag."""
    run = await world.run(name="a", tags=["x"], parameters={"n": 1})
    body = msgspec.convert({"tags": ["y"], "infrastructure_pid": "1:2"}, FlowRunUpdate)
    await flow_runs.update_flow_run(world.database, run, body)
    read = await world.read(run)
    assert (read["name"], read["tags"], read["parameters"]) == ("a", ["y"], {"n": 1})
    assert read["infrastructure_pid"] == "1:2"
    tags = await world.rows(schema.flow_run_tag, flow_run_id=run)
    assert [one["tag"] for one in tags] == ["y"]
    with pytest.raises(ObjectNotFound):
        await flow_runs.update_flow_run(world.database, new_id(), body)


async def test_labels_are_added_to_those_there(world: World):
    """A label of the same name is replaced, others stay."""
    run = await world.run(labels={"a": 1, "b": 1})
    await flow_runs.update_labels(world.database, run, {"b": 2, "c": "x"})
    labels = (await world.read(run))["labels"]
    assert {key: labels[key] for key in "abc"} == {"a": 1, "b": 2, "c": "x"}


async def test_deleting_a_run_deletes_what_belongs_to_it(world: World):
    """Logs beyond one slice, states, tags and inputs go with it; another run's stay."""
    run, other = await world.run(tags=["t"]), await world.run()
    now = now_text()
    for owner, count in ((run, 450), (other, 1)):
        await world.insert_many(
            schema.log,
            [
                {
                    "id": new_id(),
                    "created": now,
                    "name": "l",
                    "level": 20,
                    "flow_run_id": owner,
                    "timestamp": now,
                    "message": "m",
                }
                for _ in range(count)
            ],
        )
    await flow_runs.delete_flow_run(world.database, run)
    assert len(await world.rows(schema.log)) == 1
    assert len(await world.rows(schema.flow_run_state)) == 1
    assert await world.rows(schema.flow_run_tag) == []
    with pytest.raises(ObjectNotFound):
        await flow_runs.delete_flow_run(world.database, run)
