"""Launches jobs, and says of those that could not be launched what became of them."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.contract import Handle, Infrastructure, Job, Phase, Status
from headrace.worker.holdings import Held
from headrace.worker.ledger import Ledger

_log = logging.getLogger("headrace.worker")

_TRIES = 4  # for an infrastructure that says it may work in a moment
_PAUSE = 0.25  # seconds before the second try; doubles
_REST = (
    5.0  # seconds without new claims after a run had to be given back: it would come again at once
)

_SAY_AGAIN = 60.0  # seconds until a reason why runs do not start is told once more


class Launcher:
    """Launches in turn, or several at a time where launching takes long.

    Args:
        infrastructure: What runs the jobs.
        ledger: Where their handles are kept.
        failed: Told of attempts that could not be launched.
        unwanted: Told of attempts whose end was asked for while they were launched.
        threads: Launches at one time; 0 launches in the caller's thread.

    What waits for a thread is bounded by what the worker may hold.
    """

    def __init__(
        self,
        infrastructure: Infrastructure,
        ledger: Ledger,
        *,
        failed: Callable[[Held, Status], None],
        unwanted: Callable[[Held], None],
        threads: int,
    ) -> None:
        self._infrastructure = infrastructure
        self._ledger = ledger
        self._failed = failed
        self._unwanted = unwanted
        self._closing = threading.Event()
        self.rest_until = 0.0  # monotonic: nothing should be claimed before
        self._said: dict[str, float] = {}  # monotonic: when, by reason
        self._pool = ThreadPoolExecutor(threads, "launcher") if threads else None

    def launch(self, job: Job, held: Held) -> None:
        """Launch an attempt, now or as soon as a thread is free."""
        if self._pool is None:
            self._launch(job, held)
        else:
            self._pool.submit(self._launch, job, held)

    def close(self) -> None:
        """Launch nothing more. What waited is found in the ledger by the next worker."""
        self._closing.set()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _launch(self, job: Job, held: Held) -> None:
        try:
            status = self._try(job, held)
        except Exception as error:  # the edge of a thread  # noqa: BLE001
            _log.exception("run %s could not be launched", job.run_id)
            status = Status(Phase.EXITED, reason=f"could not be started: {error!r}", proven=True)
        held.is_launching = False
        if status is not None:
            self._failed(held, status)
        elif not held.is_wanted:
            self._unwanted(held)

    def _try(self, job: Job, held: Held) -> Status | None:
        """Launch; what became of it when that failed for good."""
        pause = _PAUSE
        for left in range(_TRIES - 1, -1, -1):
            if not held.is_wanted:
                return Status(Phase.EXITED, proven=True, never_ran=True)
            try:
                self._keep(held, self._infrastructure.launch(job))
            except InfrastructureUnavailable as error:
                self._say(job, str(error))
                if left:
                    self._closing.wait(pause)
                    pause *= 2
                    continue
                self.rest_until = time.monotonic() + _REST
                reason = f"cannot be started now: {error}"
                return Status(Phase.EXITED, reason=reason, proven=True, never_ran=True)
            except InfrastructureError as error:
                reason = f"could not be started: {error}"
                return Status(
                    Phase.EXITED, reason=reason, proven=True, never_ran=not held.is_wanted
                )
            return None
        return None

    def _say(self, job: Job, reason: str) -> None:
        """Say why a run does not start; the same reason not again and again, for all that wait."""
        now = time.monotonic()
        self._said = {one: at for one, at in self._said.items() if now - at < _SAY_AGAIN}
        if reason not in self._said:
            self._said[reason] = now
            _log.warning("run %s cannot be started yet: %s", job.run_id, reason)

    def _keep(self, held: Held, handle: Handle) -> None:
        # The attempt may have told of its start already, with a fuller handle.
        if not held.handle.details:
            held.handle = handle
            self._ledger.keep_handle(held.slot, handle.to_json())
