"""The worker: claims, leases, cancellation and reports, once for every kind of infrastructure."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from headrace.core.sdks import Sdk
from headrace.errors import HeadraceError, ServerUnreachable
from headrace.infrastructure.contract import NAME, Handle, Infrastructure, Notifying, Phase, Status
from headrace.wire.workers import WorkerHeartbeatBody
from headrace.worker.adoption import Adopter
from headrace.worker.api import WorkerApi
from headrace.worker.claiming import Claimer, Source, cancelled_runs
from headrace.worker.complaints import Complaints
from headrace.worker.contract_control import ContractControl
from headrace.worker.endings import Endings
from headrace.worker.environments import Credentials, JobEnvironments
from headrace.worker.holdings import Held, Holdings
from headrace.worker.launching import Launcher
from headrace.worker.leases import LeaseKeeper
from headrace.worker.ledger import Ledger
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.output import OutputView
from headrace.worker.stopping import Stopper
from headrace.worker.watching import Watcher

_log = logging.getLogger("headrace.worker")

LONG_POLL = 25.0  # seconds a claim is held open; proxies commonly cut at 30 or 60
_TICK = 0.2  # seconds between looks at leases
_RECORD_AFTER = 1.0  # seconds an attempt lives before the run is told what it is called
_RECORD_PAUSE = 10.0  # seconds until the next attempt at that after one that failed
_PAUSE_FIRST, _PAUSE_LONGEST = 0.2, 10.0  # seconds between claims while the API is away
_GATHER = 0.02  # seconds that freed room may wait for more of it while there is a backlog
_FULL_PATIENCE = 0.5  # seconds to wait for room before asking for signals only


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How a worker behaves.

    Args:
        name: Its name, in the pool and in messages.
        limit: Runs at once; None is as many as the machine bears (4096).
        heartbeat_seconds: Between signs of life for its pool.
        grace_seconds: What a stopped run is given to end by itself.
        run_once: Take what is due now, wait for it to end, and leave.
        credentials: Environment that lets runs into the API, for each SDK.
        is_local: Jobs are processes of this machine, under this worker's own environment.
        launchers: Launches at one time; 0 launches one after the other.
    """

    name: str
    limit: int | None = None
    heartbeat_seconds: float = 30.0
    grace_seconds: float = 30.0
    run_once: bool = False
    credentials: Credentials = field(default_factory=dict[Sdk, Mapping[str, str]])
    is_local: bool = True
    launchers: int = 0


