"""The process kind as workers use it: warm where it can be, and found again by the ledger."""

import os
import time
from pathlib import Path

from headrace.infrastructure.contract import Handle, Phase, Status
from headrace.infrastructure.kinds import KindContext, KindSpec
from headrace.infrastructure.process.groups import take_groups
from headrace.infrastructure.process.identity import ProcessId, is_alive, kill_group
from headrace.infrastructure.process.kind import KIND, ProcessInfrastructure
from headrace.infrastructure.process.launches import Launch
from headrace.infrastructure.process.template import TEMPLATE
from headrace.worker.home import ledger_of, outputs_of, preload_of
from headrace.worker.ledger import Entry, Ledger, Stage
from headrace.worker.warm.idle import IdleStarter
from headrace.worker.warm.messages import EXECUTE
from headrace.worker.warm.preload import Preload
from headrace.worker.warm.starter import WarmStarter

PROCESS = KindSpec(
    name=KIND,
    template=TEMPLATE,
    make="headrace.worker.warm.kind:make_processes",
    is_local=True,
    launchers=0,
)

# A parent whose worker died reads what it was still asked before it lets go: this many seconds.
_PARENT_PATIENCE = 2.0
_POLL = 0.01  # seconds


class LedgerProcesses(ProcessInfrastructure):
    """Processes that write in the worker's ledger themselves: an earlier worker's are found in it.

    Args:
        starter: What makes them.
        directory: Where their outputs are.
        ledger: The worker's ledger.
        groups: The control group for those of jobs with limits.
    """

    def __init__(
        self,
        starter: WarmStarter | IdleStarter,
        directory: Path,
        ledger: Ledger,
        groups: Path | None = None,
    ) -> None:
        super().__init__(starter, directory, groups=groups)
        self._warm = starter if isinstance(starter, WarmStarter) else None
        self._ledger = ledger
        starter.warm_up(self.base)

    def adopt(self, handle: Handle, slot: int) -> tuple[Handle, Status] | None:
        """Take over an attempt that an earlier process of this worker was asked for."""
        entry = self._ledger.read(slot)
        if entry.stage is Stage.LAUNCHING and entry.parent.pid:
            entry = self._settle(entry)
        if entry.stage is Stage.LAUNCHING:
            return None
        if entry.stage is not Stage.EXITED and is_alive(entry.process):
            return self._watch(handle, slot, entry.process), Status(Phase.RUNNING)
        entry = self._ledger.read(slot)
        known = entry.stage is Stage.EXITED
        code = entry.code if known else None
        return handle, self.ended(handle, code, reported=known and entry.reported)

    def close(self) -> None:
        """Start nothing more."""
        super().close()
        self._ledger.close()

    def _watch(self, handle: Handle, slot: int, process: ProcessId) -> Handle:
        full = self.take_over(handle, process, is_watched=self._warm is not None)
        if self._warm is not None:
            self._warm.watch_orphan(_launch_of(full, slot, self.output_of(full)), self, process)
        return full

    def _settle(self, entry: Entry) -> Entry:
        """Wait until it is certain whether the process was started."""
        end = time.monotonic() + _PARENT_PATIENCE
        while is_alive(entry.parent) and time.monotonic() < end:
            entry = self._ledger.read(entry.slot)
            if entry.stage is not Stage.LAUNCHING:
                return entry
            time.sleep(_POLL)
        if is_alive(entry.parent):
            # It is stopped, or hangs: what it has not started by now it shall not start. A child
            # that it has just made sees that its parent is gone, and ends by itself.
            kill_group(entry.parent)
            while is_alive(entry.parent):
                time.sleep(_POLL)
        return self._ledger.read(entry.slot)


def make_processes(context: KindContext, execute: str = EXECUTE) -> LedgerProcesses:
    """Processes of this machine.

    Args:
        context: Whose they are.
        execute: What runs a claim in a warm child, `module:function`.
    """
    ledger = ledger_of(context.directory)
    groups = take_groups()  # first: what is started is where this process is
    starter = _new_starter(context.directory, ledger, execute)
    return LedgerProcesses(starter, outputs_of(context.directory), ledger, groups)


def _new_starter(directory: Path, ledger: Ledger, execute: str) -> WarmStarter | IdleStarter:
    """Forked children where the system can do that safely, else interpreters that wait."""
    if not (hasattr(os, "fork") and hasattr(os, "pidfd_open")):
        return IdleStarter(ledger, execute)
    preload = Preload(preload_of(directory))
    preload.load()
    return WarmStarter(ledger, preload, execute)


def _launch_of(handle: Handle, slot: int, output: Path) -> Launch:
    return Launch(
        key=f"{handle.run_id}.{handle.epoch}",
        command=None,
        environment={},
        identity={},
        fresh=False,
        working_dir="",
        output=output,
        payload=b"",
        slot=slot,
    )
