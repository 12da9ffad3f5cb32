"""What a worker says of an attempt that is over.

The attempt's own process reports its final state. The worker speaks only for those that could not:
killed, crashed in native code, ended by the flow itself, never started.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from headrace.errors import (
    HeadraceError,
    RequestTimedOut,
    ServerFault,
    ServerUnreachable,
    TooBusy,
)
from headrace.infrastructure.contract import Infrastructure, Releasing, Status
from headrace.wire.claims import HeldLease
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.states import StateCreate, StateType
from headrace.worker.api import ERROR, WARNING, WorkerApi, awaiting_retry, cancelled, crashed
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Ledger

_log = logging.getLogger("headrace.worker")

# States in which a run needs no process: whoever ended, nothing is wrong.
_AT_REST = frozenset(
    {
        StateType.COMPLETED,
        StateType.FAILED,
        StateType.CANCELLED,
        StateType.CRASHED,
        StateType.PAUSED,
        StateType.SCHEDULED,
    }
)
_RETRY_FIRST, _RETRY_LONGEST = 0.5, 15.0  # seconds between tries while the API is away
# How long the end of an attempt is tried to be told, seconds. After that its lease has long expired
# and the server has drawn its own conclusion.
_PATIENCE = 3600.0
_MOST_REASONS = 4096  # runs of which it is known what was said; as many as a worker holds at once
_LOGGER_NAME = "headrace.flow_runs.worker"


class Verdict(StrEnum):
    """What to do about an attempt that is over."""

    NOTHING = "nothing"
    RELEASE = "release"
    """It never ran and nobody stopped it: its lease ends and the run goes back to its queue."""
    ASK = "ask"
    """Its process said nothing to us: look at the run, and speak for it if it says it is running."""


def judge(status: Status, *, lost: bool, cancelling: bool) -> Verdict:
    """What to do about an attempt that is over: a pure rule.

    Args:
        status: How it ended.
        lost: Its lease is no longer ours: it is not ours to speak of.
        cancelling: It was stopped because the run is to be cancelled.
    """
    if lost or status.reported:
        return Verdict.NOTHING
    if status.never_ran and not cancelling:
        return Verdict.RELEASE
    return Verdict.ASK


def conclude(
    run: FlowRunResponse | None,
    status: Status,
    *,
    cancelling: bool,
    stopping: str,
    lines: Sequence[str],
    now: datetime,
) -> StateCreate | None:
    """The state to propose for a run whose process ended without a word; None when it needs none.

    Args:
        run: The run as it is now; None when it is gone.
        status: How the process ended.
        cancelling: It was stopped because the run is to be cancelled.
        stopping: Why the worker stopped it, if it did.
        lines: The last lines that it printed.
        now: When another attempt may begin, where the run's policy asks for one.
    """
    if run is None or run.state_type is None or run.state_type in _AT_REST:
        return None
    if cancelling or run.state_type is StateType.CANCELLING:
        return cancelled("The run was stopped because it was cancelled.")
    cause = f" ({stopping})" if stopping else ""
    shown = "".join(f"\n    {line}" for line in lines)
    said = f" Its last lines were:{shown}" if lines else ""
    message = f"The run's process {status.reason}{cause}.{said}"
    return awaiting_retry(message, now) if _may_run_again(run, status) else crashed(message)


def _may_run_again(run: FlowRunResponse, status: Status) -> bool:
    """Whether the policy asks for another attempt elsewhere, and the old one is dead for certain."""
    policy = run.empirical_policy
    return (
        status.proven
        and policy.retry_type == "reschedule"
        and (policy.retries or 0) + 1 > run.run_count
    )


class Endings:
    """Tells the API of attempts that are over, one after the other, for as long as it takes.

    Args:
        api: The API.
        owner: Whose leases they are.
        infrastructure: What ran them.
        holdings: What is held; an attempt is dropped from it when its end is told.
        ledger: Where they are written down; their slot is freed.
        show: Shows what is left of an attempt's output.
    """

    def __init__(
        self,
        *,
        api: WorkerApi,
        owner: str,
        infrastructure: Infrastructure,
        holdings: Holdings,
        ledger: Ledger,
        show: Callable[[Held], None],
    ) -> None:
        self._api = api
        self._owner = owner
        self._infrastructure = infrastructure
        self._holdings = holdings
        self._ledger = ledger
        self._show = show
        # Bounded by the ledger's slots: an attempt ends once.
        self._ended: queue.SimpleQueue[Held | None] = queue.SimpleQueue()
        self._later: list[tuple[float, Held]] = []  # monotonic, which
        self._told_reasons: dict[str, str] = {}  # by run
        self._thread = threading.Thread(target=self._run, name="endings", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ended(self, held: Held) -> None:
        """An attempt is over; returns at once."""
        self._ended.put(held)

    def stop(self) -> None:
        """End after what is queued. What could not be told stays in the ledger for the next worker."""
        self._ended.put(None)
        self._thread.join(timeout=30.0)

    def _run(self) -> None:
        while True:
            held = self._next()
            if held is None:
                return
            try:
                self._tell(held)
            except Exception:  # noqa: BLE001  # the loop's edge
                _log.exception("the end of run %s could not be dealt with", held.run_id)
                self._forget(held)

    def _next(self) -> Held | None:
        while True:
            now = time.monotonic()
            due = next((item for item in self._later if item[0] <= now), None)
            if due is not None:
                self._later.remove(due)
                return due[1]
            wait = min((item[0] for item in self._later), default=now + 3600.0) - now
            try:
                return self._ended.get(timeout=max(0.0, wait))
            except queue.Empty:
                continue

    def _tell(self, held: Held) -> None:
        status = held.status
        verdict = judge(status, lost=held.lost, cancelling=held.cancelling)
        try:
            if verdict is Verdict.ASK:
                self._speak_for(held)
            elif verdict is Verdict.RELEASE:
                self._give_up(held)
                self._say_why(held)
        except (ServerUnreachable, RequestTimedOut, ServerFault, TooBusy) as error:
            self._try_later(held, error)
            return
        except HeadraceError as error:
            _log.warning("run %s: the API refused what became of it: %s", held.run_id, error)
        self._forget(held)

    def _speak_for(self, held: Held) -> None:
        lines = self._infrastructure.logs(held.handle)
        run = self._api.run_of(held.run_id)
        if run is not None and run.state_type is StateType.PAUSED and held.status.proven:
            # Its process waited for a person; the server notes that resuming needs a new one. Where
            # somebody has resumed it meanwhile, it runs, and what became of it is ours to say.
            self._give_up(held)
            run = self._api.run_of(held.run_id)
        state = conclude(
            run,
            held.status,
            cancelling=held.cancelling,
            stopping=held.stopping,
            lines=lines,
            now=datetime.now(UTC),
        )
        if state is None or not self._api.propose(held.run_id, held.epoch, state):
            return
        _log.warning("run %r (%s): %s", held.name, held.run_id, state.message)
        if state.type is StateType.CRASHED:
            self._api.log(held.run_id, _LOGGER_NAME, ERROR, state.message or "")

    def _give_up(self, held: Held) -> None:
        over = [HeldLease(flow_run_id=UUID(held.run_id), epoch=held.epoch)]
        self._api.renew(self._owner, [], over)

    def _say_why(self, held: Held) -> None:
        """Put into the run's log why it waits on: once for each reason, for it comes again soon."""
        reason = held.status.reason
        if not reason or self._told_reasons.get(held.run_id) == reason:
            return
        if len(self._told_reasons) >= _MOST_REASONS:
            self._told_reasons.clear()
        self._told_reasons[held.run_id] = reason
        message = f"The run's process {reason}. The run goes back to its queue."
        self._api.log(held.run_id, _LOGGER_NAME, WARNING, message)

    def _try_later(self, held: Held, error: HeadraceError) -> None:
        if held.lost or time.monotonic() - held.deadline > _PATIENCE:
            _log.warning("run %s: its end was not told in time: %s", held.run_id, error)
            self._forget(held)
            return
        held.tell_again_after = min(max(_RETRY_FIRST, held.tell_again_after * 2), _RETRY_LONGEST)
        self._later.append((time.monotonic() + held.tell_again_after, held))

    def _forget(self, held: Held) -> None:
        self._show(held)
        if isinstance(self._infrastructure, Releasing):
            self._infrastructure.release(held.handle)
        self._ledger.free(held.slot)
        self._holdings.drop(held)
