"""Units of writes and reads: the same on every database."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import bindparam, delete, func, insert, select, text, update

from headrace.core.times import later, now_text, to_datetime
from headrace.errors import ForeignKeyViolation, StaleWrite, UniqueViolation
from headrace.server.store.database import Database, Statement, Transaction, Write
from headrace.server.store.schema import event, flow, flow_run, work_pool, work_queue

INSERT_FLOW = Statement(insert(flow))
INSERT_RUN = Statement(insert(flow_run))
INSERT_POOL = Statement(insert(work_pool))
INSERT_QUEUE = Statement(insert(work_queue))
INSERT_EVENT = Statement(insert(event))
GET_FLOW = Statement(
    select(flow.c.id, flow.c.name, flow.c.created).where(flow.c.id == bindparam("id"))
)
GET_POOL = Statement(select(work_pool).where(work_pool.c.name == bindparam("name")))
GET_RUN = Statement(
    select(flow_run.c.version, flow_run.c.state_name).where(flow_run.c.id == bindparam("id"))
)
SET_STATE = Statement(
    update(flow_run)
    .where(flow_run.c.id == bindparam("run"), flow_run.c.version == bindparam("seen"))
    .values(version=flow_run.c.version + 1, state_name=bindparam("name"))
)
RENAME = Statement(update(flow).where(flow.c.id == bindparam("flow")))
COUNT_UP = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    " SELECT count(*) FROM n"
)
COUNT_FLOWS = Statement(select(func.count()).select_from(flow))


def new_flow(**values: object) -> dict[str, object]:
    key = str(uuid4())
    now = now_text()
    return {"id": key, "created": now, "updated": now, "name": f"flow-{key}", **values}


def new_run(flow_id: object) -> dict[str, object]:
    now = now_text()
    return {
        "id": str(uuid4()), "created": now, "updated": now, "name": "run", "flow_id": flow_id,
        "version": 0, "auto_scheduled": False, "total_run_time": 0.25,
    }  # fmt: skip


async def make_run(database: Database) -> str:
    row = new_flow()
    run = new_run(row["id"])
    await database.apply([Write(INSERT_FLOW, row), Write(INSERT_RUN, run)])
    return str(run["id"])


async def test_a_committed_row_is_read_as_it_was_written(database: Database) -> None:
    """Ids and times come back as the very text that was given."""
    row = new_flow(created="2026-11-21T00:33:00.120000Z")
    await database.apply([Write(INSERT_FLOW, row)])
    found = await database.fetch_one(GET_FLOW, {"id": row["id"]})
    assert found == (row["id"], row["name"], "2026-11-21T00:33:00.120000Z")


@pytest.mark.parametrize(
    "moment",
    ["2026-01-01T00:00:00.000000Z", "2026-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000001Z",
     "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z"],
)  # fmt: skip
async def test_times_keep_their_width(database: Database, moment: str) -> None:
    """A time is fixed-width text with microseconds, whatever its digits."""
    row = new_flow(created=moment)
    await database.apply([Write(INSERT_FLOW, row)])
    assert (await database.fetch_one(GET_FLOW, {"id": row["id"]}))[2] == moment


async def test_booleans_are_booleans(database: Database) -> None:
    """A boolean column gives `True` or `False` itself, in rows and in expressions."""
    now = now_text()
    pool = {"id": str(uuid4()), "created": now, "updated": now, "name": "p", "type": "process",
            "is_paused": True}  # fmt: skip
    await database.apply([Write(INSERT_POOL, pool)])
    row = await database.fetch_one(GET_POOL, {"name": "p"})
    assert row is not None
    assert any(value is True for value in row)
    (expression,) = await database.fetch_all(
        select(work_pool.c.is_paused.is_(True), work_pool.c.name == "q")
    )
    assert expression == (True, False)
    assert all(isinstance(value, bool) for value in expression)


async def test_a_missing_row_is_none(database: Database) -> None:
    """A read through a key that no row has gives None."""
    assert await database.fetch_one(GET_FLOW, {"id": str(uuid4())}) is None


async def test_a_missing_parameter_is_named(database: Database) -> None:
    """A statement without one of its parameters is refused before it runs."""
    with pytest.raises(KeyError, match="id"):
        await database.fetch_one(GET_FLOW, {})


async def test_a_unit_is_all_or_nothing(database: Database) -> None:
    """When a later statement of a unit is refused, the earlier ones leave nothing."""
    row = new_flow()
    with pytest.raises(ForeignKeyViolation):
        await database.apply([Write(INSERT_FLOW, row), Write(INSERT_RUN, new_run(str(uuid4())))])
    assert await database.fetch_one(GET_FLOW, {"id": row["id"]}) is None


async def test_a_second_row_with_the_same_key_is_refused(database: Database) -> None:
    """Unique columns and primary keys are refused by the same error."""
    row = new_flow()
    await database.apply([Write(INSERT_FLOW, row)])
    for other in (new_flow(id=row["id"]), new_flow(name=row["name"])):
        with pytest.raises(UniqueViolation):
            await database.apply([Write(INSERT_FLOW, other)])


async def test_many_sets_of_parameters_are_one_write(database: Database) -> None:
    """A write with many sets inserts them all, and none of them when one is refused."""
    rows = [new_flow() for _ in range(50)]
    await database.apply([Write(INSERT_FLOW, rows)])
    assert await database.fetch_one(COUNT_FLOWS) == (50,)
    with pytest.raises(UniqueViolation):
        await database.apply([Write(INSERT_FLOW, [new_flow(), rows[7], new_flow()])])
    assert await database.fetch_one(COUNT_FLOWS) == (50,)


async def test_an_empty_write_does_nothing(database: Database) -> None:
    """A write without a set of parameters, and a unit without writes, are done at once."""
    await database.apply([])
    await database.apply([Write(INSERT_FLOW, [])])
    assert await database.fetch_one(COUNT_FLOWS) == (0,)


async def test_defaults_of_columns_that_are_not_given(database: Database) -> None:
    """An insert names only the columns it is given; the others take their default."""
    row = new_flow()
    await database.apply([Write(INSERT_FLOW, row)])
    assert await database.fetch_all(select(flow.c.tags, flow.c.labels)) == [("[]", "{}")]


async def test_an_update_changes_the_columns_it_is_given(database: Database) -> None:
    """The names of the parameters say which columns an update without values changes."""
    row = new_flow()
    await database.apply([Write(INSERT_FLOW, row)])
    await database.apply([Write(RENAME, {"flow": row["id"], "name": "new"}, expect=1)])
    assert (await database.fetch_one(GET_FLOW, {"id": row["id"]}))[1] == "new"


async def test_compare_and_set(database: Database) -> None:
    """`expect` holds for the version that was read, and is refused for an older one."""
    run = await make_run(database)
    step = {"run": run, "seen": 0, "name": "Pending"}
    await database.apply([Write(SET_STATE, step, expect=1)])
    with pytest.raises(StaleWrite):
        await database.apply([Write(SET_STATE, {**step, "name": "Late"}, expect=1)])
    assert await database.fetch_one(GET_RUN, {"id": run}) == (1, "Pending")


async def test_a_lost_compare_and_set_undoes_its_unit(database: Database) -> None:
    """What a unit wrote before its `expect` failed is undone with it."""
    run = await make_run(database)
    row = new_flow()
    with pytest.raises(StaleWrite):
        await database.apply(
            [
                Write(INSERT_FLOW, row),
                Write(SET_STATE, {"run": run, "seen": 9, "name": "x"}, expect=1),
            ]
        )
    assert await database.fetch_one(GET_FLOW, {"id": row["id"]}) is None


async def test_of_many_that_compare_and_set_one_wins(database: Database) -> None:
    """Of 64 writers that saw the same version exactly one changes the row."""
    run = await make_run(database)

    async def change(name: str) -> str | None:
        try:
            await database.apply(
                [Write(SET_STATE, {"run": run, "seen": 0, "name": name}, expect=1)]
            )
        except StaleWrite:
            return None
        return name

    won = [name for name in await asyncio.gather(*(change(f"n{i}") for i in range(64))) if name]
    assert len(won) == 1
    assert await database.fetch_one(GET_RUN, {"id": run}) == (1, won[0])


async def test_64_writers_at_once(database: Database) -> None:
    """Concurrent writers all get their answer, and each reads its own write at once."""

    async def write(number: int) -> None:
        for _ in range(10):
            row = new_flow(tags=f"[{number}]")
            await database.apply([Write(INSERT_FLOW, row)])
            assert await database.fetch_one(GET_FLOW, {"id": row["id"]}) is not None

    await asyncio.gather(*(write(number) for number in range(64)))
    assert await database.fetch_one(COUNT_FLOWS) == (640,)


async def test_refused_units_do_not_take_their_neighbours_with_them(database: Database) -> None:
    """In a group, every unit gets its own verdict."""
    taken = new_flow()
    await database.apply([Write(INSERT_FLOW, taken)])
    rows = [new_flow() if i % 5 else new_flow(name=taken["name"]) for i in range(40)]
    outcomes = await asyncio.gather(
        *(database.apply([Write(INSERT_FLOW, row)]) for row in rows), return_exceptions=True
    )
    refused = [isinstance(outcome, UniqueViolation) for outcome in outcomes]
    assert refused == [i % 5 == 0 for i in range(40)]
    assert await database.fetch_one(COUNT_FLOWS) == (33,)


async def test_the_first_of_two_equal_units_wins(database: Database) -> None:
    """Units commit in the order in which they were handed over."""
    row = new_flow()
    outcomes = await asyncio.gather(
        *(database.apply([Write(INSERT_FLOW, row)]) for _ in range(8)), return_exceptions=True
    )
    assert outcomes[0] is None
    assert all(isinstance(outcome, UniqueViolation) for outcome in outcomes[1:])


async def test_a_caller_that_goes_away_harms_nobody(database: Database) -> None:
    """A cancelled caller leaves the group's other units and later ones in order."""
    cancelled = asyncio.create_task(database.apply([Write(INSERT_FLOW, new_flow())]))
    kept = asyncio.create_task(database.apply([Write(INSERT_FLOW, new_flow())]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await kept
    await database.apply([Write(INSERT_FLOW, new_flow())])
    assert (await database.fetch_one(COUNT_FLOWS))[0] in {2, 3}


async def test_filters_put_together_for_one_request(database: Database) -> None:
    """The same shape of filter gives the rows of its present values, lists of any length included."""
    rows = [new_flow(name=f"n{i}") for i in range(6)]
    await database.apply([Write(INSERT_FLOW, rows)])

    async def names(*wanted: str, limit: int = 10) -> list[str]:
        found = await database.fetch_all(
            select(flow.c.name).where(flow.c.name.in_(wanted)).order_by(flow.c.name).limit(limit)
        )
        return [name for (name,) in found]

    for _ in range(5):  # often enough to be prepared on the server
        assert await names("n1", "n3") == ["n1", "n3"]
        assert await names("n5") == ["n5"]
        assert await names("n0", "n1", "n2", "n3", "n4", limit=2) == ["n0", "n1"]
        assert await names() == []
        assert await names("none", "n2", "n2") == ["n2"]


async def test_sums_and_averages_are_plain_numbers(database: Database) -> None:
    """Aggregates are Python's int and float."""
    run = await make_run(database)
    (row,) = await database.fetch_all(
        select(func.sum(flow_run.c.version), func.avg(flow_run.c.total_run_time), func.count())
    )
    assert row == (0, 0.25, 1)
    assert [type(value) for value in row] == [int, float, int]
    assert run


async def test_deleting_a_row_deletes_what_belongs_to_it(database: Database) -> None:
    """Foreign keys cascade."""
    run = await make_run(database)
    await database.apply([Write(Statement(delete(flow)), {})])
    assert await database.fetch_one(GET_RUN, {"id": run}) is None


async def test_text_of_any_script_and_length(database: Database) -> None:
    """Text comes back character by character."""
    name = "ключ-鍵-🗝️-'\"\\%_$1" + "x" * 100_000
    row = new_flow(labels=name)
    await database.apply([Write(INSERT_FLOW, row)])
    assert await database.fetch_all(select(flow.c.labels)) == [(name,)]


async def test_a_transaction_reads_before_it_writes(database: Database) -> None:
    """Inside `transact` reads see the transaction's own writes, and its value is handed back."""

    def work(transaction: Transaction) -> tuple[object, object]:
        before = transaction.fetch_one(COUNT_FLOWS)
        assert transaction.execute(INSERT_FLOW, [new_flow(), new_flow()]) == 2
        return before, transaction.fetch_one(COUNT_FLOWS)

    assert await database.transact(work) == ((0,), (2,))
    assert await database.fetch_one(COUNT_FLOWS) == (2,)


async def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    """Whatever `work` raises undoes what it wrote, and comes out of `transact`."""

    def work(transaction: Transaction) -> None:
        transaction.execute(INSERT_FLOW, new_flow())
        raise LookupError("changed my mind")

    with pytest.raises(LookupError, match="changed my mind"):
        await database.transact(work)
    assert await database.fetch_one(COUNT_FLOWS) == (0,)


async def test_errors_inside_a_transaction_are_the_stores(database: Database) -> None:
    """A refused statement raises the store's error inside the transaction."""
    row = new_flow()

    def work(transaction: Transaction) -> None:
        transaction.execute(INSERT_FLOW, row)
        transaction.execute(INSERT_FLOW, row)

    with pytest.raises(UniqueViolation):
        await database.transact(work)
    assert await database.fetch_one(COUNT_FLOWS) == (0,)


async def test_locked_transactions_take_turns(database: Database) -> None:
    """Counting and inserting under a lock never admits more than the limit."""

    def admit(transaction: Transaction) -> bool:
        transaction.lock("limit:b", "limit:a")
        if transaction.fetch_one(COUNT_FLOWS)[0] >= 5:
            return False
        transaction.execute(INSERT_FLOW, new_flow())
        return True

    admitted = await asyncio.gather(*(database.transact(admit) for _ in range(32)))
    assert sum(admitted) == 5
    assert await database.fetch_one(COUNT_FLOWS) == (5,)


async def test_the_time_of_a_transaction(database: Database) -> None:
    """`now` is the store's text, and goes on within one transaction."""
    first, second = await database.transact(lambda t: (t.now(), t.now()))
    assert first <= second
    assert len(first) == len("2026-11-21T00:33:00.123456Z")
    assert to_datetime(first).utcoffset().total_seconds() == 0
    assert later(first, -60) < first < later(first, 0.000001)


async def test_events_are_numbered_in_the_order_of_commits(database: Database) -> None:
    """The outbox numbers what it is given, without being told a number."""
    now = now_text()
    for name in ("a", "b", "c"):
        row = {"id": str(uuid4()), "occurred": now, "received": now, "event": name,
               "resource_id": "r", "resource": "{}", "related": "[]", "payload": "{}"}  # fmt: skip
        await database.apply([Write(INSERT_EVENT, row)])
    found = await database.fetch_all(select(event.c.event).order_by(event.c.seq))
    assert found == [("a",), ("b",), ("c",)]


async def test_a_long_query_does_not_cut_short_the_reads_beside_it(database: Database) -> None:
    """While a query runs that was taken off the event loop, others are read to their end."""
    long = asyncio.create_task(database.fetch_all(text(COUNT_UP.format(last=400_000))))
    await asyncio.sleep(0)
    beside = 0
    while not long.done() and beside < 1000:
        rows = await database.fetch_few(text(COUNT_UP.format(last=3000)))
        assert rows[0][0] == 3000
        beside += 1
        await asyncio.sleep(0.01)
    assert (await long)[0][0] == 400_000
    assert beside > 0
