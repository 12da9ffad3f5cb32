"""Group commit on SQLite: one connection, one transaction for all that waits.

Each job runs in a savepoint, so that a refusal undoes that job alone. An answer is delivered after
COMMIT only. When the whole transaction is lost (disk full, I/O error) or COMMIT fails, each job is
run again alone, so that the one which cannot be written does not take the others with it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any

import apsw

from headrace.errors import DatabaseUnavailable, StaleWrite, TooBusy
from headrace.server.store.plans import Values
from headrace.server.store.sqlite_errors import translate
from headrace.server.store.sqlite_file import Connection, Cursor

Work = Callable[[Cursor], Any]
"""What a job does inside its savepoint; its value is the job's answer."""

MAX_WAITING = 4096
"""Jobs that may wait: a good second of writes at full speed, after which callers must back off."""

MAX_BATCH = 256
"""Jobs in one transaction: keeps the first one's wait for COMMIT in the tens of milliseconds."""


LOOP_SECONDS = 0.004
"""How long statements may keep the event loop before COMMIT, beyond the job under way."""

BUSY_SECONDS = 5.0
"""How long another program's lock is waited for; of ours, none writes to a file that is owned."""

_BUSY_PAUSE = 0.005  # seconds between two attempts to get the lock


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a unit, bound: its sets of values, and how many rows it must change."""

    sql: str
    sets: Sequence[Values]
    expect: int | None


def run_steps(steps: Sequence[Step]) -> Work:
    """A unit as a job."""

    def work(cursor: Cursor) -> None:
        changes = cursor.connection.changes
        for step in steps:
            if len(step.sets) == 1:
                cursor.execute(step.sql, step.sets[0])
                if step.expect is not None and (changed := changes()) != step.expect:
                    message = f"{changed} rows changed where {step.expect} had to"
                    raise StaleWrite(message)
            else:
                cursor.executemany(step.sql, step.sets)

    return work


@dataclass(slots=True)
class _Job:
    work: Work
    small: bool
    future: asyncio.Future[Any]
    value: Any = None
    error: Exception | None = None


class _Lost(Exception):
    """The transaction around the savepoints is gone."""


@dataclass(slots=True)
class _Group:
    """The jobs of one transaction: those that ran on the event loop, and those left to the thread."""

    ran: list[_Job] = field(default_factory=list["_Job"])
    left: list[_Job] = field(default_factory=list["_Job"])
    lost: bool = False


class SqliteWriter:
    """The only writer of a database file.

    Small units run on the event loop, which costs less than having a thread fight for the
    interpreter's lock at every statement. COMMIT, which waits for the disk, runs in the writer's
    thread, and so does everything from the first larger job on. What is handed over meanwhile makes
    the next transaction.

    Args:
        connection: In autocommit mode and without a time-out, open to use by another thread; the
            writer closes it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Job] = deque()
        self._busy = False  # a transaction is scheduled or under way
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._groups: SimpleQueue[_Group | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, *, small: bool) -> asyncio.Future[Any]:
        """Run `work` in the next transaction; the future has its answer once that is durable.

        The future fails with what `work` raises and with the store's errors.

        Args:
            work: The job.
            small: It is quick enough for the event loop.

        Raises:
            TooBusy: The queue is at its bound.
            DatabaseUnavailable: The database is closed.
        """
        if self._closed:
            message = "the database is closed"
            raise DatabaseUnavailable(message)
        if len(self._waiting) >= MAX_WAITING:
            message = f"{MAX_WAITING} writes are waiting for the disk; try again in a moment"
            raise TooBusy(message)
        job = _Job(work, small, self._loop.create_future())
        self._waiting.append(job)
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # not at once: what other tasks submit in this turn belongs to the same group
            self._loop.call_soon(self._begin)
        return job.future

    @property
    def waiting(self) -> int:
        """How many pieces of work wait."""
        return len(self._waiting)

    async def close(self) -> None:
        """Finish what is queued and end the thread."""
        self._closed = True
        await self._idle.wait()
        self._groups.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _begin(self) -> None:
        """Run the small jobs at the head of the queue; the thread does the rest."""
        group = _Group()
        if self._waiting[0].small and self._open_transaction(group):
            self._run_here(group)
        if not group.ran or (self._waiting and not self._waiting[0].small):
            while self._waiting and len(group.ran) + len(group.left) < MAX_BATCH:
                group.left.append(self._waiting.popleft())
        self._groups.put(group)

    def _open_transaction(self, group: _Group) -> bool:
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except apsw.Error:
            group.lost = True  # another program holds the lock: for the thread to wait for
        return not group.lost

    def _run_here(self, group: _Group) -> None:
        deadline = monotonic() + LOOP_SECONDS
        try:
            while self._waiting and self._waiting[0].small and len(group.ran) < MAX_BATCH:
                job = self._waiting.popleft()
                group.ran.append(job)
                _run_job(self._cursor, job)
                if monotonic() > deadline:
                    break
        except (apsw.Error, _Lost):
            group.lost = True

    def _run(self) -> None:
        while (group := self._groups.get()) is not None:
            _commit_group(self._cursor, group)
            with suppress(RuntimeError):  # the event loop was closed without closing the database
                self._loop.call_soon_threadsafe(self._deliver, group)

    def _deliver(self, group: _Group) -> None:
        for job in (*group.ran, *group.left):
            if job.future.done():  # its caller has gone
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.value)
        if self._waiting:
            # after the callers just woken, whose next writes then join the group
            self._loop.call_soon(self._begin)
        else:
            self._busy = False
            self._idle.set()


def _commit_group(cursor: Cursor, group: _Group) -> None:
    """Run what is left of a group and commit it; if it is lost, run each of its jobs alone."""
    try:
        if not group.lost:
            if not group.ran:
                _begin_patiently(cursor)
            for job in group.left:
                _run_job(cursor, job)
            cursor.execute("COMMIT")
            return
    except (apsw.Error, _Lost):
        pass
    _roll_back(cursor)
    for job in (*group.ran, *group.left):
        _commit_alone(cursor, job)


def _begin_patiently(cursor: Cursor) -> None:
    """Open a transaction, waiting for another program's lock for up to `BUSY_SECONDS`."""
    deadline = monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            if monotonic() > deadline:
                raise
            sleep(_BUSY_PAUSE)
        else:
            return


def _run_job(cursor: Cursor, job: _Job) -> None:
    """Run a job in a savepoint and keep its answer. Raises `_Lost` when the transaction is gone."""
    job.value, job.error = None, None
    cursor.execute("SAVEPOINT unit")
    try:
        job.value = job.work(cursor)
    except Exception as error:  # handed to the caller who waits for this job
        job.error = translate(error) if isinstance(error, apsw.Error) else error
        if not cursor.connection.in_transaction:
            raise _Lost from error
        cursor.execute("ROLLBACK TO unit")
    cursor.execute("RELEASE unit")


def _commit_alone(cursor: Cursor, job: _Job) -> None:
    try:
        _begin_patiently(cursor)
        _run_job(cursor, job)
        cursor.execute("COMMIT")
    except _Lost:
        _roll_back(cursor)
    except apsw.Error as error:
        job.error = translate(error)
        _roll_back(cursor)


def _roll_back(cursor: Cursor) -> None:
    if cursor.connection.in_transaction:
        with suppress(apsw.Error):  # what cannot be rolled back is rolled back by the next open
            cursor.execute("ROLLBACK")
