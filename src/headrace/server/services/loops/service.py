"""The shell that every background loop runs in: interval, jitter, wake-ups, back-off, stop.

A loop is one module with a frozen configuration and `run_once(now)`, which holds all the logic and
none of the timing. Tests of the logic call `run_once`; tests of a running server await `next_run`.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from headrace.server.services.loops.leadership import LEASE_SECONDS, Leadership, SoleServer
from headrace.server.services.signals import Signals

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """When a loop runs.

    Args:
        interval: Seconds between the end of a run and the next one, when nothing wakes it.
        jitter: Part of the interval that is random, so that servers and loops spread out.
        settle: Seconds to wait after a wake-up for others to join it: a burst becomes one run.
        longest_back_off: Seconds between runs, at most, while runs fail.
    """

    interval: float
    jitter: float = 0.1
    settle: float = 0.0
    longest_back_off: float = 60.0


class Loop(Protocol):
    """The logic of one background loop."""

    @property
    def name(self) -> str:
        """Unique; names the leader lease and the log lines."""
        ...

    @property
    def pace(self) -> Pace:
        """When to run."""
        ...

    @property
    def topics(self) -> tuple[str, ...]:
        """Signals that make it run at once."""
        ...

    async def run_once(self, now: datetime) -> float | None:
        """Do what is due at `now`.

        Returns:
            Seconds until it wants to run again (0: there is more to do now), or None for its
            interval.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float
    wakeable: bool = True
    """Whether a topic cuts it short: not after a failure, and not while another server leads."""


class LoopService:
    """Runs one loop from `start` until `stop`.

    Args:
        loop: The logic.
        signals: Where its topics are published.
        leadership: Whether this server runs it; by default it does.
        clock: Gives `now`; a fake one in tests.
        pace: When to run, where not as the loop itself says.
    """

    def __init__(
        self,
        loop: Loop,
        signals: Signals,
        leadership: Leadership | None = None,
        clock: Clock = utc_now,
        pace: Pace | None = None,
    ) -> None:
        self.loop = loop
        self._pace = pace or loop.pace
        self._signals = signals
        self._leadership = leadership or SoleServer()
        self._clock = clock
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._watchers: list[asyncio.Future[None]] = []
        self._kick = f"loop:{loop.name}"

    def start(self) -> None:
        """Begin to run, the first time at once."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"loop {self.loop.name}")

    async def stop(self, grace: float = 5.0) -> None:
        """Let the present run finish within `grace` seconds, then end it; give up the lead."""
        if self._task is None:
            return
        self._stopping.set()
        self._signals.deliver((self._kick,))
        done, _ = await asyncio.wait([self._task], timeout=grace)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=grace)
        self._task = None
        for watcher in self._watchers:
            watcher.cancel()
        self._watchers.clear()

    def kick(self) -> None:
        """Run at once, as if a topic had been published."""
        self._signals.deliver((self._kick,))

    async def next_run(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109  # tests say how long
        """Make it run, and wait until a run that began after this call has ended."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        self.kick()
        await asyncio.wait_for(watcher, timeout)

    async def _run(self) -> None:
        topics = (*self.loop.topics, self._kick)
        with self._signals.listen(topics) as listener:
            while not self._stopping.is_set():
                pause = await self._turn()
                if not pause.wakeable:
                    await self._sleep(pause.seconds)
                elif pause.seconds <= 0:
                    await asyncio.sleep(0)
                elif await listener.wait(pause.seconds) and self._pace.settle:
                    await self._sleep(self._pace.settle)
        await self._release()

    async def _turn(self) -> "_Pause":
        """One attempt to run, and how long to wait for the next."""
        watchers, self._watchers = self._watchers, []
        try:
            if not await self._leadership.holds(self.loop.name):
                self._watchers = watchers + self._watchers
                return _Pause(LEASE_SECONDS / 2, wakeable=False)
            wanted = await self.loop.run_once(self._clock())
        except Exception:  # noqa: BLE001 - the edge of the loop: it logs and goes on
            self._failures += 1
            delay = self._back_off()
            _log.exception(
                "Loop %s failed (%d in a row); it runs again in %.1f s",
                self.loop.name,
                self._failures,
                delay,
            )
            self._watchers = watchers + self._watchers
            return _Pause(delay, wakeable=False)
        self._failures = 0
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)
        if wanted is not None:
            return _Pause(wanted)
        pace = self._pace
        spread = random.uniform(1 - pace.jitter, 1 + pace.jitter)  # noqa: S311 - not a secret
        return _Pause(pace.interval * spread)

    def _back_off(self) -> float:
        """Seconds after a failure: doubling from 0.5 s, half of it random."""
        longest = self._pace.longest_back_off
        delay = min(longest, 0.5 * 2 ** min(self._failures - 1, 10))
        return delay * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret

    async def _sleep(self, seconds: float) -> None:
        """Wait, whatever is published, but not longer than until `stop`."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _release(self) -> None:
        try:
            await self._leadership.release(self.loop.name)
        except Exception:  # noqa: BLE001 - the edge of the loop: it logs and goes on
            _log.warning("Loop %s could not give up its lead", self.loop.name, exc_info=True)


async def stop_all(services: Iterable[LoopService], grace: float = 5.0) -> None:
    """Stop loops together: none waits for another."""
    await asyncio.gather(*(service.stop(grace) for service in services))
