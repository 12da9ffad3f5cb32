"""Delivery: callers wait at a desk until a run of theirs is due.

There is one desk for each thing that is waited for (a pool's queues, a set of deployments). It looks
once for all who wait there, serves them one after the other, and stops at the first that comes away
empty: a run that becomes due costs one look and one claim, however many wait.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from headrace.server.services.signals import Signals

_log = logging.getLogger(__name__)

RECHECK_SECONDS = 30.0
"""The longest a desk sleeps: what a wake-up that was lost between two servers can delay a run."""

D = TypeVar("D")
R = TypeVar("R")


class Look(Protocol):
    """What a desk saw, without taking anything."""

    @property
    def topics(self) -> tuple[str, ...]:
        """What to listen to for news."""
        ...


@dataclass(eq=False, slots=True)
class Waiter(Generic[D, R]):
    """One caller at a desk."""

    demand: D
    served: asyncio.Future[R]
    is_being_served: bool = False


L = TypeVar("L", bound=Look)


@dataclass(frozen=True, slots=True)
class Counter(Generic[D, R, L]):
    """What a desk does for those who wait; the desk itself only decides when.

    Args:
        look: Reads what is there.
        delay: Seconds until something is due for the demand; 0 when it is now.
        serve: Tries to take; None when there was nothing to be had.
        give_back: Undoes what `serve` took for a caller that is gone.
        delay_if_blocked: Seconds until something new is due, when what is due cannot be had.
    """

    look: Callable[[], Awaitable[L]]
    delay: Callable[[L, D], float]
    serve: Callable[[L, D], Awaitable[R | None]]
    give_back: Callable[[R], Awaitable[None]]
    delay_if_blocked: Callable[[L, D], Awaitable[float]]


@dataclass(eq=False)
class Desk(Generic[D, R, L]):
    """Serves those who wait for one thing, in the order in which they came."""

    name: str
    signals: Signals
    counter: Counter[D, R, L]
    waiting: deque[Waiter[D, R]] = field(default_factory=deque["Waiter[D, R]"])
    task: asyncio.Task[None] | None = None

    def join(self, demand: D) -> Waiter[D, R]:
        """Wait here from now on."""
        waiter = Waiter[D, R](demand, asyncio.get_running_loop().create_future())
        self.waiting.append(waiter)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._work(), name=f"desk {self.name}")
        else:
            self.signals.deliver((self.name,))
        return waiter

    def leave(self, waiter: Waiter[D, R]) -> None:
        """Wait no longer."""
        if not waiter.served.cancel() and not waiter.served.cancelled():
            waiter.served.exception()  # seen: a failure that nobody waited for any more is no news
        if waiter in self.waiting:
            self.waiting.remove(waiter)
        if not self.waiting:
            self.signals.deliver((self.name,))

    async def _work(self) -> None:
        topics: tuple[str, ...] = ()
        while self.waiting:
            with self.signals.listen((*topics, self.name)) as listener:
                while self.waiting:
                    try:
                        look = await self.counter.look()
                        if look.topics != topics:
                            topics = look.topics
                            break
                        delay = await self._serve_all(look)
                    except Exception as error:  # noqa: BLE001 - the edge: all who wait are told
                        _log.warning("Desk %s failed", self.name, exc_info=True)
                        self._fail(error)
                        return
                    if self.waiting:
                        await listener.wait(min(delay, RECHECK_SECONDS))

    def _fail(self, error: Exception) -> None:
        for waiter in self.waiting:
            if not waiter.served.done():
                waiter.served.set_exception(error)
        self.waiting.clear()

    async def _serve_all(self, look: L) -> float:
        """Serve whom there is something for; seconds until the next is due."""
        soonest = RECHECK_SECONDS
        for waiter in list(self.waiting):
            if waiter.served.done():
                continue
            delay = self.counter.delay(look, waiter.demand)
            if delay <= 0:
                if await self._serve(waiter, look):
                    look = await self.counter.look()
                    continue
                return min(soonest, await self.counter.delay_if_blocked(look, waiter.demand))
            soonest = min(soonest, delay)
        return soonest

    async def _serve(self, waiter: Waiter[D, R], look: L) -> bool:
        waiter.is_being_served = True
        try:
            result = await self.counter.serve(look, waiter.demand)
        finally:
            waiter.is_being_served = False
        if result is None:
            return False
        if waiter.served.done():
            await self.counter.give_back(result)
        else:
            self.waiting.remove(waiter)
            waiter.served.set_result(result)
        return True


class Desks(Generic[D, R, L]):
    """The desks of one server, made when somebody comes and gone when nobody waits."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._desks: dict[Hashable, Desk[D, R, L]] = {}

    async def wait(
        self, key: Hashable, counter: Counter[D, R, L], demand: D, until: asyncio.Future[None]
    ) -> R | None:
        """Wait to be served; None when `until` is done first."""
        desk = self._desks.get(key)
        if desk is None:
            desk = self._desks[key] = Desk(f"desk:{key!r}", self._signals, counter)
        waiter = desk.join(demand)
        try:
            await asyncio.wait((waiter.served, until), return_when=asyncio.FIRST_COMPLETED)
            if waiter.is_being_served and not waiter.served.done():
                # Its runs are being taken this moment: it knows in milliseconds.
                await asyncio.wait((waiter.served,), timeout=1.0)
            return waiter.served.result() if waiter.served.done() else None
        finally:
            desk.leave(waiter)
            if not desk.waiting and self._desks.get(key) is desk:
                del self._desks[key]

    async def close(self) -> None:
        """End the desks; those who wait are answered by their own `until`."""
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        self._desks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
