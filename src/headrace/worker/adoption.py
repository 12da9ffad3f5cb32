"""What an earlier process of this worker left behind: taken over, or told of."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headrace.infrastructure.contract import Handle, Infrastructure, Phase, Status
from headrace.infrastructure.process.identity import (
    describe_exit,
    is_alive,
    kill_group,
)
from headrace.infrastructure.process.kind import KIND, ProcessInfrastructure
from headrace.infrastructure.process.launches import Launch
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Entry, Ledger, Stage
from headrace.worker.warm.starter import WarmStarter

# A parent whose worker died reads what it was still asked before it lets go: this many seconds.
_PARENT_PATIENCE = 2.0
_POLL = 0.01  # seconds


@dataclass(frozen=True, slots=True)
class Adopter:
    """Goes through the ledger when a worker starts.

    Args:
        ledger: The ledger.
        holdings: Where what still runs, or is not told yet, is held.
        infrastructure: What runs it.
        starter: What watches processes that it did not make; for the process kind.
        ended: Told of attempts that are over.
    """

    ledger: Ledger
    holdings: Holdings
    infrastructure: Infrastructure
    starter: WarmStarter | None
    ended: Callable[[Held], None]

    def adopt_all(self) -> list[Held]:
        """Take over everything; what is held afterwards."""
        return [held for entry in self.ledger.entries() if (held := self._adopt(entry))]

    def _adopt(self, entry: Entry) -> Held | None:
        if entry.stage is Stage.LAUNCHING and entry.parent.pid:
            entry = self._settle(entry)
        if entry.stage is Stage.LAUNCHING and not _is_elsewhere(entry):
            self.ledger.free(entry.slot)  # never started; its short lease lapses
            return None
        handle = _handle_of(entry, self.infrastructure.kind)
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
        held.status = self._status(entry, handle)
        if held.status.exited:
            self.ended(held)
        return held

    def _settle(self, entry: Entry) -> Entry:
        """Wait until it is certain whether the process was started."""
        end = time.monotonic() + _PARENT_PATIENCE
        while is_alive(entry.parent) and time.monotonic() < end:
            entry = self.ledger.read(entry.slot)
            if entry.stage is not Stage.LAUNCHING:
                return entry
            time.sleep(_POLL)
        if is_alive(entry.parent):
            # It is stopped, or hangs: what it has not started by now it shall not start. A child
            # that it has just made sees that its parent is gone, and ends by itself.
            kill_group(entry.parent)
            while is_alive(entry.parent):
                time.sleep(_POLL)
        return self.ledger.read(entry.slot)

    def _status(self, entry: Entry, handle: Handle) -> Status:
        if entry.stage is Stage.EXITED:
            return _exited(entry)
        if not isinstance(self.infrastructure, ProcessInfrastructure):
            return self.infrastructure.poll(handle)
        if not is_alive(entry.process):
            return _exited(self.ledger.read(entry.slot))
        watched = self.starter is not None
        self.infrastructure.adopt(handle, entry.process, is_watched=watched)
        if self.starter is not None:
            launch = _launch_of(entry, self.infrastructure.output_of(handle))
            self.starter.watch_orphan(launch, self.infrastructure, entry.process)
        return Status(Phase.RUNNING)


def _is_elsewhere(entry: Entry) -> bool:
    """Whether the attempt may run on infrastructure that is not this machine's processes."""
    return bool(entry.handle) and Handle.from_json(entry.handle).kind != KIND


def _handle_of(entry: Entry, kind: str) -> Handle:
    stored = Handle.from_json(entry.handle) if entry.handle else None
    details = dict(stored.details) if stored else {}
    if entry.process.pid:
        details |= {"pid": entry.process.pid, "started": entry.process.started}
    return Handle(kind=kind, run_id=entry.run_id, epoch=entry.epoch, details=details)


def _exited(entry: Entry) -> Status:
    known = entry.stage is Stage.EXITED
    code = entry.code if known else None
    return Status(
        Phase.EXITED,
        code=code,
        reason=describe_exit(code),
        proven=True,
        reported=known and entry.reported,
    )


def _launch_of(entry: Entry, output: Path) -> Launch:
    return Launch(
        key=f"{entry.run_id}.{entry.epoch}",
        command=None,
        environment={},
        identity={},
        fresh=False,
        working_dir="",
        output=output,
        payload=b"",
        slot=entry.slot,
    )
