"""The shell that background loops run in."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from headrace.server.services.loops.service import LoopService, Pace, stop_all
from headrace.server.services.signals import Signals

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Recorder:
    name: str = "recorder"
    pace: Pace = field(default_factory=lambda: Pace(interval=3600))
    topics: tuple[str, ...] = ("news",)
    runs: list[datetime] = field(default_factory=list)
    answers: list[float | None] = field(default_factory=list)
    failures: int = 0

    async def run_once(self, now: datetime) -> float | None:
        self.runs.append(now)
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the disk is on fire")
        return self.answers.pop(0) if self.answers else None


class Follower:
    """Another server leads."""

    def __init__(self) -> None:
        self.released: list[str] = []

    async def holds(self, name: str) -> bool:
        return False

    async def release(self, name: str) -> None:
        self.released.append(name)


async def until(condition, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.001)


def service(loop: Recorder, signals: Signals, **options) -> LoopService:
    return LoopService(loop, signals, clock=lambda: NOON, **options)


def test_runs_at_start_and_whenever_a_topic_is_published():
    async def scenario() -> None:
        signals, loop = Signals(), Recorder()
        shell = service(loop, signals)
        shell.start()
        await until(lambda: len(loop.runs) == 1)
        signals.publish("news")
        await until(lambda: len(loop.runs) == 2)
        await shell.stop()
        assert loop.runs == [NOON, NOON]

    asyncio.run(scenario())


def test_runs_again_at_once_while_it_says_there_is_more():
    async def scenario() -> None:
        loop = Recorder(answers=[0, 0, None])
        shell = service(loop, Signals())
        shell.start()
        await until(lambda: len(loop.runs) == 3)
        await asyncio.sleep(0.01)
        await shell.stop()
        assert len(loop.runs) == 3

    asyncio.run(scenario())


def test_backs_off_after_a_failure_and_topics_do_not_cut_that_short(caplog):
    async def scenario() -> None:
        signals, loop = Signals(), Recorder(failures=1)
        shell = service(loop, signals)
        shell.start()
        await until(lambda: len(loop.runs) == 1)
        signals.publish("news")
        await asyncio.sleep(0.02)
        assert len(loop.runs) == 1
        await until(lambda: len(loop.runs) >= 2)  # half a second later, by itself
        await shell.stop()

    asyncio.run(scenario())
    assert "Loop recorder failed (1 in a row)" in caplog.text


def test_next_run_awaits_a_run_that_began_after_the_call():
    async def scenario() -> None:
        loop = Recorder()
        shell = service(loop, Signals())
        shell.start()
        await shell.next_run()
        before = len(loop.runs)
        await shell.next_run()
        assert len(loop.runs) > before
        await shell.stop()

    asyncio.run(scenario())


def test_does_not_run_while_another_server_leads_and_stops_at_once():
    async def scenario() -> None:
        loop, leadership = Recorder(), Follower()
        shell = service(loop, Signals(), leadership=leadership)
        shell.start()
        await asyncio.sleep(0.01)
        await stop_all([shell], grace=1)
        assert loop.runs == []
        assert leadership.released == ["recorder"]

    asyncio.run(scenario())


def test_stop_ends_a_run_that_hangs():
    class Hanging(Recorder):
        async def run_once(self, now: datetime) -> float | None:
            self.runs.append(now)
            await asyncio.Event().wait()
            return None

    async def scenario() -> None:
        loop = Hanging()
        shell = service(loop, Signals())
        shell.start()
        await until(lambda: loop.runs != [])
        async with asyncio.timeout(60):
            await shell.stop(grace=0.01)

    asyncio.run(scenario())
