"""The driver that awaits. Loaded with the first async flow or task: asyncio is dear to import."""

import asyncio
import inspect
from typing import Any

from headrace.engine.commands import Call, Command, Expired, Lifecycle, Sleep


async def drive(lifecycle: Lifecycle) -> Any:
    """Run a lifecycle to its end in this event loop; what it returns."""
    try:
        command = next(lifecycle)
        while True:
            try:
                outcome = await _perform(command)
            except BaseException as error:  # the lifecycle decides what any error means  # noqa: BLE001
                command = lifecycle.throw(error)
            else:
                command = lifecycle.send(outcome)
    except StopIteration as end:
        return end.value


async def _perform(command: Command) -> Any:
    if isinstance(command, Call):
        return await _call(command)
    if isinstance(command, Sleep):
        return await asyncio.sleep(command.seconds)
    return await asyncio.to_thread(command.function, *command.args)


async def _call(command: Call) -> Any:
    limit = asyncio.timeout(command.timeout)
    try:
        async with limit:
            outcome = command.function(*command.args, **command.kwargs)
            return await outcome if inspect.isawaitable(outcome) else outcome
    except TimeoutError:
        if limit.expired():
            raise Expired from None
        raise


def run(lifecycle: Lifecycle) -> Any:
    """Run a lifecycle to its end in an event loop of this thread's own."""
    return asyncio.run(drive(lifecycle))
