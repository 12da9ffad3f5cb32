"""Group commit on PostgreSQL: what waits is sent in one burst and committed together.

A unit that is refused (a key exists, a compare-and-set did not hold) undoes the transaction; the
others are sent again without it, and it then runs alone, for a verdict that does not depend on units
which were never committed. Deadlocks end the same way: alone, a unit holds few locks, in its own
order. Whether a COMMIT whose answer was lost took effect is asked by its transaction id.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import random

from headrace.errors import DatabaseUnavailable, StaleWrite, TooBusy
from headrace.server.store.plans import Prepared
from headrace.server.store.postgresql_errors import TRY_AGAIN, lost
from headrace.server.store.postgresql_session import (
    SERVER_LOCK,
    Aborted,
    Answer,
    Bound,
    Connector,
    Link,
    Session,
)

MAX_WAITING = 4096
"""Units that may wait: some seconds of writes, after which callers must back off."""

MAX_BATCH = 128
"""Units in one transaction: keeps the first one's wait for COMMIT in the tens of milliseconds."""

MAX_ROWS = 2000
"""Statements in one transaction, for the same reason."""

MAX_ROUNDS = 3
"""Times a batch is sent again without the refused ones, before all of it is run one by one."""

MAX_RETRIES = 10
"""Times a unit that runs alone is tried after a deadlock or a serialization failure."""

_LONGEST_PAUSE = 0.5  # seconds
_RETRY_PAUSE = 0.01  # seconds, doubled each time and drawn from at random: two servers part ways

VERDICT_SECONDS = 10.0
"""How long it is asked whether a transaction took effect whose COMMIT was not answered."""

_VERDICT_PAUSE = 0.2  # seconds between two such questions

_SETUP = (f"SELECT pg_advisory_lock_shared({SERVER_LOCK})",)

