"""Group commit on SQLite: one thread, one connection, one transaction for all that waits.

Each job runs in a savepoint, so that a refusal undoes that job alone. An answer is delivered after
COMMIT only. When the whole transaction is lost (disk full, I/O error) or COMMIT fails, each job is
run again alone, so that the one which cannot be written does not take the others with it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from headrace.errors import DatabaseUnavailable, StaleWrite, TooBusy
from headrace.server.store.plans import Values
from headrace.server.store.sqlite_errors import translate

Work = Callable[[sqlite3.Cursor], Any]
"""What a job does inside its savepoint; its value is the job's answer."""

MAX_WAITING = 4096
"""Jobs that may wait: a good second of writes at full speed, after which callers must back off."""

MAX_BATCH = 256
"""Jobs in one transaction: keeps the first one's wait for COMMIT in the tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a unit, bound: its sets of values, and how many rows it must change."""

    sql: str
    sets: Sequence[Values]
    expect: int | None


def run_steps(steps: Sequence[Step]) -> Work:
    """A unit as a job."""

    def work(cursor: sqlite3.Cursor) -> None:
        for step in steps:
            if len(step.sets) == 1:
                cursor.execute(step.sql, step.sets[0])
                if step.expect is not None and cursor.rowcount != step.expect:
                    message = f"{cursor.rowcount} rows changed where {step.expect} had to"
                    raise StaleWrite(message)
            else:
                cursor.executemany(step.sql, step.sets)

    return work


@dataclass(slots=True)
class _Job:
    work: Work
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


class _Lost(Exception):
    """The transaction around the savepoints is gone."""


class SqliteWriter:
    """The only writer of a database file.

    Args:
        connection: In autocommit mode, open to use by another thread; the writer closes it.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def submit(self, work: Work) -> Any:
        """Run `work` in the next transaction; its answer once that is durable.

        Raises what `work` raises, `TooBusy`, and the store's errors.
        """
        if self._closed:
            message = "the database is closed"
            raise DatabaseUnavailable(message)
        if self._queue.qsize() >= MAX_WAITING:
            message = f"{MAX_WAITING} writes are waiting for the disk; try again in a moment"
            raise TooBusy(message)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._queue.put(_Job(work, future))
        return await future

    async def close(self) -> None:
        """Finish what is queued and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.shield(self._finished)

    def _run(self) -> None:
        cursor = self._connection.cursor()
        open_ = True
        while open_:
            jobs, open_ = self._take()
            if jobs:
                self._commit_group(cursor, jobs)
                self._hand_over(lambda jobs=jobs: _deliver(jobs))
        self._connection.close()
        self._hand_over(self._finish)

    def _take(self) -> tuple[list[_Job], bool]:
        jobs: list[_Job] = []
        try:
            job = self._queue.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) >= MAX_BATCH:
                    return jobs, True
                job = self._queue.get_nowait()
        except Empty:
            return jobs, True
        return jobs, False

    def _hand_over(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the event loop was closed without closing the database
            self._loop.call_soon_threadsafe(call)

    def _finish(self) -> None:
        if not self._finished.done():
            self._finished.set_result(None)

    def _commit_group(self, cursor: sqlite3.Cursor, jobs: list[_Job]) -> None:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for job in jobs:
                _run_job(cursor, job)
            cursor.execute("COMMIT")
        except (sqlite3.Error, _Lost):
            _roll_back(cursor)
            for job in jobs:
                _commit_alone(cursor, job)


def _run_job(cursor: sqlite3.Cursor, job: _Job) -> None:
    """Run a job in a savepoint and keep its answer. Raises `_Lost` when the transaction is gone."""
    job.value, job.error = None, None
    cursor.execute("SAVEPOINT unit")
    try:
        job.value = job.work(cursor)
    except Exception as error:  # handed to the caller who waits for this job
        job.error = translate(error) if isinstance(error, sqlite3.Error) else error
        if not cursor.connection.in_transaction:
            raise _Lost from error
        cursor.execute("ROLLBACK TO unit")
    cursor.execute("RELEASE unit")


def _commit_alone(cursor: sqlite3.Cursor, job: _Job) -> None:
    try:
        cursor.execute("BEGIN IMMEDIATE")
        _run_job(cursor, job)
        cursor.execute("COMMIT")
    except _Lost:
        _roll_back(cursor)
    except sqlite3.Error as error:
        job.error = translate(error)
        _roll_back(cursor)


def _roll_back(cursor: sqlite3.Cursor) -> None:
    if cursor.connection.in_transaction:
        with suppress(sqlite3.Error):  # what cannot be rolled back is rolled back by the next open
            cursor.execute("ROLLBACK")


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # its caller has gone
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.value)
