"""What an earlier process of this worker left behind: taken over, or told of."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Adopting, Handle, Infrastructure, Phase, Status
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Entry, Ledger

_log = logging.getLogger("headrace.worker")

NEVER = "was not started: its worker died before"


@dataclass(frozen=True, slots=True)
class Adopter:
    """Goes through the ledger when a worker starts.

    Args:
        ledger: The ledger.
        holdings: Where what still runs, or is not told yet, is held.
        infrastructure: What runs it.
        ended: Told of attempts that are over.
        unwanted: Told of attempts whose end was asked for before they were looked at.
    """

    ledger: Ledger
    holdings: Holdings
    infrastructure: Infrastructure
    ended: Callable[[Held], None]
    unwanted: Callable[[Held], None]

    def hold_all(self) -> list[Held]:
        """Hold everything, so that its leases are kept; nothing is looked at yet."""
        return [held for entry in self.ledger.entries() if (held := self._hold(entry))]

    def take_over(self, left: Sequence[Held]) -> list[Held]:
        """Look at what is held, however long its infrastructure takes; what is held afterwards."""
        return [held for held in left if self._take_over(held)]

    def _hold(self, entry: Entry) -> Held | None:
        handle = _handle_of(entry, self.infrastructure.kind)
        if handle.kind != self.infrastructure.kind:
            _log.warning(
                "run %s was left on infrastructure of type %s, which this worker does not work with; "
                "it is left to the end of its lease",
                entry.run_id,
                handle.kind,
            )
            self.ledger.free(entry.slot)
            return None
        held = Held(
            run_id=entry.run_id,
            epoch=entry.epoch,
            name=entry.run_id,
            slot=entry.slot,
            deadline=self.ledger.deadline(entry.slot),
            handle=handle,
            fenced=entry.fenced,
            is_launching=True,
        )
        self.holdings.occupy(entry.slot)
        self.holdings.add(held)
        return held

    def _take_over(self, held: Held) -> bool:
        found = self._look(held.handle, held.slot)
        held.is_launching = False
        if found is None:  # its run goes back to its queue
            self.ledger.free(held.slot)  # first of all: who was asked to start it late is refused
            held.status = Status(Phase.EXITED, reason=NEVER, proven=True, never_ran=True)
            self.ended(held)
            return False
        held.handle, status = found
        if not held.status.exited:  # it may have been told meanwhile
            held.status = status
            if status.exited:
                self.ended(held)
            elif not held.is_wanted:
                self.unwanted(held)
        return True

    def _look(self, handle: Handle, slot: int) -> tuple[Handle, Status] | None:
        try:
            if isinstance(self.infrastructure, Adopting):
                return self.infrastructure.adopt(handle, slot)
            return handle, self.infrastructure.poll(handle)
        except InfrastructureError as error:
            _log.warning("run %s cannot be looked at yet: %s", handle.run_id, error)
            return handle, Status(Phase.STARTING)


def _handle_of(entry: Entry, kind: str) -> Handle:
    if entry.handle:
        try:
            return Handle.from_json(entry.handle)
        except msgspec.MsgspecError:  # half of it was on disk when the machine went
            _log.warning("run %s: what was noted of its attempt cannot be read", entry.run_id)
    return Handle(kind=kind, run_id=entry.run_id, epoch=entry.epoch)
