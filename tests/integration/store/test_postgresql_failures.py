"""What PostgreSQL's store does when the server, a connection or another server gets in the way."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Integer, bindparam, func, insert, literal, select, update

from headrace.core.times import now_text
from headrace.errors import DatabaseUnavailable, StaleWrite, ValidationFailed
from headrace.server.store.database import Database, Row, Statement, Transaction, Write
from headrace.server.store.open import open_database
from headrace.server.store.schema import flow

INSERT_FLOW = Statement(insert(flow))
COUNT_FLOWS = Statement(select(func.count()).select_from(flow))
GET_FLOW = Statement(select(flow.c.id).where(flow.c.id == bindparam("id")))
TOUCH = Statement(
    update(flow).where(flow.c.id == bindparam("flow")).values(labels=flow.c.labels + "x")
)


def new_flow() -> dict[str, object]:
    key = str(uuid4())
    now = now_text()
    return {"id": key, "created": now, "updated": now, "name": key}


@pytest.fixture
def postgresql(runner: asyncio.Runner, postgresql_url: str) -> Iterator[Database]:
    """A fresh, open PostgreSQL database."""
    database = runner.run(open_database(postgresql_url))
    yield database
    runner.run(database.close())


def end_sessions(url: str) -> int:
    """Have the server end every session on the database but this one."""
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    return ended[0]


async def test_lost_connections_lose_nothing_and_double_nothing(
    postgresql: Database, postgresql_url: str
) -> None:
    """While sessions are ended again and again, an acknowledged row is there, and there once."""
    acknowledged: list[str] = []
    progress = asyncio.Semaphore(0)
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            row = new_flow()
            try:
                await postgresql.apply([Write(INSERT_FLOW, row)])
            except DatabaseUnavailable:
                await asyncio.sleep(0.02)
            else:
                acknowledged.append(str(row["id"]))
                progress.release()

    writers = [asyncio.create_task(write()) for _ in range(16)]
    for _ in range(5):
        for _ in range(50):
            await progress.acquire()
        await asyncio.to_thread(end_sessions, postgresql_url)
    stop.set()
    await asyncio.gather(*writers)
    for key in acknowledged:
        assert await postgresql.fetch_one(GET_FLOW, {"id": key}) == (key,)


async def test_reads_survive_a_lost_connection(postgresql: Database, postgresql_url: str) -> None:
    """A read whose session was ended is answered by the next one."""
    row = new_flow()
    await postgresql.apply([Write(INSERT_FLOW, row)])
    await postgresql.fetch_all(COUNT_FLOWS)
    await asyncio.to_thread(end_sessions, postgresql_url)
    assert await postgresql.fetch_one(GET_FLOW, {"id": row["id"]}) == (row["id"],)
    assert await postgresql.fetch_all(COUNT_FLOWS) == [(1,)]
    assert await postgresql.transact(lambda t: t.fetch_one(COUNT_FLOWS)) == (1,)


async def test_a_server_that_is_away_and_comes_back(
    postgresql: Database, postgresql_url: str, postgresql_server
) -> None:
    """Everything is refused at once while the server is away, and works again when it is back."""
    await postgresql.apply([Write(INSERT_FLOW, new_flow())])
    name = postgresql_url.partition("?")[0].rpartition("/")[2]
    postgresql_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await asyncio.to_thread(
        postgresql_server.run,
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
    )
    calls = [
        lambda: postgresql.apply([Write(INSERT_FLOW, new_flow())]),
        lambda: postgresql.fetch_one(COUNT_FLOWS),
        lambda: postgresql.fetch_all(COUNT_FLOWS),
        lambda: postgresql.transact(lambda t: t.fetch_one(COUNT_FLOWS)),
    ]
    for call in calls:
        with pytest.raises(DatabaseUnavailable):
            await asyncio.wait_for(call(), timeout=10)
    postgresql_server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    for call in calls:
        for _ in range(1000):
            try:
                await call()
            except DatabaseUnavailable:
                await asyncio.sleep(0.01)
            else:
                break
        else:
            pytest.fail("the database did not come back")


async def test_the_outcome_of_an_unanswered_commit_is_asked(
    postgresql: Database, postgresql_url: str
) -> None:
    """A transaction's id tells whether it took effect."""
    with psycopg.connect(postgresql_url) as connection:
        (committed,) = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        connection.commit()
        (aborted,) = connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        connection.rollback()
    lost = DatabaseUnavailable("lost")
    assert await postgresql._writer._took_effect(committed, lost) is True
    assert await postgresql._writer._took_effect(aborted, lost) is False


async def test_two_servers_that_write_the_same_rows_in_other_orders(
    postgresql: Database, postgresql_url: str
) -> None:
    """Deadlocks between the batches of two servers are resolved; every unit takes effect."""
    other = await open_database(postgresql_url)
    rows = [new_flow() for _ in range(8)]
    for row in rows:
        row["labels"] = ""
    await postgresql.apply([Write(INSERT_FLOW, rows)])

    def unit(order: list[dict[str, object]]) -> list[Write]:
        return [Write(TOUCH, {"flow": row["id"]}, expect=1) for row in order]

    rounds = 20
    await asyncio.gather(
        *(postgresql.apply(unit(rows)) for _ in range(rounds)),
        *(other.apply(unit(rows[::-1])) for _ in range(rounds)),
        *(
            postgresql.transact(lambda t: t.execute(TOUCH, [{"flow": row["id"]} for row in rows]))
            for _ in range(5)
        ),
    )
    lengths = await postgresql.fetch_all(select(func.length(flow.c.labels)))
    assert lengths == [(2 * rounds + 5,)] * 8
    await other.close()


