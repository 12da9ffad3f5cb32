"""What a task worker has taken stays its own for a while, on both databases."""

from headrace.core.ids import new_id
from headrace.core.times import later, now_text
from headrace.server.services.signals import Signals
from headrace.server.services.task_runs import create_task_run
from headrace.server.store import task_deliveries as store
from headrace.server.store.database import Database, Row, Transaction
from headrace.server.store.task_runs import SHAPE
from headrace.wire.states import StateCreate, StateDetails, StateType
from headrace.wire.task_runs import TaskRunCreate


async def delay(database: Database, name: str) -> str:
    body = TaskRunCreate(
        name=name,
        task_key="k",
        dynamic_key=name,
        state=StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(deferred=True)),
    )
    row, _ = await create_task_run(database, Signals(), body)
    return row[SHAPE.positions["id"]]


async def take(database: Database, owner: str, after: float = 0.0) -> str | None:
    """What is taken `after` seconds from now, for ten seconds."""
    now = later(now_text(), after)

    def work(tx: Transaction) -> Row | None:
        return store.take(tx, ["k", "other"], owner, now, later(now, 10.0))

    row = await database.transact(work)
    return None if row is None else row[SHAPE.positions["name"]]


async def test_what_was_taken_and_not_started_is_given_again_when_time_is_up(database: Database):
    """Not before; and another then has it."""
    await delay(database, "run")
    first, second = new_id(), new_id()
    assert await take(database, first) == "run"
    assert await take(database, second, after=9.0) is None
    assert await take(database, second, after=11.0) == "run"
    assert await take(database, first, after=12.0) is None


async def test_an_owner_that_lives_keeps_it(database: Database):
    """Holding moves the end of its time; giving back is the owner's alone."""
    run = await delay(database, "run")
    owner = new_id()
    assert await take(database, owner) == "run"
    await database.apply(store.hold(owner, later(now_text(), 100.0)))
    assert await take(database, new_id(), after=90.0) is None
    await database.apply(store.give_back(new_id(), run))
    assert await take(database, new_id()) is None
    await database.apply(store.give_back(owner, run))
    assert await take(database, new_id()) == "run"


async def test_runs_are_taken_oldest_first(database: Database):
    """One after the other."""
    for name in ("a", "b", "c"):
        await delay(database, name)
    owner = new_id()
    assert [await take(database, owner) for _ in range(4)] == ["a", "b", "c", None]
