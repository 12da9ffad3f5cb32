"""Starts attempts from warm parents: one parent for each environment, a child for each attempt."""

import contextlib
import os
import selectors
import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.process.engines import engine_command
from headrace.infrastructure.process.identity import ProcessId, is_alive, is_stopped
from headrace.infrastructure.process.launches import Launch, Watch
from headrace.worker.ledger import Ledger, Stage
from headrace.worker.warm.messages import (
    EXECUTE,
    EXECUTE_CONTRACT,
    NEVER_RAN,
    REPORTED,
    Exited,
    Learned,
    Ready,
    Refused,
    Started,
    read_report,
)
from headrace.worker.warm.parents import (
    Pending,
    WarmParent,
    environment_key,
    fork_request,
    start_parent,
)
from headrace.worker.warm.preload import Preload

_MOST_PARENTS = 4  # environments kept warm at once; each costs about 40 MB
# Seconds for a requested child to appear before its parent counts as stuck: a ready parent forks in a
# millisecond; one that still imports may have large distributions to read from a slow disk.
_READY_PATIENCE = 10.0
_IMPORT_PATIENCE = 90.0
_MOST_ATTEMPTS = 3  # parents asked for one attempt before it is given up
_LOOK = 1.0  # seconds between looks at parents that do not answer
_STOPPED_LOOKS = 3  # looks that find a parent stopped before it is ended; its children go on