async def test_compare_and_set_between_servers(postgresql: Database, postgresql_url: str) -> None:
    """Of two servers that saw the same row one changes it."""
    other = await open_database(postgresql_url)
    row = {**new_flow(), "labels": "0"}
    await postgresql.apply([Write(INSERT_FLOW, row)])
    change = Statement(
        update(flow).where(flow.c.id == bindparam("flow"), flow.c.labels == "0").values(labels="1")
    )
    outcomes = await asyncio.gather(
        *(
            database.apply([Write(change, {"flow": row["id"]}, expect=1)])
            for database in (postgresql, other) * 10
        ),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, StaleWrite) for outcome in outcomes) == 19
    await other.close()


async def test_values_that_postgresql_cannot_hold_are_refused_alone(postgresql: Database) -> None:
    """A value of the wrong form is the caller's mistake; reads in the same burst are answered."""
    row = new_flow()
    await postgresql.apply([Write(INSERT_FLOW, row)])
    outcomes = await asyncio.gather(
        postgresql.fetch_one(GET_FLOW, {"id": row["id"]}),
        postgresql.fetch_one(GET_FLOW, {"id": "not-a-uuid"}),
        postgresql.fetch_one(GET_FLOW, {"id": row["id"]}),
        postgresql.fetch_one(GET_FLOW, {"id": "\ud800"}),
        postgresql.fetch_one(GET_FLOW, {"id": row["id"]}),
        return_exceptions=True,
    )
    assert outcomes[0] == outcomes[2] == outcomes[4] == (row["id"],)
    assert isinstance(outcomes[1], ValidationFailed)
    assert isinstance(outcomes[3], ValidationFailed)


async def test_closing_finishes_the_queue(postgresql_url: str) -> None:
    """What was handed over before `close` is committed."""
    database = await open_database(postgresql_url)
    writes = [
        asyncio.ensure_future(database.apply([Write(INSERT_FLOW, new_flow())])) for _ in range(500)
    ]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(DatabaseUnavailable):
        await database.apply([Write(INSERT_FLOW, new_flow())])
    database = await open_database(postgresql_url)
    assert await database.fetch_one(COUNT_FLOWS) == (500,)
    await database.close()


async def test_many_shapes_of_statements(postgresql: Database) -> None:
    """More shapes than a session keeps prepared come and go."""
    await postgresql.apply([Write(INSERT_FLOW, new_flow())])
    for round_ in range(3):
        for width in range(600):
            if round_ == 0 and width % 50:
                continue
            statement = Statement(select(func.count() + width, flow.c.id).group_by(flow.c.id))
            (row,) = await postgresql.fetch_all(statement)
            assert row[0] == 1 + width


async def test_a_lock_is_handed_on(postgresql: Database) -> None:
    """A transaction that waits for a lock goes on when the one that holds it ends."""
    order: list[str] = []

    def first(transaction: Transaction) -> None:
        transaction.lock("x")
        order.append("first")

    def second(transaction: Transaction) -> None:
        transaction.lock("x")
        order.append("second")

    await asyncio.gather(postgresql.transact(first), postgresql.transact(second))
    assert sorted(order) == ["first", "second"]


async def test_a_long_list_holds_up_nobody_and_is_answered(postgresql: Database) -> None:
    """A query beyond a quick session's time has its own; those asked with it are answered first."""
    await postgresql.apply([Write(INSERT_FLOW, new_flow())])
    await postgresql.fetch_all(COUNT_FLOWS)
    long_one = Statement(select(func.pg_sleep(bindparam("seconds")), literal(1)))
    order: list[str] = []

    async def ask(name: str, statement: Statement, seconds: float | None = None) -> list[Row]:
        params = {} if seconds is None else {"seconds": seconds}
        rows = await postgresql.fetch_all(statement, params)
        order.append(name)
        return rows

    long_rows, *short_rows = await asyncio.gather(
        ask("long", long_one, 0.3), *(ask("short", COUNT_FLOWS) for _ in range(20))
    )
    assert long_rows[0][1] == 1
    assert short_rows == [[(1,)]] * 20
    assert order == ["short"] * 20 + ["long"]


async def test_a_list_that_is_refused_fails_alone(postgresql: Database) -> None:
    """Lists that went out together with one that the server refuses get their rows all the same."""
    wrong = Statement(select(literal(1) / bindparam("divisor", type_=Integer())))
    answers = await asyncio.gather(
        *(postgresql.fetch_all(COUNT_FLOWS) for _ in range(5)),
        postgresql.fetch_all(wrong, {"divisor": 0}),
        *(postgresql.fetch_all(COUNT_FLOWS) for _ in range(5)),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(5), ValidationFailed)
    assert answers == [[(0,)]] * 10


async def test_a_session_that_ends_itself_holds_up_nobody(postgresql: Database) -> None:
    """What asked is answered or refused, also where the farewell comes after the answer."""
    ends = select(func.pg_terminate_backend(func.pg_backend_pid()))
    for _ in range(5):
        with suppress(DatabaseUnavailable):
            await asyncio.wait_for(postgresql.fetch_all(ends), 60)
    assert await postgresql.fetch_one(COUNT_FLOWS) == (0,)
