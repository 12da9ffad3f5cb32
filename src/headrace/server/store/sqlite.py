"""The SQLite database: one writer thread, one reader thread, and the event loop's own connection.

Queries run on the event loop, for less than a switch to a thread would take; one that turns out to be
long is interrupted there and begun anew in the reader's thread. Writes go to the writer's thread.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic

import apsw
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from headrace.core.times import now_text
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
from headrace.server.store.ownership import Ownership
from headrace.server.store.plans import Planner, Prepared, Values
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import Connection, Cursor, open_file
from headrace.server.store.sqlite_reader import SqliteReader
from headrace.server.store.sqlite_writer import BUSY_SECONDS, SqliteWriter, Step, run_steps

LOOP_SECONDS = 0.005
"""After this time a query is taken off the event loop and begun anew in the reader's thread.

What takes less costs two to three times as much in a thread (figures: `docs/decisions/0011`)."""

SLOW_SECONDS = 10.0
"""How long a query that was slow is kept off the event loop: its table may have shrunk by then."""

_STEPS = 2000  # of SQLite's machine between two looks at the clock: a tenth of a millisecond

SMALL_ROWS = 16
"""Statements of a unit that may run on the event loop: a few hundred microseconds of work."""

_CACHED_STATEMENTS = 512  # per connection; above the number of shapes the API makes
_CHECKPOINT_PAGES = 4000  # of 4 KiB: fewer, larger checkpoints than the default of 1000 pages
_JOURNAL_LIMIT = 64 * 1024 * 1024  # bytes the journal keeps after a checkpoint

_NO_PARAMS: Params = {}


def connect(path: Path, timeout: float = BUSY_SECONDS) -> Connection:
    """A connection as the store wants it: autocommit, WAL, durable commits, foreign keys."""
    connection = open_file(path, timeout=timeout, cached_statements=_CACHED_STATEMENTS)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
        f"journal_size_limit={_JOURNAL_LIMIT}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def new_dialect() -> Dialect:
    """SQLite's SQL with positional parameters."""
    return SQLiteDialect_pysqlite(paramstyle="qmark")


def new_planner() -> Planner:
    """Plans for SQLite, of whose booleans the driver knows only 0 and 1."""
    return Planner(new_dialect(), typed_booleans=False)


class SqliteDatabase:
    """A `Database` in a file that this process owns. Make it inside the running event loop."""

    dialect = "sqlite"

    def __init__(self, path: Path, ownership: Ownership) -> None:
        self._ownership = ownership
        self._connection = connect(path)
        self._cursor = self._connection.cursor()
        self._clock = monotonic
        self._deadline = math.inf
        self._connection.set_progress_handler(self._is_over, _STEPS)
        self._planner = new_planner()
        self._thread_planner = new_planner()
        self._reader = SqliteReader(connect(path))
        self._writer = SqliteWriter(connect(path, timeout=0))

    @property
    def waiting_writes(self) -> int:
        """How many units wait to be committed."""
        return self._writer.waiting

    def announce(self, url: str) -> None:
        """Write beside the file where this server answers, for a second process to read."""
        self._ownership.announce(url)

    async def share_signals(self, deliver: Deliver) -> Forward | None:
        """Nothing to share: this process owns the file."""
        del deliver
        return None

    async def fetch_all(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        """Rows of a query: from the event loop where it is quick, else from the reader's thread."""
        prepared, values = self._planner.bind(statement, params)
        now = self._clock()
        if prepared.is_slow(now):
            return await self._reader.fetch(prepared, values)
        rows = self._read_quickly(prepared, values, now + LOOP_SECONDS)
        if rows is None:
            prepared.mark_slow(now + SLOW_SECONDS)
            return await self._reader.fetch(prepared, values)
        return rows if prepared.load is None else prepared.load(rows)

    def _read_quickly(
        self, prepared: Prepared, values: Values, deadline: float
    ) -> list[Row] | None:
        """The rows, or nothing when they were not all read by the deadline (monotonic, s)."""
        self._deadline = deadline
        try:
            return self._cursor.execute(prepared.sql, values).fetchall()
        except apsw.InterruptError:
            return None
        except apsw.Error as error:
            raise translate(error) from error
        finally:
            # before anything is awaited: other reads of the event loop have no deadline
            self._deadline = math.inf

    def _is_over(self) -> bool:
        return self._clock() > self._deadline

    async def fetch_one(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> Row | None:
        """One row found through a unique key, read on the event loop."""
        rows = self._read(statement, params)
        return rows[0] if rows else None

    async def fetch_few(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        """A handful of rows found through an index, read on the event loop."""
        return self._read(statement, params)

    def _read(self, statement: Statement | ClauseElement, params: Params) -> list[Row]:
        prepared, values = self._planner.bind(statement, params)
        try:
            # all rows, so that the statement ends and the next one sees what was committed since
            rows: list[Row] = self._cursor.execute(prepared.sql, values).fetchall()
        except apsw.Error as error:
            raise translate(error) from error
        return rows if prepared.load is None else prepared.load(rows)

    async def apply(self, unit: Unit) -> None:
        """Commit a unit, grouped with the others that are waiting."""
        steps = [step for write in unit if (step := self._step(write)) is not None]
        if steps:
            small = sum(len(step.sets) for step in steps) <= SMALL_ROWS
            await self._writer.submit(run_steps(steps), small=small)

    def _step(self, write: Write) -> Step | None:
        if isinstance(write.params, dict):
            prepared, values = self._planner.bind(write.statement, write.params)
            return Step(prepared.sql, (values,), write.expect)
        return self._step_of_many(write)

    def _step_of_many(self, write: Write) -> Step | None:
        sets = parameter_sets(write.params)
        if not sets:
            return None
        prepared, values = self._planner.bind_many(write.statement, sets)
        return Step(prepared.sql, values, write.expect)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run `work` in a savepoint of the group commit, in the writer's thread."""
        planner = self._thread_planner

        def job(cursor: Cursor) -> T:
            return work(_SqliteTransaction(cursor, planner))

        return await self._writer.submit(job, small=False)

    async def close(self) -> None:
        """Finish what is queued, close the connections and give the file up."""
        await self._writer.close()
        await self._reader.close()
        self._connection.close()
        self._ownership.release()


class _SqliteTransaction:
    """A savepoint of the writer's transaction."""

    def __init__(self, cursor: Cursor, planner: Planner) -> None:
        self._cursor = cursor
        self._planner = planner

    def fetch_all(
        self, statement: Statement | ClauseElement, params: Params = _NO_PARAMS
    ) -> list[Row]:
        prepared, values = self._planner.bind(statement, params)
        rows: list[Row] = self._run(prepared.sql, values).fetchall()
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
            self._run(prepared.sql, bound)
            changed += self._cursor.connection.changes()
        return changed

    def _run(self, sql: str, values: Values) -> Cursor:
        try:
            return self._cursor.execute(sql, values)
        except apsw.Error as error:
            raise translate(error) from error

    def now(self) -> str:
        return now_text()

    def lock(self, *keys: str) -> None:
        """Nothing: the writer is alone."""
