"""One connection to PostgreSQL that keeps many statements in flight.

Statements go out in bursts: all of them in one write, a synchronisation point behind them, the
answers read as they come, in order. libpq's pipeline mode does the work; psycopg's cursors, which
take ten times as long per statement, are not in the way (figures: `docs/decisions/0003`).
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.adapt import Transformer
from psycopg.conninfo import make_conninfo
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from headrace.errors import DatabaseUnavailable
from headrace.server.store.database import Row
from headrace.server.store.plans import Prepared
from headrace.server.store.postgresql_errors import lost, translate
from headrace.server.store.postgresql_values import SESSION, adapt

CONNECT_SECONDS = 5
"""How long making a connection may take."""

MAX_PREPARED = 512
"""Statements kept prepared per session; the server holds some 20 KiB for each."""

SERVER_LOCK = 0x4844_5243_0002
"""Advisory lock that every server holds, shared: a restore takes it alone."""

_LIVENESS = {
    "connect_timeout": CONNECT_SECONDS,
    # a server that vanished without a word is noticed within about 20 s
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

_NOT_PREPARED = "26000"

Bound = tuple[Prepared, list[bytes | None]]
"""A statement and its values in PostgreSQL's text form."""


class Aborted(Exception):
    """The statement was not run, because one before it in its burst was refused."""


@dataclass(slots=True)
class Answer:
    """What one statement came to.

    Args:
        rows: Of a query.
        changed: Rows changed, of another statement.
        error: Why it was refused, or `Aborted`.
        sqlstate: The server's code of that.
    """

    rows: list[Row] = field(default_factory=list[Row])
    changed: int = 0
    error: Exception | None = None
    sqlstate: str = ""


@dataclass(slots=True)
class _Burst:
    future: asyncio.Future[list[Answer]]
    statements: Sequence[Bound]
    expected: deque[tuple[int, bool]]  # statement, and whether this is only its preparation
    answers: list[Answer]


