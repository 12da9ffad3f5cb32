"""What an earlier process of this worker left behind: taken over, or told of."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Adopting, Handle, Infrastructure, Phase, Status
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Entry, Ledger

_log = logging.getLogger("headrace.worker")


@dataclass(frozen=True, slots=True)
class Adopter:
    """Goes through the ledger when a worker starts.

    Args:
        ledger: The ledger.
        holdings: Where what still runs, or is not told yet, is held.
        infrastructure: What runs it.
        ended: Told of attempts that are over.
    """

    ledger: Ledger
    holdings: Holdings
    infrastructure: Infrastructure
    ended: Callable[[Held], None]

    def adopt_all(self) -> list[Held]:
        """Take over everything; what is held afterwards."""
        return [held for entry in self.ledger.entries() if (held := self._adopt(entry))]

    def _adopt(self, entry: Entry) -> Held | None:
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
        )
        self.holdings.occupy(entry.slot)
        self.holdings.add(held)
        found = self._look(handle, entry.slot)
        if found is None:
            self.ledger.free(entry.slot)  # its short lease lapses
            self.holdings.drop(held)
            return None
        held.handle, status = found
        if not held.status.exited:  # it may have been told meanwhile
            held.status = status
            if status.exited:
                self.ended(held)
        return held

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
        return Handle.from_json(entry.handle)
    return Handle(kind=kind, run_id=entry.run_id, epoch=entry.epoch)