_BEGIN: Bound = (Prepared("BEGIN", None, lasting=True), [])
_XID: Bound = (Prepared("SELECT pg_current_xact_id()::text", None, lasting=True), [])
_COMMIT: Bound = (Prepared("COMMIT", None, lasting=True), [])
_ROLLBACK: Bound = (Prepared("ROLLBACK", None, lasting=True), [])
_STATUS = Prepared("SELECT pg_xact_status($1::xid8)", None, lasting=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a unit: its sets of values, and how many rows it must change."""

    bounds: Sequence[Bound]
    expect: int | None


@dataclass(slots=True, eq=False)
class _Job:
    steps: Sequence[Step]
    rows: int
    future: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class _Refusal:
    job: _Job
    error: Exception
    try_again: bool


class PostgresqlWriter:
    """Commits the units of one server process, in the order in which they came."""

    def __init__(self, connector: Connector) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = Link(connector, _SETUP)
        self._queue: deque[_Job] = deque()
        self._more = asyncio.Event()
        self._closed = False
        self._task = self._loop.create_task(self._run(), name="store-writer")

    async def connect(self) -> None:
        """Make the session now, and with it hold the lock of all servers."""
        await self._link.session()

    async def submit(self, steps: Sequence[Step]) -> None:
        """Commit a unit. Raises `TooBusy`, `StaleWrite` and the store's errors."""
        if self._closed:
            raise lost("the database is closed")
        if len(self._queue) >= MAX_WAITING:
            message = f"{MAX_WAITING} writes are waiting for PostgreSQL; try again in a moment"
            raise TooBusy(message)
        rows = sum(len(step.bounds) for step in steps)
        job = _Job(steps, rows, self._loop.create_future())
        self._queue.append(job)
        self._more.set()
        await job.future

    @property
    def waiting(self) -> int:
        """How many units wait."""
        return len(self._queue)

    async def close(self) -> None:
        """Finish what is queued and close the session."""
        self._closed = True
        self._more.set()
        await asyncio.shield(self._task)
        self._link.close()

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            jobs = self._take()
            if jobs:
                await self._commit(jobs)
            elif self._closed:
                return
            else:
                self._more.clear()

    def _take(self) -> list[_Job]:
        jobs: list[_Job] = []
        rows = 0
        while self._queue and len(jobs) < MAX_BATCH and rows < MAX_ROWS:
            jobs.append(self._queue.popleft())
            rows += jobs[-1].rows
        return jobs

    async def _commit(self, jobs: list[_Job]) -> None:
        try:
            await self._commit_together(jobs)
        except Exception as error:  # noqa: BLE001  # handed to the callers who wait for these units
            for job in jobs:
                _refuse(job, error)

    async def _commit_together(self, jobs: list[_Job]) -> None:
        """Commit a batch; refused units are taken out of it and run alone when the rest is durable."""
        alone: list[_Job] = []
        for _ in range(MAX_ROUNDS):
            refusals = await self._attempt(jobs)
            if not refusals:
                jobs = []
                break
            if len(jobs) == 1 and not refusals[0].try_again:
                _refuse(jobs[0], refusals[0].error)
                jobs = []
                break
            if any(refusal.try_again for refusal in refusals):
                break
            refused = {refusal.job for refusal in refusals}
            alone += [job for job in jobs if job in refused]
            jobs = [job for job in jobs if job not in refused]
            if not jobs:
                break
        for job in (*jobs, *alone):
            await self._commit_alone(job)

    async def _commit_alone(self, job: _Job) -> None:
        error: Exception | None = None
        for attempt in range(MAX_RETRIES):
            refusals = await self._attempt([job])
            if not refusals:
                return
            error = refusals[0].error
            if not refusals[0].try_again:
                break
            await asyncio.sleep(random() * min(_LONGEST_PAUSE, _RETRY_PAUSE * 2**attempt))  # noqa: S311  # no secret
        if error is not None:
            _refuse(job, error)

    async def _attempt(self, jobs: list[_Job]) -> list[_Refusal]:
        """One transaction: its units are delivered, or undone and the refused ones returned."""
        while True:
            session = self._link.ready or await self._link.session()
            try:
                begun, xid, *answers = await session.send(
                    [_BEGIN, _XID, *(b for job in jobs for step in job.steps for b in step.bounds)]
                )
            except DatabaseUnavailable:
                continue  # nothing was committed; the next session, or none
            for answer in (begun, xid):
                if answer.error is not None:
                    await _roll_back(session)
                    raise answer.error
            refusals = _judge(jobs, answers)
            if refusals:
                await _roll_back(session)
                return refusals
            if await self._finish(session, xid.rows[0][0], jobs):
                return []

    async def _finish(self, session: Session, xid: str, jobs: list[_Job]) -> bool:
        """COMMIT; False when the transaction was undone and has to be run again."""
        try:
            (answer,) = await session.send([_COMMIT])
        except DatabaseUnavailable as error:
            if not await self._took_effect(xid, error):
                return False
        else:
            if answer.error is not None:
                raise answer.error
        for job in jobs:
            if not job.future.done():
                job.future.set_result(None)
        return True

    async def _took_effect(self, xid: str, error: DatabaseUnavailable) -> bool:
        """Whether a transaction was committed whose COMMIT got no answer.

        Raises `error` when the server does not tell within `VERDICT_SECONDS`.
        """
        deadline = self._loop.time() + VERDICT_SECONDS
        while self._loop.time() < deadline:
            with suppress(DatabaseUnavailable):
                session = await self._link.session()
                (answer,) = await session.send([(_STATUS, [xid.encode()])])
                status = answer.rows[0][0] if answer.rows else None
                if status in {"committed", "aborted"}:
                    return status == "committed"
            await asyncio.sleep(_VERDICT_PAUSE)
        raise error


def _judge(jobs: list[_Job], answers: Sequence[Answer]) -> list[_Refusal]:
    """The units that were refused, as far as the answers tell."""
    refusals: list[_Refusal] = []
    at = 0
    for job in jobs:
        refusal = _judge_one(job, answers[at : at + job.rows])
        at += job.rows
        if refusal is not None:
            refusals.append(refusal)
    return refusals


def _judge_one(job: _Job, answers: Sequence[Answer]) -> _Refusal | None:
    at = 0
    for step in job.steps:
        for answer in answers[at : at + len(step.bounds)]:
            if isinstance(answer.error, Aborted):
                return None  # the unit to blame came before
            if answer.error is not None:
                return _Refusal(job, answer.error, answer.sqlstate in TRY_AGAIN)
            if step.expect is not None and answer.changed != step.expect:
                message = f"{answer.changed} rows changed where {step.expect} had to"
                return _Refusal(job, StaleWrite(message), try_again=False)
        at += len(step.bounds)
    return None


async def _roll_back(session: Session) -> None:
    with suppress(DatabaseUnavailable):  # then the server rolls back by itself
        await session.send([_ROLLBACK])


def _refuse(job: _Job, error: Exception) -> None:
    if not job.future.done():
        job.future.set_exception(error)
