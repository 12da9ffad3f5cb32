"""The driver that blocks, and the door to the one that awaits."""

import sys
import time
from typing import Any

from headrace._bindings import HEAVY, load
from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.commands import Call, Command, Lifecycle, Sleep
from headrace.engine.timeouts import stop_after


def drive(lifecycle: Lifecycle) -> Any:
    """Run a lifecycle to its end in this thread; what it returns."""
    try:
        command = next(lifecycle)
        while True:
            try:
                outcome = _perform(command)
            except BaseException as error:  # the lifecycle decides what any error means  # noqa: BLE001
                command = lifecycle.throw(error)
            else:
                command = lifecycle.send(outcome)
    except StopIteration as end:
        return end.value


def _perform(command: Command) -> Any:
    if isinstance(command, Call):
        if command.timeout is None:
            return command.function(*command.args, **command.kwargs)
        with stop_after(command.timeout):
            return command.function(*command.args, **command.kwargs)
    if isinstance(command, Sleep):
        return time.sleep(command.seconds)
    return command.function(*command.args)


def drive_async(lifecycle: Lifecycle) -> Any:
    """A coroutine that runs a lifecycle to its end. Loads asyncio."""
    return load(HEAVY["engine.async_driver"]).drive(lifecycle)


def run_async(lifecycle: Lifecycle) -> Any:
    """Run an async lifecycle to its end from a thread without an event loop."""
    return load(HEAVY["engine.async_driver"]).run(lifecycle)


def run_for_caller(lifecycle: Lifecycle) -> Any:
    """What a lifecycle comes to; where the code that calls awaits, something to await."""
    return drive_async(lifecycle) if _caller_awaits() else drive(lifecycle)


def _caller_awaits() -> bool:
    """Whether the task or flow that runs here is async; outside of both, whether a loop runs."""
    task = TaskRunContext.get()
    if task is not None:
        return task.task.isasync
    flow = FlowRunContext.get()
    if flow is not None:
        return flow.flow.isasync
    asyncio = sys.modules.get("asyncio")  # without it nothing is async
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
