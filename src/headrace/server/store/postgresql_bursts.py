"""Queries that go to PostgreSQL together.

What is asked for in the same turn of the event loop goes out as one burst: one write, one
synchronisation, one wake-up for all of it. A query alone costs both processes twice as much.
"""

import asyncio
from dataclasses import dataclass

from headrace.errors import DatabaseUnavailable
from headrace.server.store.postgresql_errors import lost
from headrace.server.store.postgresql_session import Aborted, Answer, Bound, Link


@dataclass(slots=True)
class _Asked:
    bound: Bound
    future: asyncio.Future[Answer]
    tries: int = 0


class Bursts:
    """Asks queries on one session, as many together as are there.

    Args:
        link: The session, of which nothing else makes use.
        most: Queries in one burst: keeps the first one's wait short.
        tries: Times a query is sent that was lost, or stood behind a refused one, before its caller
            hears of it.
    """

    def __init__(self, link: Link, *, most: int, tries: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._most = most
        self._max_tries = tries
        self._asked: list[_Asked] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.unanswered = 0

    async def ask(self, bound: Bound) -> Answer:
        """The answer to a query. Raises `DatabaseUnavailable`."""
        asked = _Asked(bound, self._loop.create_future())
        self.unanswered += 1
        try:
            self._add(asked)
            return await asked.future
        finally:
            self.unanswered -= 1

    def _add(self, asked: _Asked) -> None:
        self._asked.append(asked)
        if len(self._asked) == 1:
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        burst, self._asked = self._asked[: self._most], self._asked[self._most :]
        if self._asked:
            self._loop.call_soon(self._send)
        session = self._link.ready
        if session is None:
            task = self._loop.create_task(self._send_when_connected(burst))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        answers = session.send([asked.bound for asked in burst])
        answers.add_done_callback(lambda done: self._hand_out(burst, done))

    async def _send_when_connected(self, burst: list[_Asked]) -> None:
        try:
            await self._link.session()
        except DatabaseUnavailable as error:
            for asked in burst:
                _refuse(asked, error)
        else:
            for asked in burst:
                self._add(asked)

    def _hand_out(self, burst: list[_Asked], done: asyncio.Future[list[Answer]]) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._ask_again(burst, error)
            return
        aborted: list[_Asked] = []
        for asked, answer in zip(burst, done.result(), strict=True):
            if isinstance(answer.error, Aborted):
                aborted.append(asked)
            elif not asked.future.done():
                asked.future.set_result(answer)
        self._ask_again(aborted, lost("one query after the other was refused"))

    def _ask_again(self, burst: list[_Asked], error: BaseException) -> None:
        """Repeat queries whose connection was lost, or which stood behind a refused one."""
        for asked in burst:
            asked.tries += 1
            if asked.tries >= self._max_tries:
                _refuse(asked, error)
            else:
                self._add(asked)


def _refuse(asked: _Asked, error: BaseException) -> None:
    if not asked.future.done():
        asked.future.set_exception(error)
