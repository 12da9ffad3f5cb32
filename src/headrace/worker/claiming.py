"""Takes runs from the API and writes them down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from headrace.errors import HeadraceError, RequestTimedOut, ServerUnreachable
from headrace.infrastructure.contract import Handle, Job
from headrace.wire.claims import ClaimBatch, ClaimBody, ClaimedRunHead
from headrace.worker.api import WorkerApi, new_claim_id
from headrace.worker.environments import JobEnvironments
from headrace.worker.holdings import Held, Holdings
from headrace.worker.leases import LeaseKeeper, must_be_dead_by
from headrace.worker.ledger import Ledger

_MOST_AT_ONCE = 100  # runs in one claim: what one worker starts within about 0.2 s
_head = msgspec.json.Decoder(ClaimedRunHead)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the runs come from: a work pool's queues, or served deployments."""

    owner: str
    work_pool_name: str | None = None
    work_queue_names: tuple[str, ...] = ()
    deployment_ids: tuple[UUID, ...] = ()
    prefetch_seconds: float = 0.0


class Claimer:
    """Asks for as many runs as there is room for, and makes jobs of what it gets.

    Args:
        api: The API.
        kind: The infrastructure's.
        source: Where they come from.
        holdings: What is held.
        ledger: Where each is written down before it is launched.
        leases: Told of new leases.
        environments: What their jobs are told.
    """

    def __init__(
        self,
        *,
        api: WorkerApi,
        kind: str,
        source: Source,
        holdings: Holdings,
        ledger: Ledger,
        leases: LeaseKeeper,
        environments: JobEnvironments,
    ) -> None:
        self._api = api
        self._kind = kind
        self._source = source
        self._holdings = holdings
        self._ledger = ledger
        self._leases = leases
        self._environments = environments
        self._claim_id = new_claim_id()
        self._lost_answer = False

    def claim(self, wait_seconds: float, *, room: int) -> ClaimBatch:
        """One claim. After one whose answer was lost, the same is asked for again.

        Raises:
            HeadraceError: The API does not answer, or refuses.
        """
        if not self._lost_answer:
            self._claim_id = new_claim_id()
        body = ClaimBody(
            claim_id=self._claim_id,
            owner=self._source.owner,
            work_pool_name=self._source.work_pool_name,
            work_queue_names=list(self._source.work_queue_names),
            deployment_ids=list(self._source.deployment_ids),
            limit=min(room, _MOST_AT_ONCE),
            wait_seconds=0.0 if self._lost_answer else wait_seconds,
            prefetch_seconds=self._source.prefetch_seconds,
        )
        try:
            batch = self._api.claim(body)
        except RequestTimedOut:
            self._lost_answer = True
            raise
        except ServerUnreachable:
            self._lost_answer = body.limit > 0
            raise
        except HeadraceError:
            self._lost_answer = False
            raise
        self._lost_answer = False
        return batch

    def take(self, batch: ClaimBatch, received: float) -> list[tuple[Job, Held]]:
        """Hold what a claim brought, and write it down; the jobs to launch.

        Args:
            batch: The claim's answer.
            received: When it came, monotonic seconds.
        """
        taken: list[tuple[Job, Held]] = []
        for raw in batch.runs:
            held, head = self._write_down(bytes(raw), batch, received)
            if held is not None:
                taken.append((self._job(head, held, bytes(raw)), held))
        return taken

    def _write_down(
        self, raw: bytes, batch: ClaimBatch, received: float
    ) -> tuple[Held | None, ClaimedRunHead]:
        head = _head.decode(raw)
        run_id = str(head.flow_run.id)
        handle = Handle(kind=self._kind, run_id=run_id, epoch=head.epoch, sdk=head.sdk)
        if self._holdings.find(handle) is not None:
            return None, head  # a repeated claim brought it again
        seconds = min(batch.lease_seconds, _seconds_until(head.lease_expires))
        deadline = must_be_dead_by(received, seconds)
        self._leases.hasten(seconds, batch.lease_seconds)
        configuration = head.job_configuration or {}
        held = Held(
            run_id=run_id,
            epoch=head.epoch,
            name=head.flow_run.name,
            slot=self._holdings.take_slot(),
            deadline=deadline,
            handle=handle,
            fenced=head.fenced,
            is_launching=True,
            streams=configuration.get("stream_output", True) is not False,
        )
        self._ledger.enter(held.slot, run_id, head.epoch, handle.to_json(), deadline)
        self._ledger.fence(held.slot, fenced=held.fenced)
        self._holdings.add(held)
        return held, head

    def _job(self, head: ClaimedRunHead, held: Held, raw: bytes) -> Job:
        return Job(
            run_id=held.run_id,
            epoch=held.epoch,
            name=held.name,
            configuration=head.job_configuration or {},
            environment=self._environments.identify(held),
            payload=raw,
            slot=held.slot,
            sdk=head.sdk,
            settings=self._environments.settings(head.sdk),
            is_wanted=lambda: held.is_wanted,
        )


def _seconds_until(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def cancelled_runs(holdings: Holdings, runs: Sequence[UUID]) -> list[Held]:
    """The attempts that are to be cancelled and are not being stopped yet."""
    found: list[Held] = []
    for run in runs:
        found += [held for held in holdings.find_run(str(run)) if not held.cancelling]
    return found
