"""Calls that are held open: until they have an answer, the caller goes, or the server stops."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, TypeVar

from headrace.server.api.operations import Call
from headrace.server.services.signals import Signals

R = TypeVar("R")


class CallerGone(Exception):
    """Nobody waits for the answer any more."""


async def wait_for_caller(call: Call[Any], work: Awaitable[R]) -> R:
    """The result of `work`, which is cancelled when the caller hangs up: then `CallerGone`."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(call.disconnected())
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            raise CallerGone
        return task.result()
    finally:
        gone.cancel()
        task.cancel()


async def until_closing(signals: Signals, seconds: float) -> None:
    """Return when the server begins to stop, or after so many seconds."""
    await signals.wait(("closing",), seconds)
