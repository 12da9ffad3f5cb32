"""One lifecycle runs the same under the driver that blocks and the one that awaits."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest

from headrace.core.retries import delay_before, exponential_backoff
from headrace.engine.commands import Call, Expired, Request, Sleep
from headrace.engine.drivers import drive, drive_async
from headrace.engine.timeouts import stop_after


def double(x):
    return 2 * x


async def double_later(x):
    await asyncio.sleep(0)
    return 2 * x


def lifecycle(function):
    first = yield Call(function, (1,))
    yield Sleep(0.0)
    second = yield Request(double, first)
    try:
        yield Call(function, ())
    except TypeError:
        return first, second
    raise AssertionError


def test_a_lifecycle_gets_outcomes_and_errors():
    """Outcomes are sent in, errors thrown in, and what it returns comes out."""
    assert drive(lifecycle(double)) == (2, 4)


async def test_a_lifecycle_awaits_what_can_be_awaited():
    """The same lifecycle with a coroutine function, or a plain one, under the event loop."""
    assert await drive_async(lifecycle(double_later)) == (2, 4)
    assert await drive_async(lifecycle(double)) == (2, 4)


def timed(function, seconds):
    try:
        yield Call(function, (), {}, seconds)
    except Expired:
        return "stopped"
    return "finished"


def test_a_blocked_call_is_stopped_in_the_main_thread():
    """A call that sleeps in the system is interrupted when its time is up."""
    started = time.monotonic()
    assert drive(timed(lambda: time.sleep(20), 0.05)) == "stopped"
    assert time.monotonic() - started < 15  # of the 20 that it would sleep


def test_busy_code_is_stopped_in_another_thread():
    """Python code that never blocks is interrupted outside of the main thread, whatever it suppresses."""
    outcome = []

    def busy():
        while True:
            with suppress(Exception):
                sum(range(100))

    thread = threading.Thread(target=lambda: outcome.append(drive(timed(busy, 0.05))))
    thread.start()
    thread.join(60)
    assert outcome == ["stopped"]


async def test_a_coroutine_is_stopped():
    """A coroutine is cancelled when its time is up."""
    assert await drive_async(timed(lambda: asyncio.sleep(20), 0.05)) == "stopped"


async def test_a_timeout_of_the_code_itself_is_not_ours():
    """A `TimeoutError` that the user's code raises stays one."""

    async def own():
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await drive_async(timed(own, 5))


def test_an_outer_time_limit_survives_an_inner_one():
    """After a task with a limit, the flow's limit still holds."""
    with pytest.raises(Expired), stop_after(0.2):  # noqa: PT012
        with stop_after(0.1), pytest.raises(Expired):
            time.sleep(20)
        time.sleep(20)


def test_delays_double():
    """`exponential_backoff(2)` for four retries."""
    assert exponential_backoff(2)(4) == [2, 4, 8, 16]


@pytest.mark.parametrize(
    ("retry", "delays", "jitter", "chance", "seconds"),
    [
        (1, 5, None, 0.9, 5),
        (2, [1, 10], None, 0.9, 10),
        (3, [1, 10], None, 0.9, 10),
        (1, [], None, 0.9, 0),
        (1, 10, 0.5, 0.0, 5),
        (1, 10, 0.5, 0.5, 10),
        (1, 10, 3, 0.0, 0),
    ],
)
def test_the_delay_before_a_retry(retry, delays, jitter, chance, seconds):
    """The last delay serves for later retries; jitter spreads to both sides and never below zero."""
    assert delay_before(retry, delays, jitter, chance) == seconds
