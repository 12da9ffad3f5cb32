"""The PostgreSQL database: a session for writes, one for point reads, a few for lists and claims."""

import asyncio
from collections.abc import Callable

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from headrace.server.store.database import (
    Deliver,
    Forward,
    Params,
    Row,
    Statement,
    T,
    Transaction,
    Unit,
    Write,
    parameter_sets,
)
from headrace.server.store.migrate_postgresql import prepare_postgresql
from headrace.server.store.notify import SignalBridge
from headrace.server.store.plans import Planner
from headrace.server.store.postgresql_errors import lost
from headrace.server.store.postgresql_reader import PostgresqlReader
from headrace.server.store.postgresql_session import Bound, Connector
from headrace.server.store.postgresql_transactions import PostgresqlTransactions
from headrace.server.store.postgresql_values import dump
from headrace.server.store.postgresql_writer import PostgresqlWriter, Step

_NO_PARAMS: Params = {}


def new_dialect() -> Dialect:
    """PostgreSQL's SQL with `$1` parameters, each with a cast that says its type."""
    return PGDialect_psycopg(paramstyle="numeric_dollar")


def new_planner() -> Planner:
    """Plans for PostgreSQL."""
    return Planner(new_dialect(), typed_booleans=True)


async def open_postgresql(url: str) -> "PostgresqlDatabase":
    """Connect, and create or upgrade our tables.

    Raises `DatabaseNotOurs` and `DatabaseUnavailable`.
    """
    connector = Connector(url)
    try:
        await asyncio.to_thread(prepare_postgresql, connector.conninfo, new_dialect())
    except psycopg.Error as error:
        raise lost(error) from error
    database = PostgresqlDatabase(connector)
    try:
        await database.connect()
    except BaseException:
        await database.close()
        raise
    return database


class PostgresqlDatabase:
    """A `Database` on a PostgreSQL server, which other servers may share."""

    dialect = "postgresql"

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._bridges: list[SignalBridge] = []
        self._planner = new_planner()
        self._reader = PostgresqlReader(connector)
        self._writer = PostgresqlWriter(connector)
        self._transactions = PostgresqlTransactions(connector.conninfo, new_planner)

    @property
    def waiting_writes(self) -> int:
        """How many units wait to be committed."""
        return self._writer.waiting

    async def connect(self) -> None:
        """Reach the server now rather than at the first write. Raises `DatabaseUnavailable`."""
        await self._writer.connect()

    def announce(self, url: str) -> None:
        """Nothing: servers share this database and find each other in it."""

    async def share_signals(self, deliver: Deliver) -> Forward | None:
        """Hear the topics of other servers; the result tells them ours."""
        bridge = SignalBridge(self._connector, deliver)
        await bridge.start()
        self._bridges.append(bridge)
        return bridge.forward

    def _bind(self, statement: Statement | ClauseElement, params: Params) -> Bound:
        prepared, values = self._planner.bind(statement, params)
        return prepared, dump(values)

    async def fetch_all(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        """Rows of a query, on one of the sessions for lists."""
        return await self._reader.fetch_list(self._bind(statement, params))

    async def fetch_few(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        """A handful of rows, in one burst with other such reads."""
        return await self._reader.fetch_point(self._bind(statement, params))

    async def fetch_one(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> Row | None:
        """One row found through a unique key, in one burst with other such reads."""
        rows = await self._reader.fetch_point(self._bind(statement, params))
        return rows[0] if rows else None

    async def apply(self, unit: Unit) -> None:
        """Commit a unit, grouped with the others that are waiting."""
        steps = [step for write in unit if (step := self._step(write)).bounds]
        if steps:
            await self._writer.submit(steps)

    def _step(self, write: Write) -> Step:
        sets = parameter_sets(write.params)
        return Step([self._bind(write.statement, params) for params in sets], write.expect)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction of its own, in a thread."""
        return await self._transactions.run(work)

    async def close(self) -> None:
        """Finish what is queued and close the connections."""
        await self._writer.close()
        await self._transactions.close()
        for bridge in self._bridges:
            await bridge.close()
        self._reader.close()