class WarmStarter:
    """A starter whose processes are forked from warm parents.

    Args:
        ledger: The worker's ledger.
        preload: What its parents import.
        execute: What runs a claim of ours in a child, `module:function`.
    """

    def __init__(self, ledger: Ledger, preload: Preload, execute: str = EXECUTE) -> None:
        self._ledger = ledger
        self._preload = preload
        self._execute = {Sdk.HEADRACE: execute, Sdk.PREFECT: EXECUTE_CONTRACT}
        self._lock = threading.RLock()
        self._current: dict[str, WarmParent] = {}  # by environment
        self._parents: dict[int, WarmParent] = {}  # by socket, retiring ones too
        self._orphans: dict[int, Pending] = {}  # by pidfd: their parent died
        self._asked: dict[str, float] = {}  # attempts that no parent has confirmed, since when
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._closed = False
        self._looked = 0.0
        self._pump = threading.Thread(target=self._run, name="warm-processes", daemon=True)
        self._pump.start()

    def warm_up(self, environment: Mapping[str, str]) -> None:
        """Have a parent ready for an environment before the first attempt asks."""
        with self._lock, contextlib.suppress(InfrastructureUnavailable):
            self._parent_for(environment, Sdk.HEADRACE)

    def start(self, launch: Launch, watch: Watch) -> None:
        """Ask a parent for a child.

        Raises:
            InfrastructureUnavailable: No parent can be had.
        """
        if launch.command is None and launch.fresh:
            launch = _with_engine(launch)
        with self._lock:
            if self._closed:
                message = "this worker is closing and starts nothing more"
                raise InfrastructureUnavailable(message)
            self._ask(Pending(launch, watch))

    def watch_orphan(self, launch: Launch, watch: Watch, process: ProcessId) -> None:
        """Tell `watch` when a process ends that no parent of this starter made."""
        with self._lock:
            self._adopt(Pending(launch, watch, process))

    def recycle(self) -> None:
        """Replace every parent by a new one at its next use; the old end with their children."""
        with self._lock:
            for parent in list(self._current.values()):
                self._retire(parent)

    def close(self) -> None:
        """Start nothing more and let the parents go; those with children end with them."""
        with self._lock:
            self._closed = True
            for parent in self._parents.values():
                parent.retire()
        self._wake()
        self._pump.join(timeout=5.0)

    # Asking.

    def _ask(self, pending: Pending) -> None:
        launch = pending.launch
        if launch.command is None:
            parent = self._parent_for(launch.environment, launch.sdk)
        else:  # any will do: the command is executed under its own environment
            parent = self._any_parent() or self._parent_for(dict(os.environ), Sdk.HEADRACE)
        self._ledger.name_parent(launch.slot, parent.identity)
        self._asked[launch.key] = time.monotonic()
        try:
            parent.fork(pending, fork_request(launch))
        except InfrastructureUnavailable:
            self._asked.pop(launch.key, None)
            parent.kill()
            raise
        parent.used = time.monotonic()

    def _any_parent(self) -> WarmParent | None:
        return next((p for p in self._current.values() if p.ready), None)

    def _parent_for(self, environment: Mapping[str, str], sdk: Sdk) -> WarmParent:
        if self._preload.packages_changed():
            self.recycle()
        key = f"{sdk} {environment_key(environment)}"
        parent = self._current.get(key)
        if parent is None:
            if len(self._current) >= _MOST_PARENTS:
                self._retire(min(self._current.values(), key=lambda p: p.used))
            parent = self._open(key, environment, sdk)
            self._current[key] = parent
        return parent

    def _open(self, key: str, environment: Mapping[str, str], sdk: Sdk) -> WarmParent:
        parent = start_parent(
            key, environment, self._ledger.path, self._preload.wanted(), self._execute[sdk]
        )
        self._parents[parent.connection.fileno()] = parent
        self._selector.register(parent.connection, selectors.EVENT_READ)
        self._wake()
        return parent

    def _retire(self, parent: WarmParent) -> None:
        if self._current.get(parent.environment_key) is parent:
            del self._current[parent.environment_key]
        parent.retire()

    # Hearing.

    def _run(self) -> None:
        while not (self._closed and not self._parents and not self._orphans):
            for key, _ in self._selector.select(_LOOK):
                with self._lock:
                    self._hear(key.fd)
            with self._lock:
                self._look_for_stuck()
                if self._closed and not any(p.pending for p in self._parents.values()):
                    self._bury_all()
                    return

    def _hear(self, descriptor: int) -> None:
        if descriptor == self._wake_read:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        elif descriptor in self._orphans:
            self._orphan_ended(descriptor)
        elif descriptor in self._parents:
            parent = self._parents[descriptor]
            messages = parent.stream.receive()
            if messages is None:
                self._parent_died(parent)
                return
            for raw in messages:
                self._take(parent, raw)

    def _take(self, parent: WarmParent, raw: bytes) -> None:
        report = read_report(raw)
        match report:
            case Started():
                self._started(parent, report)
            case Exited():
                self._exited(parent, report)
            case Refused():
                self._refused(parent, report)
            case Ready():
                parent.ready = True
                self._preload.refuse(report.refused)
            case Learned():
                if self._preload.learn(report.modules):
                    self._retire(parent)

    def _started(self, parent: WarmParent, report: Started) -> None:
        self._asked.pop(report.key, None)
        pending = parent.pending.get(report.key)
        if pending is not None:
            pending.process = ProcessId(report.pid, report.started)
            pending.watch.started(report.key, pending.process)

    def _exited(self, parent: WarmParent, report: Exited) -> None:
        self._asked.pop(report.key, None)
        pending = parent.pending.pop(report.key, None)
        if pending is not None:
            if report.code == NEVER_RAN:
                pending.watch.not_started(report.key, "its process was not wanted any more")
            else:
                pending.watch.exited(report.key, report.code, reported=report.code == REPORTED)
        if parent.retiring and not parent.pending:
            parent.hang_up()

    def _refused(self, parent: WarmParent, report: Refused) -> None:
        self._asked.pop(report.key, None)
        pending = parent.pending.pop(report.key, None)
        if report.threads:
            self._preload.refuse(list(parent.preload))
            self._retire(parent)
        if pending is not None:
            self._ask_again(pending, report.why)

    def _ask_again(self, pending: Pending, why: str) -> None:
        pending.attempts += 1
        if pending.launch.sdk is not Sdk.HEADRACE and pending.launch.command is None:
            # Not every version of it may be imported ahead: an interpreter of its own always works,
            # or says why not.
            pending.launch = _with_engine(pending.launch)
        if pending.attempts <= _MOST_ATTEMPTS and not self._closed:
            with contextlib.suppress(InfrastructureUnavailable):
                self._ask(pending)
                return
        pending.watch.not_started(pending.launch.key, why)

    # Deaths.

    def _parent_died(self, parent: WarmParent) -> None:
        """Sort out what the dead parent had started from what it had not."""
        self._selector.unregister(parent.connection)
        del self._parents[parent.connection.fileno()]
        if self._current.get(parent.environment_key) is parent:
            del self._current[parent.environment_key]
        parent.bury()
        for key, pending in parent.pending.items():
            self._asked.pop(key, None)
            entry = self._ledger.read(pending.launch.slot)
            if entry.stage is Stage.LAUNCHING:
                self._ask_again(pending, "the warm parent that should start it died")
            elif entry.stage is Stage.EXITED:
                pending.watch.exited(key, entry.code, reported=entry.reported)
            else:
                if pending.process is None:
                    pending.process = entry.process
                    pending.watch.started(key, entry.process)
                self._adopt(pending)

    def _adopt(self, pending: Pending) -> None:
        process = pending.process
        if process is None or not is_alive(process):
            self._tell_orphan(pending)
            return
        try:
            descriptor = os.pidfd_open(process.pid)
        except OSError:
            self._tell_orphan(pending)
            return
        self._orphans[descriptor] = pending
        self._selector.register(descriptor, selectors.EVENT_READ)
        self._wake()

    def _orphan_ended(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        os.close(descriptor)
        self._tell_orphan(self._orphans.pop(descriptor))

    def _tell_orphan(self, pending: Pending) -> None:
        entry = self._ledger.read(pending.launch.slot)
        known = entry.stage is Stage.EXITED
        pending.watch.exited(
            pending.launch.key,
            entry.code if known else None,
            reported=known and entry.reported,
        )

    def _look_for_stuck(self) -> None:
        """A parent that answers nothing (stopped, or hung in an import) is ended."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return
        self._looked = now
        for parent in self._parents.values():
            if is_stopped(parent.identity):
                parent.seen_stopped += 1
            else:
                parent.seen_stopped = 0
            patience = _READY_PATIENCE if parent.ready else _IMPORT_PATIENCE
            late = any(now - self._asked.get(key, now) > patience for key in parent.pending)
            if late or parent.seen_stopped >= _STOPPED_LOOKS:
                parent.kill()

    def _bury_all(self) -> None:
        for parent in self._parents.values():
            parent.hang_up()
            parent.bury()
        self._parents.clear()

    def _wake(self) -> None:
        os.write(self._wake_write, b"x")


def _with_engine(launch: Launch) -> Launch:
    return replace(launch, command=engine_command(launch.sdk), fresh=True)
