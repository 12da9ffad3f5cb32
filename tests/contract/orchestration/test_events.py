"""Events on both databases: durable once answered, once each, in any order, none missed."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import msgspec
from orchestration_world import World, state

from headrace.core.ids import new_id
from headrace.server.services import event_lists
from headrace.server.services.event_matching import is_meant
from headrace.server.services.event_tail import EventTail
from headrace.server.services.events import EventIntake, EventStream
from headrace.server.services.leases import Heartbeats
from headrace.server.store import events as store
from headrace.server.store import schema
from headrace.server.store.database import Write
from headrace.server.store.retention import OLD_EVENTS
from headrace.wire.events import Countable, Event, EventFilter, ReceivedEvent, TimeUnit

START = datetime(2026, 11, 21, tzinfo=UTC)
STATES = (("PENDING", 0), ("RUNNING", 1), ("COMPLETED", 1))


def task_events(flow_run: str | None, key: str = "add", run: str | None = None) -> list[Event]:
    """The three states of one task run, as a contract client sends them."""
    run = run or new_id()
    dynamic_key = new_id()
    events: list[Event] = []
    for at, (kind, count) in enumerate(STATES):
        moment = START + timedelta(seconds=at)
        related = [] if flow_run is None else [_related(flow_run)]
        told = {
            "intended": {"from": None, "to": kind},
            "initial_state": None,
            "validated_state": {"type": kind, "name": kind.title(), "state_details": {}},
            "task_run": {
                "name": f"{key}-0",
                "task_key": key,
                "dynamic_key": dynamic_key,
                "empirical_policy": {"retries": 1, "retry_delay": 0},
                "tags": ["t"],
                "task_inputs": {"x": []},
                "run_count": count,
                "flow_run_run_count": 1,
                "expected_start_time": START.isoformat(),
                "total_run_time": float(at == 2),
            },
        }
        document = {
            "occurred": moment.isoformat(),
            "event": f"prefect.task-run.{kind.title()}",
            "resource": {
                "prefect.resource.id": f"prefect.task-run.{run}",
                "prefect.state-timestamp": moment.isoformat(),
                "prefect.orchestration": "client",
            },
            "related": related,
            "payload": told,
            "id": new_id(),
            "follows": str(events[-1].id) if events else None,
        }
        events.append(msgspec.convert(document, Event, strict=False))
    return events


def _related(flow_run: str) -> dict[str, str]:
    return {
        "prefect.resource.id": f"prefect.flow-run.{flow_run}",
        "prefect.resource.role": "flow-run",
    }


def plain_event(name: str, at: int = 0, **resource: str) -> Event:
    return Event(
        event=name,
        id=new_id(),
        occurred=START + timedelta(seconds=at),
        resource={"prefect.resource.id": f"thing.{at}", **resource},
        related=[{"prefect.resource.id": "pool.1", "prefect.resource.role": "pool"}],
        payload={"n": at},
    )


def intake(world: World) -> EventIntake:
    return EventIntake(world.database, world.signals, Heartbeats())


async def test_task_runs_are_recorded_from_their_events(world: World):
    """The task run, its three states and its three events are there once `record` returns."""
    flow_run = await world.run(state={"type": "RUNNING"})
    await intake(world).record(task_events(flow_run))
    [row] = await world.rows(schema.task_run)
    assert (row["state_type"], row["run_count"], row["flow_run_id"]) == ("COMPLETED", 1, flow_run)
    assert (row["name"], row["total_run_time"]) == ("add-0", 1.0)
    assert len(await world.rows(schema.task_run_state)) == 3
    names = [one["event"] for one in await world.rows(schema.event)]
    assert names.count("prefect.task-run.Completed") == 1


async def test_duplicates_and_disorder_change_nothing(world: World):
    """Every order of three events, each sent twice over several batches, ends in the same rows."""
    flow_run = await world.run(state={"type": "RUNNING"})
    chance = random.Random(4)
    sent: list[Event] = []
    for _ in range(30):
        sent += task_events(flow_run) * 2
    chance.shuffle(sent)
    taking = intake(world)
    for at in range(0, len(sent), 37):
        await taking.record(sent[at : at + 37])
    rows = await world.rows(schema.task_run)
    assert {row["state_type"] for row in rows} == {"COMPLETED"}
    assert len(rows) == 30
    assert len(await world.rows(schema.task_run_state)) == 90


async def test_concurrent_senders_of_the_same_events_agree(world: World):
    """A client that sends again over another connection does no harm."""
    flow_run = await world.run(state={"type": "RUNNING"})
    events = [event for _ in range(20) for event in task_events(flow_run)]
    taking = intake(world)
    shuffled = events.copy()
    random.Random(1).shuffle(shuffled)
    await asyncio.gather(taking.record(events), taking.record(shuffled), taking.record(events))
    assert len(await world.rows(schema.task_run_state)) == 60
    assert {row["state_type"] for row in await world.rows(schema.task_run)} == {"COMPLETED"}


async def test_events_of_a_deleted_flow_run_are_kept_without_their_task_run(world: World):
    """Late events of a run that is gone bring nothing back, and fail nothing else in the batch."""
    flow_run = await world.run(state={"type": "RUNNING"})
    await intake(world).record([*task_events(new_id()), *task_events(flow_run)])
    assert len(await world.rows(schema.task_run)) == 1
    assert len(await world.rows(schema.event, event="prefect.task-run.Completed")) == 2


async def test_one_task_run_that_does_not_fit_spoils_no_other(world: World):
    """Two task runs of the same keys cannot both be: the others of the batch are recorded."""
    flow_run = await world.run(state={"type": "RUNNING"})
    one, other = task_events(flow_run), task_events(flow_run)
    for event, same in zip(one, other, strict=True):
        same.payload["task_run"]["dynamic_key"] = event.payload["task_run"]["dynamic_key"]
    good = task_events(flow_run)
    await intake(world).record([*one, *other, *good])
    ids = {row["id"] for row in await world.rows(schema.task_run)}
    assert good[0].resource["prefect.resource.id"].rpartition(".")[2] in ids
    assert len(ids) == 2


async def test_a_malformed_task_run_event_is_an_event_like_any_other(world: World):
    """What it says about a task run cannot be read, so only the event is recorded."""
    [event, *_] = task_events(None)
    event.payload["task_run"] = {"task_key": 1}
    await intake(world).record([event])
    assert await world.rows(schema.task_run) == []
    assert len(await world.rows(schema.event)) == 1


async def test_a_stream_records_in_order_and_empties_on_close(world: World):
    """Hundreds of frames of one connection are all there after it has closed."""
    flow_run = await world.run(state={"type": "RUNNING"})
    stream = EventStream(intake(world))
    for _ in range(150):
        for event in task_events(flow_run):
            await stream.put(event)
    await stream.close()
    assert len(await world.rows(schema.task_run_state)) == 450
    assert {row["state_type"] for row in await world.rows(schema.task_run)} == {"COMPLETED"}


async def test_a_heartbeat_is_noted_for_the_run(world: World):
    """A sign of life of a flow run reaches those who keep leases."""
    heartbeats = Heartbeats()
    event = plain_event("prefect.flow-run.heartbeat")
    run = new_id()
    event.resource["prefect.resource.id"] = f"prefect.flow-run.{run}"
    await EventIntake(world.database, world.signals, heartbeats).record([event])
    assert heartbeats._latest == {run: "2026-11-21T00:00:00.000000Z"}


async def test_followers_miss_nothing_while_many_write(world: World):
    """Readers that follow during 12 concurrent writers get every event once, in order."""
    closing = asyncio.Event()
    tail = EventTail(world.database, world.signals, closing)
    wanted = msgspec.convert({"event": {"prefix": ["burst."]}}, EventFilter)
    seen: list[list[str]] = [[], []]

    async def follow(into: list[str]) -> None:
        async for text in tail.follow(wanted, backfill=True):
            into.append(msgspec.json.decode(text)["event"])
            if len(into) == 240:
                return

    async def write(writer: int) -> None:
        taking = intake(world)
        for at in range(20):
            await taking.record([plain_event(f"burst.{writer}.{at}")])

    async with asyncio.timeout(60):
        await intake(world).record([plain_event("other")])
        followers = [asyncio.create_task(follow(into)) for into in seen]
        await asyncio.gather(*(write(writer) for writer in range(12)))
        await asyncio.gather(*followers)
    for into in seen:
        assert len(set(into)) == 240
        for writer in range(12):
            own = [name for name in into if name.startswith(f"burst.{writer}.")]
            assert own == sorted(own, key=lambda name: int(name.rpartition(".")[2]))


async def test_a_follower_waits_for_a_transaction_that_commits_late(world: World):
    """An event that drew its number first and committed last is not skipped."""
    if world.database.dialect != "postgresql":
        return  # one writer: there is no late commit
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(tx) -> None:
        row = _row("late.first")
        tx.execute(store.INSERT_UNKNOWN, row)
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(30)

    async with asyncio.timeout(60):
        late = asyncio.create_task(world.database.transact(slow))
        await entered.wait()
        await world.database.apply([Write(store.INSERT_UNKNOWN, _row("late.second"))])
        tail = EventTail(world.database, world.signals, asyncio.Event())
        wanted = msgspec.convert({"event": {"prefix": ["late."]}}, EventFilter)
        seen: list[str] = []

        async def follow() -> None:
            async for text in tail.follow(wanted, backfill=True):
                seen.append(msgspec.json.decode(text)["event"])
                if len(seen) == 2:
                    return

        follower = asyncio.create_task(follow())
        await asyncio.wait({follower}, timeout=0.2)
        leave.set()
        await late
        await follower
    assert sorted(seen) == ["late.first", "late.second"]


def _row(name: str) -> dict[str, object]:
    return {
        "id": new_id(),
        "occurred": "2026-11-21T00:00:00.000000Z",
        "received": "2026-11-21T00:00:00.000000Z",
        "event": name,
        "resource_id": "r",
        "resource": '{"prefect.resource.id":"r"}',
        "related": "[]",
        "payload": "{}",
        "follows": None,
    }


FILTERS = [
    ({}, 6),
    ({"event": {"name": ["a.b"]}}, 3),
    ({"event": {"prefix": ["a."]}}, 5),
    ({"event": {"prefix": ["a."], "exclude_name": ["a.b"]}}, 2),
    ({"event": {"exclude_prefix": ["a."]}}, 1),
    ({"resource": {"id": ["thing.1"]}}, 1),
    ({"resource": {"id": ["thing.*"]}}, 0),
    ({"resource": {"id_prefix": ["thing."]}}, 6),
    ({"resource": {"labels": {"colour": "red"}}}, 2),
    ({"resource": {"labels": {"colour": ["red", "blue"]}}}, 3),
    ({"resource": {"labels": {"colour": "!red"}}}, 4),
    ({"resource": {"labels": {"prefect.resource.id": "thing.*"}}}, 6),
    ({"related": {"id": ["pool.1"]}}, 6),
    ({"related": {"role": ["nobody"]}}, 0),
    ({"related": {"resources_in_roles": [["pool.1", "pool"]]}}, 6),
    ({"related": [{"id": ["pool.1"]}, {"role": ["nobody"]}]}, 0),
    ({"any_resource": {"id": ["thing.2", "nothing"]}}, 1),
    ({"any_resource": {"id_prefix": ["pool"]}}, 6),
    ({"any_resource": {"labels": {"prefect.resource.role": "pool"}}}, 6),
    ({"occurred": {"since": (START + timedelta(seconds=4)).isoformat()}}, 2),
    ({"occurred": {"until": (START + timedelta(seconds=4)).isoformat()}}, 5),
    ({"text": {"query": "RED -a.c"}}, 1),
]


async def test_filters_mean_the_same_in_sql_and_in_memory(world: World):
    """Each filter finds as many events in the database as among the events themselves."""
    colours = {0: "red", 1: "blue", 3: "red"}
    names = ["a.b", "a.b", "a.b", "a.c", "a.c", "z"]
    events = [
        plain_event(name, at, **({"colour": colours[at]} if at in colours else {}))
        for at, name in enumerate(names)
    ]
    await intake(world).record(events)
    stored = [
        msgspec.json.decode(store.SHAPE.encode(row), type=ReceivedEvent)
        for row in await world.database.fetch_all(store.UP_TO, {"seq": 2**62})
    ]
    for document, count in FILTERS:
        given = msgspec.convert(document, EventFilter, strict=False)
        _, total, _ = await event_lists.read_page(world.database, given, 50)
        assert total == count, document
        assert sum(is_meant(given, event) for event in stored) == count, document


async def test_pages_show_every_event_once(world: World):
    """Following the tokens through pages of two shows all events, also while others come in."""
    await intake(world).record([plain_event("p", at) for at in range(7)])
    given = msgspec.convert({"event": {"name": ["p"]}}, EventFilter)
    shown: list[str] = []
    token = None
    while True:
        page, total, token = await event_lists.read_page(world.database, given, 2, token)
        shown += [event["resource"]["prefect.resource.id"] for event in msgspec.json.decode(page)]
        assert total == 7
        if token is None:
            break
        token = event_lists.read_token(event_lists.write_token(token))
        await intake(world).record([plain_event("p", 100 + len(shown))])
    assert shown == [f"thing.{at}" for at in reversed(range(7))]


async def test_counts_by_name_resource_and_time(world: World):
    """Counts add up to the events meant, however they are grouped."""
    await intake(world).record([plain_event("c.x", at // 2 * 1800) for at in range(6)])
    document = {
        "event": {"prefix": ["c."]},
        "occurred": {"since": START.isoformat(), "until": (START + timedelta(hours=1)).isoformat()},
    }
    given = msgspec.convert(document, EventFilter, strict=False)
    for by, counts in (
        (Countable.EVENT, [6]),
        (Countable.RESOURCE, [2, 2, 2]),
        (Countable.TIME, [4, 2]),
        (Countable.DAY, [6]),
    ):
        answer = await event_lists.count_events(world.database, given, by, TimeUnit.HOUR, 1.0)
        assert [one["count"] for one in msgspec.json.decode(answer)] == counts, by


async def test_a_flow_runs_own_events_are_followed_too(world: World):
    """What a change of state commits is seen by those who follow."""
    tail = EventTail(world.database, world.signals, asyncio.Event())
    run = await world.run()
    wanted = msgspec.convert({"event": {"name": ["prefect.flow-run.Running"]}}, EventFilter)
    following = tail.follow(wanted, backfill=False)
    first = asyncio.create_task(anext(following))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        while not first.done():
            await world.propose(run, state("RUNNING"), force=True)
            await asyncio.wait({first}, timeout=0.05)
    assert msgspec.json.decode(first.result())["event"] == "prefect.flow-run.Running"
    await following.aclose()


async def test_numbers_are_never_given_again(world: World):
    """Retention leaves the newest event, so that those after it are numbered above it."""
    await intake(world).record([plain_event("old", at) for at in range(5)])
    params = {"before": "2100-01-01T00:00:00.000000Z"}
    await world.database.transact(lambda tx: tx.execute(OLD_EVENTS, params))
    [left] = await world.rows(schema.event)
    await intake(world).record([plain_event("new", 9)])
    newest = await world.rows(schema.event, event="new")
    assert newest[0]["seq"] > left["seq"]
