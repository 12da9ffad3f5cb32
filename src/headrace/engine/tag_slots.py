"""Slots of the limits that a task run's tags may have.

Loaded with the first task run that has tags.
"""

import logging
from collections.abc import Generator
from typing import Any, Final

from headrace.engine.commands import Command
from headrace.engine.slot_renewal import renewals
from headrace.engine.slots import Held, Wish, hold, release
from headrace.engine.task_run import TaskRun
from headrace.wire.concurrency_limits import ConcurrencyLeaseHolder

_log = logging.getLogger("headrace.concurrency")

LEASE_SECONDS: Final = 60.0
"""How long slots stay taken when the process dies: the least that the contract allows."""


class TagSlots:
    """Slots that a task run holds."""

    def __init__(self, held: Held, name: str) -> None:
        self._held = held
        self._name = name
        renewals.add(held, self._lose)

    def give_back(self) -> Generator[Command, Any, None]:
        """The attempt is over."""
        renewals.remove(self._held)
        yield from release(self._held)

    def _lose(self, reason: str) -> None:
        _log.warning("Task run %s lost the slots of its tags and goes on: %s", self._name, reason)


def slots_of_tags(run: TaskRun) -> Generator[Command, Any, TagSlots | None]:
    """Wait for a slot of each limited tag; None where no tag is limited. Raises as `slots.hold`."""
    wish = Wish([f"tag:{tag}" for tag in sorted(run.tags)])
    held = yield from hold(wish, LEASE_SECONDS, ConcurrencyLeaseHolder(type="task_run", id=run.id))
    return None if held is None else TagSlots(held, run.name)