class Session:
    """An open connection in pipeline mode. Use it from the event loop that opened it.

    `on_notification` is called with the sender's process and the payload of what is listened to;
    `ended` is set when the connection is gone.
    """

    def __init__(self, connection: AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._fd = self._pg.socket
        self._loop = asyncio.get_running_loop()
        self._transformer = Transformer(connection)
        self._bursts: deque[_Burst] = deque()
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._made = 0
        self._writing = False
        self.alive = True
        self.ended = asyncio.Event()
        self.backend = self._pg.backend_pid
        self.on_notification: Callable[[int, bytes], None] | None = None
        self._pg.enter_pipeline_mode()
        self._loop.add_reader(self._fd, self._on_readable)

    def send(self, statements: Sequence[Bound]) -> asyncio.Future[list[Answer]]:
        """Run statements one after the other; after a refusal the rest is `Aborted`.

        The future's answers are in the order of the statements. It fails with
        `DatabaseUnavailable` when the connection is lost.
        """
        future: asyncio.Future[list[Answer]] = self._loop.create_future()
        if not self.alive:
            future.set_exception(lost("the connection is closed"))
            return future
        burst = _Burst(future, statements, deque(), [Answer() for _ in statements])
        try:
            for index, (prepared, parameters) in enumerate(statements):
                self._send_one(burst, index, prepared, parameters)
            self._pg.pipeline_sync()
            self._bursts.append(burst)
            self._flush()
        except psycopg.Error as error:
            self._bursts.append(burst)
            self._lose(error)
        return future

    def _send_one(
        self, burst: _Burst, index: int, prepared: Prepared, parameters: list[bytes | None]
    ) -> None:
        if not prepared.comes_again():
            self._pg.send_query_params(prepared.sql.encode(), parameters)
            burst.expected.append((index, False))
            return
        name = self._names.get(prepared.sql)
        if name is None:
            self._made += 1
            name = b"h%d" % self._made
            self._pg.send_prepare(name, prepared.sql.encode())
            self._names[prepared.sql] = name
            burst.expected.append((index, True))
        self._pg.send_query_prepared(name, parameters)
        burst.expected.append((index, False))

    def _flush(self) -> None:
        unfinished = bool(self._pg.flush())
        if unfinished != self._writing:
            self._writing = unfinished
            if unfinished:
                self._loop.add_writer(self._fd, self._on_writable)
            else:
                self._loop.remove_writer(self._fd)

    def _on_writable(self) -> None:
        try:
            self._flush()
        except psycopg.Error as error:
            self._lose(error)

    def _on_readable(self) -> None:
        try:
            self._pg.consume_input()
            while self._bursts and not self._pg.is_busy():
                result = self._pg.get_result()
                if result is not None:
                    self._take(result)
            while notification := self._pg.notifies():
                if self.on_notification is not None:
                    self.on_notification(notification.be_pid, notification.extra)
            if self._writing:
                self._flush()
        except psycopg.Error as error:
            self._lose(error)

    def _take(self, result: PGresult) -> None:
        burst = self._bursts[0]
        if result.status == ExecStatus.PIPELINE_SYNC:
            self._bursts.popleft()
            self._trim()
            if not burst.future.done():
                burst.future.set_result(burst.answers)
            return
        if not burst.expected:  # nobody asked: the server says why it ends the connection
            self._lose(read_error(result)[0])
            return
        index, preparing = burst.expected.popleft()
        answer = burst.answers[index]
        if result.status == ExecStatus.TUPLES_OK:
            self._transformer.set_pgresult(result)
            answer.rows = self._transformer.load_rows(0, result.ntuples, tuple)
        elif result.status == ExecStatus.COMMAND_OK:
            answer.changed = result.command_tuples or 0
        else:
            error, sqlstate = read_error(result)
            if preparing or sqlstate == _NOT_PREPARED:
                self._names.pop(burst.statements[index][0].sql, None)
            if answer.error is None:
                answer.error, answer.sqlstate = error, sqlstate

    def _trim(self) -> None:
        """Close what was prepared first when there is too much. Between bursts only."""
        while len(self._names) > MAX_PREPARED and not self._bursts:
            _, name = self._names.popitem(last=False)
            self.send(((Prepared(f"DEALLOCATE {name.decode()}", None, lasting=False), []),))

    def _lose(self, reason: object) -> None:
        if not self.alive:
            return
        self.alive = False
        self.ended.set()
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._pg.finish()
        bursts, self._bursts = self._bursts, deque()
        for burst in bursts:
            if not burst.future.done():
                burst.future.set_exception(lost(reason))

    def close(self) -> None:
        """Close the connection; what is in flight fails."""
        self._lose("the connection was closed")


def read_error(result: PGresult) -> tuple[Exception, str]:
    """The store's error and the SQLSTATE of a refused statement."""
    if result.status == ExecStatus.PIPELINE_ABORTED:
        return Aborted(), ""
    state = result.error_field(DiagnosticField.SQLSTATE) or b"XX000"
    primary = result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message
    sqlstate = state.decode()
    if sqlstate == _NOT_PREPARED:  # its preparation was aborted with the burst before
        return Aborted(), sqlstate
    return translate(sqlstate, primary.decode(errors="replace").strip()), sqlstate


class Connector:
    """Makes sessions, and after a failure waits longer and longer before it tries again.

    Args:
        conninfo: A `postgresql://` URL.
    """

    first_delay = 0.1  # seconds
    longest_delay = 5.0  # seconds: a server that came back is found within that
    patience = 0.25  # seconds a caller waits for the next attempt rather than be refused

    def __init__(self, conninfo: str) -> None:
        self.conninfo = make_conninfo(conninfo, **_LIVENESS)
        self._delay = 0.0
        self._not_before = 0.0
        self._last_error = ""

    async def open(self, setup: Sequence[str] = ()) -> Session:
        """A new session, after the statements of `setup`.

        Raises `DatabaseUnavailable`, at once while it is much too early to try again.
        """
        now = asyncio.get_running_loop().time()
        if now < self._not_before - self.patience:
            raise lost(self._last_error)
        await asyncio.sleep(self._not_before - now)
        try:
            connection = await AsyncConnection.connect(self.conninfo, autocommit=True)
            for statement in (*SESSION, *setup):
                await connection.execute(statement.encode())
        except psycopg.Error as error:
            self._delay = min(max(self.first_delay, self._delay * 2), self.longest_delay)
            self._not_before = asyncio.get_running_loop().time() + self._delay
            self._last_error = str(error)
            raise lost(error) from error
        self._delay = self._not_before = 0.0
        adapt(connection)
        return Session(connection)


class Link:
    """A session that is made when it is needed and made again when it was lost.

    Args:
        connector: Makes it.
        setup: Statements that each new session begins with.
    """

    def __init__(self, connector: Connector, setup: Sequence[str] = ()) -> None:
        self._connector = connector
        self._setup = setup
        self._session: Session | None = None
        self._connecting = asyncio.Lock()
        self._closed = False

    @property
    def ready(self) -> Session | None:
        """The session, if it is there without waiting."""
        session = self._session
        return session if session is not None and session.alive else None

    async def session(self) -> Session:
        """A living session. Raises `DatabaseUnavailable`."""
        async with self._connecting:
            if self._closed:
                raise lost("the database is closed")
            session = self.ready
            if session is None:
                session = self._session = await self._connector.open(self._setup)
            return session

    async def ask(self, statements: Sequence[Bound]) -> list[Answer]:
        """Run reads in one burst; on a lost connection once more, on a new one."""
        for attempt in (1, 2):
            session = self.ready or await self.session()
            try:
                return await session.send(statements)
            except DatabaseUnavailable:
                if attempt == 2:
                    raise
        raise AssertionError

    def close(self) -> None:
        """Close the session for good."""
        self._closed = True
        if self._session is not None:
            self._session.close()


def only_rows(answer: Answer, prepared: Prepared) -> list[Row]:
    """The rows of an answer, or its error raised."""
    if answer.error is not None:
        raise answer.error
    return prepared.load(answer.rows) if prepared.load is not None else answer.rows