class Worker:
    """Takes work and drives infrastructure until it is told to drain.

    Args:
        api: The API.
        infrastructure: What runs the jobs.
        source: Where runs come from.
        ledger: What this worker holds, on disk.
        options: How it behaves.
    """

    def __init__(
        self,
        *,
        api: WorkerApi,
        infrastructure: Infrastructure,
        source: Source,
        ledger: Ledger,
        options: WorkerOptions,
    ) -> None:
        self._api = api
        self._infrastructure = infrastructure
        self._source = source
        self._options = options
        self.holdings = Holdings(options.limit)
        self._ledger = ledger
        self._control = ContractControl()
        self._stopper = Stopper(infrastructure, self._control, options.grace_seconds)
        self.metrics = WorkerMetrics()
        self._leases = LeaseKeeper(api, source.owner, self.holdings, ledger, self.metrics)
        view = OutputView(infrastructure)
        self._watcher = Watcher(infrastructure, self.holdings, view.show, self._changed)
        self._endings = Endings(
            api=api,
            owner=source.owner,
            infrastructure=infrastructure,
            holdings=self.holdings,
            ledger=ledger,
            show=lambda held: view.show(held, is_over=True),
        )
        self._claimer = Claimer(
            api=api,
            kind=infrastructure.kind,
            source=source,
            holdings=self.holdings,
            ledger=ledger,
            leases=self._leases,
            environments=JobEnvironments(
                lambda: api.url, options.credentials, self._control, options.is_local
            ),
        )
        self._launcher = Launcher(
            infrastructure,
            ledger,
            failed=self._over_for,
            unwanted=self._stopper.stop_again,
            threads=options.launchers,
        )
        self._adopter = Adopter(
            ledger,
            self.holdings,
            infrastructure,
            ended=self._endings.ended,
            unwanted=self._stopper.stop_again,
        )
        self._complaints = Complaints("the API answers again")
        self._draining = threading.Event()
        self._stopping = threading.Event()
        self._over = threading.Event()
        self.last_claim = time.monotonic()  # for the health check
        self._record_again = 0.0
        self._is_backlog = False

    def run(self) -> None:
        """Work until drained. Call `drain` and `stop` from a signal handler or another thread."""
        if isinstance(self._infrastructure, Notifying):
            self._infrastructure.notify(self._changed)
        self._endings.start()
        left = self._adopter.hold_all()
        # Leases are kept from now on: infrastructure may take its time to be looked at.
        threading.Thread(target=self._keep, name="worker-keeper", daemon=True).start()
        for held in self._adopter.take_over(left):
            _log.info("took over run %s, epoch %s", held.run_id, held.epoch)
        threads = [
            threading.Thread(target=self._watcher.run, name="worker-watcher", daemon=True),
        ]
        if self._source.work_pool_name is not None:
            threads.append(threading.Thread(target=self._beat, name="heartbeat", daemon=True))
        threads.append(threading.Thread(target=self._claim, name="worker-claims", daemon=True))
        for thread in threads:
            thread.start()
        while not self._draining.wait(3600.0):
            pass
        self._finish()

    def drain(self) -> None:
        """Take nothing more; `run` returns when what runs has ended."""
        self._draining.set()
        self.holdings.wake()

    def stop(self) -> None:
        """Drain, and stop what runs."""
        self._stopping.set()
        self.drain()

    @property
    def is_draining(self) -> bool:
        """Whether nothing more is taken."""
        return self._draining.is_set()

    def _finish(self) -> None:
        self._api.break_off()
        stopped = False
        while not self.holdings.wait_until_empty(_TICK):
            if self._stopping.is_set() and not stopped:
                stopped = True
                for held in self.holdings.all():
                    self._stopper.stop(held, "its worker was stopped")
        self._over.set()
        self._watcher.stop()
        self._launcher.close()
        self._endings.stop()
        self._control.close()

    # Claims.

    def _claim(self) -> None:
        pause = _PAUSE_FIRST
        while not self._draining.is_set():
            try:
                self._claim_once()
                pause = _PAUSE_FIRST
                self._complaints.settled("claims")
            except HeadraceError as error:
                if self._draining.is_set():
                    return
                self.metrics.claim_errors += 1
                self._complaints.made("claims", "no runs can be claimed now", error)
                self._draining.wait(pause)
                pause = min(pause * 2, _PAUSE_LONGEST)
            except Exception:  # noqa: BLE001  # the loop's edge
                _log.exception("a claim could not be dealt with")
                self._draining.wait(pause)
            if self._options.run_once:
                self._draining.set()

    def _claim_once(self) -> None:
        rest = self._launcher.rest_until - time.monotonic()
        if rest > 0 and self._draining.wait(rest):
            return
        if not self.holdings.wait_for_room(_FULL_PATIENCE):
            return
        if self._is_backlog:
            # There is more than there is room for: one claim for several runs costs as one for one.
            self.holdings.gather_room(_GATHER)
        wait = 0.0 if self._options.run_once else LONG_POLL
        room, asked = self.holdings.free, time.monotonic()
        batch = self._claimer.claim(wait, room=room)
        self._is_backlog = 0 < room <= len(batch.runs)
        self.last_claim = received = time.monotonic()
        if batch.runs:
            self.metrics.claims.record(received - asked)
        if not self._draining.is_set() or self._options.run_once:
            for job, held in self._claimer.take(batch, received):
                self._launcher.launch(job, held)
        self._cancel(batch.cancelling)

    # Everything else that takes turns.

    def _keep(self) -> None:
        while not self._over.wait(_TICK):
            for what, step in (
                ("leases", self._renew),
                ("names", self._record_names),
            ):
                try:
                    step()
                    self._complaints.settled(what)
                except HeadraceError as error:
                    self._complaints.made(what, f"{what}: waiting for the API", error)
                except Exception:  # noqa: BLE001  # the loop's edge
                    _log.exception("the worker's upkeep failed once")

    def _renew(self) -> None:
        lost, cancelling = self._leases.run_once(time.monotonic())
        for run in lost:
            for held in self.holdings.find_run(str(run)):
                self._stopper.drop(held)
        self._cancel(cancelling)

    def _cancel(self, runs: list[UUID]) -> None:
        for held in cancelled_runs(self.holdings, runs):
            self._stopper.cancel(held)

    def _record_names(self) -> None:
        now = time.monotonic()
        if now < self._record_again or self._complaints.is_open("leases"):
            return  # nothing may hold up the next renewal while the API is away
        self._record_again = now + _RECORD_PAUSE  # unless it goes well
        for held in self.holdings.all():
            name = held.handle.details.get(NAME)
            is_new = now - held.since <= _RECORD_AFTER
            if name is None or is_new or held.is_recorded or held.status.exited:
                continue
            held.is_recorded = True
            try:
                self._api.record_name(held.run_id, str(name))
            except ServerUnreachable:
                held.is_recorded = False
                raise
        self._record_again = 0.0

    def _beat(self) -> None:
        body = WorkerHeartbeatBody(
            name=self._options.name,
            heartbeat_interval_seconds=max(1, round(self._options.heartbeat_seconds)),
        )
        while not self._over.is_set():
            try:
                self._api.heartbeat(self._source.work_pool_name or "", body)
                self._complaints.settled("heartbeat")
            except HeadraceError as error:
                self._complaints.made("heartbeat", "the pool does not hear of this worker", error)
            self._over.wait(self._options.heartbeat_seconds)

    # What the infrastructure tells.

    def _changed(self, handle: Handle, status: Status) -> None:
        held = self.holdings.find(handle)
        if held is None or held.status.exited:
            return
        is_news = handle != held.handle
        held.handle = handle
        if status.exited:
            self._over_for(held, status)
            return
        if status.phase is Phase.RUNNING and held.status.phase is not Phase.RUNNING:
            self.metrics.launches.record(time.monotonic() - held.since)
        held.status = status
        if is_news:
            self._ledger.keep_handle(held.slot, handle.to_json())

    def _over_for(self, held: Held, status: Status) -> None:
        held.status = status
        self.metrics.count_end(status)
        self._control.forget(held)
        self._endings.ended(held)
