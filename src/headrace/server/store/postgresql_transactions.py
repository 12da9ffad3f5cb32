"""Transactions that read before they write: a few threads, each with a connection of its own."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import random
from time import sleep
from typing import Any, cast

import psycopg
from psycopg import Connection
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult
from sqlalchemy.sql import ClauseElement

from headrace.errors import HeadraceError, TooBusy
from headrace.server.store.database import (
    Params,
    Row,
    Statement,
    T,
    Transaction,
    parameter_sets,
)
from headrace.server.store.plans import Planner, Prepared
from headrace.server.store.postgresql_errors import TRY_AGAIN, lost
from headrace.server.store.postgresql_session import Aborted, Bound, read_error
from headrace.server.store.postgresql_values import SESSION, adapt, dump

THREADS = 4
"""Transactions at a time; they mostly wait for the server and for each other's locks."""

MAX_WAITING = 1024
"""Transactions that may wait for a thread."""

MAX_TRIES = 10
"""Times a transaction is run that meets a deadlock, or whose connection is lost before COMMIT."""

_LONGEST_PAUSE = 0.5  # seconds
_RETRY_PAUSE = 0.01  # seconds, doubled each time and drawn from at random: two threads part ways

_NO_PARAMS: Params = {}
_LOCK = Prepared("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", None, lasting=True)
_NOW = Prepared("SELECT clock_timestamp()", None, lasting=True)
_BEGIN: Bound = (Prepared("BEGIN", None, lasting=True), [])
_COMMIT: Bound = (Prepared("COMMIT", None, lasting=True), [])


class _TryAgain(Exception):
    """The transaction is lost, and running it again may well succeed."""

    def __init__(self, error: HeadraceError) -> None:
        super().__init__(str(error))
        self.error = error


class Channel:
    """One blocking connection; statements are prepared on it as they come."""

    def __init__(self, conninfo: str) -> None:
        self._connection: Connection[Any] = psycopg.connect(conninfo, autocommit=True)
        for statement in SESSION:
            self._connection.execute(statement)
        adapt(self._connection)
        self._pg = self._connection.pgconn
        self._pg.nonblocking = 0
        self._transformer = Transformer(self._connection)
        self._names: dict[str, bytes] = {}

    @property
    def idle(self) -> bool:
        """Whether the connection lives and is in no transaction."""
        return self._pg.transaction_status == TransactionStatus.IDLE

    @property
    def broken(self) -> bool:
        """Whether the connection is gone."""
        return self._pg.transaction_status == TransactionStatus.UNKNOWN

    def run(self, bound: Bound) -> PGresult:
        """Run one statement and wait for its answer. Raises the store's errors and `_TryAgain`."""
        prepared, parameters = bound
        try:
            if not prepared.comes_again():
                return self._check(self._pg.exec_params(prepared.sql.encode(), parameters))
            name = self._names.get(prepared.sql)
            if name is None:
                name = b"h%d" % len(self._names)
                self._check(self._pg.prepare(name, prepared.sql.encode()))
                self._names[prepared.sql] = name
            # psycopg's annotation forgets that a parameter may be null
            given = cast("list[bytes]", parameters)
            return self._check(self._pg.exec_prepared(name, given))
        except psycopg.Error as error:
            raise _TryAgain(lost(error)) from error

    def _check(self, result: PGresult) -> PGresult:
        if result.status in {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}:
            return result
        if self.broken:
            raise _TryAgain(lost(self._pg.get_error_message()))
        error, sqlstate = read_error(result)
        if isinstance(error, Aborted) or not isinstance(error, HeadraceError):
            error = lost("the connection is out of step")
        if sqlstate in TRY_AGAIN:
            raise _TryAgain(error)
        raise error

    def rows(self, result: PGresult) -> list[Row]:
        """The rows of an answer."""
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def roll_back(self) -> None:
        """End a transaction that failed."""
        if not self.broken and not self.idle:
            self._pg.exec_(b"ROLLBACK")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _PostgresqlTransaction:
    """The inside of one transaction."""

    def __init__(self, channel: Channel, planner: Planner) -> None:
        self._channel = channel
        self._planner = planner

    def fetch_all(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        prepared, values = self._planner.bind(statement, params)
        rows = self._channel.rows(self._channel.run((prepared, dump(values))))
        return prepared.load(rows) if prepared.load is not None else rows

    def fetch_one(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> Row | None:
        rows = self.fetch_all(statement, params)
        return rows[0] if rows else None

    def execute(
        self, statement: Statement | ClauseElement, params: Params | Sequence[Params] = _NO_PARAMS
    ) -> int:
        changed = 0
        for values in parameter_sets(params):
            prepared, bound = self._planner.bind(statement, values)
            changed += self._channel.run((prepared, dump(bound))).command_tuples or 0
        return changed

    def now(self) -> str:
        return self._channel.rows(self._channel.run((_NOW, [])))[0][0]

    def lock(self, *keys: str) -> None:
        for key in sorted(keys):
            self._channel.run((_LOCK, [key.encode()]))


class PostgresqlTransactions:
    """Runs procedures in threads.

    Args:
        conninfo: How to connect.
        new_planner: Makes the plans of one thread.
    """

    def __init__(self, conninfo: str, new_planner: Callable[[], Planner]) -> None:
        self._conninfo = conninfo
        self._new_planner = new_planner
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="store-transact")
        self._local = threading.local()
        self._channels: set[Channel] = set()
        self._waiting = 0
        self._closed = False

    async def run(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a transaction of its own. Raises what it raises, and the store's errors."""
        if self._closed:
            raise lost("the database is closed")
        if self._waiting >= MAX_WAITING:
            message = f"{MAX_WAITING} transactions are waiting; try again in a moment"
            raise TooBusy(message)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._run, work)
        finally:
            self._waiting -= 1

    def _run(self, work: Callable[[Transaction], T]) -> T:
        for attempt in range(1, MAX_TRIES + 1):
            channel = self._channel()
            try:
                return self._run_once(channel, work)
            except _TryAgain as again:
                if attempt == MAX_TRIES:
                    raise again.error from again
            finally:
                self._tidy(channel)
            sleep(random() * min(_LONGEST_PAUSE, _RETRY_PAUSE * 2**attempt))  # noqa: S311  # no secret
        raise AssertionError

    def _run_once(self, channel: Channel, work: Callable[[Transaction], T]) -> T:
        channel.run(_BEGIN)
        value = work(_PostgresqlTransaction(channel, self._local.planner))
        try:
            channel.run(_COMMIT)
        except _TryAgain as again:
            # deadlocks cannot happen here; with the connection gone nobody knows the outcome
            raise again.error from again
        return value

    def _channel(self) -> Channel:
        channel: Channel | None = getattr(self._local, "channel", None)
        if channel is None:
            try:
                channel = Channel(self._conninfo)
            except psycopg.Error as error:
                raise lost(error) from error
            self._local.channel = channel
            self._local.planner = self._new_planner()
            self._channels.add(channel)
        return channel

    def _tidy(self, channel: Channel) -> None:
        """Leave the connection idle, or have the next transaction make a new one."""
        channel.roll_back()
        if not channel.idle:
            self._local.channel = None
            self._channels.discard(channel)
            channel.close()

    async def close(self) -> None:
        """Finish what was taken on and close the connections."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)
        for channel in self._channels:
            channel.close()
