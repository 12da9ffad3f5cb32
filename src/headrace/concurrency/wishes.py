"""What the sync and the async form have in common: slots from their beginning to their end."""

import logging
from collections.abc import Callable, Generator
from typing import Any

from headrace.engine.commands import Command
from headrace.engine.slot_renewal import renewals
from headrace.engine.slots import Held, Wish, hold, holder_here, release
from headrace.errors import ConcurrencyLeaseLost
from headrace.wire.concurrency_limits import ConcurrencyLeaseHolder

_log = logging.getLogger("headrace.concurrency")


def wish_for(
    names: str | list[str],
    occupy: int,
    timeout_seconds: float | None,
    max_retries: int | None,
    strict: bool,
) -> Wish:
    """The slots that are wanted; a name may stand for a list of one."""
    listed = [names] if isinstance(names, str) else list(names)
    return Wish(listed, occupy, timeout_seconds, max_retries, strict)


def stops_when_lost(strict: bool, given: bool | None) -> bool:
    """Whether lost slots stop the block that uses them."""
    return strict if given is None else given


class SlotsInUse:
    """Slots that a block of user code holds.

    Args:
        wish: Which slots.
        stops: Whether losing them stops the block.
        interrupt: Stops the block from another thread, as soon as can be.
    """

    def __init__(self, wish: Wish, stops: bool, interrupt: Callable[[], object]) -> None:
        self.lost: str | None = None
        """Why the slots were lost, if they were."""
        self._wish = wish
        self._stops = stops
        self._interrupt = interrupt
        self._held: Held | None = None

    def begin(
        self, lease_duration: float, holder: ConcurrencyLeaseHolder | None
    ) -> Generator[Command, Any, None]:
        """Wait for the slots, and renew them from now on."""
        self._held = yield from hold(self._wish, lease_duration, holder or holder_here())
        if self._held is not None:
            renewals.add(self._held, self._lose)

    def stop_renewing(self) -> None:
        """The block is over: losing the slots does no harm any more."""
        if self._held is not None:
            renewals.remove(self._held)

    def end(self) -> Generator[Command, Any, None]:
        """Give the slots back."""
        if self._held is not None:
            yield from release(self._held)

    def check(self) -> None:
        """Raise `ConcurrencyLeaseLost` where the slots were lost and that matters."""
        if self.lost is not None and self._stops:
            raise ConcurrencyLeaseLost(self.lost)

    def _lose(self, reason: str) -> None:
        names = ", ".join(repr(name) for name in self._wish.names)
        self.lost = f"The slots of {names} were lost, others may hold them now: {reason}"
        if self._stops:
            self._interrupt()
        else:
            _log.warning("%s The work goes on.", self.lost)
