"""What a worker asks of the API."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from headrace.client.http import Client
from headrace.client.requests import epoch_header, segment
from headrace.errors import Conflict, ObjectNotFound, StaleWrite
from headrace.wire.claims import ClaimBatch, ClaimBody, HeldLease, RenewBody, RenewResponse
from headrace.wire.flow_runs import FlowRunResponse, FlowRunUpdate, SetFlowRunStateBody
from headrace.wire.logs import LogCreate
from headrace.wire.orchestration import OrchestrationResult
from headrace.wire.states import StateCreate, StateDetails, StateType
from headrace.wire.work_pools import WorkPoolResponse
from headrace.wire.workers import WorkerHeartbeatBody

WARNING, ERROR = 30, 40  # the levels of log lines: a run that cannot start yet, and a crash
# Seconds beyond the server's own patience before a held-open claim counts as lost.
_SLACK = 15.0
# Seconds for any short request of a worker; its loops come back soon enough.
SHORT = 15.0
# Seconds for a request that only informs: leases are renewed by the thread that sends it.
_NOTE = 2.0


class WorkerApi:
    """The requests of one worker. Thread-safe.

    Args:
        client: For short requests.
        waiting: For the claim that is held open, so that it can be broken off alone.
    """

    def __init__(self, client: Client, waiting: Client) -> None:
        self._client = client
        self._waiting = waiting

    @property
    def url(self) -> str:
        """Where the API is now."""
        return self._client.url

    def claim(self, body: ClaimBody) -> ClaimBatch:
        """Take due runs; waits up to `body.wait_seconds` for one.

        Raises:
            HeadraceError: The API does not answer, or refuses.
        """
        timeout = body.wait_seconds + _SLACK
        # Never repeated by the client: the caller repeats it under the same `claim_id`.
        return self._waiting.call(
            "POST", "/headrace/claims", body, answer=ClaimBatch, timeout=timeout, attempts=0
        )

    def renew(
        self,
        owner: str,
        leases: Sequence[HeldLease],
        over: Sequence[HeldLease] = (),
        timeout: float = SHORT,
    ) -> RenewResponse:
        """Keep leases alive, and end those of attempts that are over without a word.

        Args:
            owner: Whose leases they are.
            leases: Those to keep.
            over: Those to end.
            timeout: Seconds to wait for the answer.
        """
        body = RenewBody(owner=owner, leases=list(leases), over=list(over))
        return self._client.call(
            "POST",
            "/headrace/leases/renew",
            body,
            answer=RenewResponse,
            timeout=timeout,
            is_idempotent=True,
            attempts=0,
        )

    def heartbeat(self, pool: str, body: WorkerHeartbeatBody) -> None:
        """Tell that this worker is there."""
        path = f"/work_pools/{segment(pool)}/workers/heartbeat"
        self._client.call("POST", path, body, timeout=SHORT, attempts=0)

    def read_pool(self, name: str) -> WorkPoolResponse | None:
        """The work pool of that name, if there is one."""
        try:
            return self._client.call("GET", f"/work_pools/{segment(name)}", answer=WorkPoolResponse)
        except ObjectNotFound:
            return None

    def create_pool(
        self, name: str, kind: str, template: dict[str, object] | None
    ) -> WorkPoolResponse:
        """Make a work pool of a kind, with a template or the kind's own."""
        body: dict[str, object] = {"name": name, "type": kind}
        if template is not None:
            body["base_job_template"] = template
        return self._client.call("POST", "/work_pools/", body, answer=WorkPoolResponse)

    def set_template(self, name: str, template: dict[str, object]) -> None:
        """Give a work pool its base job template."""
        body = {"base_job_template": template}
        self._client.call("PATCH", f"/work_pools/{segment(name)}", body)

    def run_of(self, run_id: str) -> FlowRunResponse | None:
        """A run as it is now; None when it is gone."""
        try:
            return self._client.call(
                "GET", f"/flow_runs/{run_id}", answer=FlowRunResponse, timeout=SHORT
            )
        except ObjectNotFound:
            return None

    def propose(self, run_id: str, epoch: int, state: StateCreate) -> bool:
        """Propose a state for the attempt; False when it is not ours to say any more."""
        try:
            self._client.call(
                "POST",
                f"/flow_runs/{run_id}/set_state",
                SetFlowRunStateBody(state=state),
                answer=OrchestrationResult,
                headers=epoch_header(epoch),
                timeout=SHORT,
                is_idempotent=True,
                attempts=0,
            )
        except (StaleWrite, Conflict, ObjectNotFound):
            return False
        return True

    def log(self, run_id: str, name: str, level: int, message: str) -> None:
        """Put a line into a run's log."""
        line = LogCreate(
            name=name,
            level=level,
            message=message,
            timestamp=datetime.now(UTC),
            flow_run_id=UUID(run_id),
        )
        self._client.call("POST", "/logs/", [line], timeout=SHORT, attempts=0)

    def record_name(self, run_id: str, name: str) -> None:
        """Note on the run what its infrastructure calls it."""
        body = FlowRunUpdate(infrastructure_pid=name)
        self._client.call("PATCH", f"/flow_runs/{run_id}", body, timeout=_NOTE, attempts=0)

    def break_off(self) -> None:
        """Have the claim that is held open fail now."""
        self._waiting.interrupt()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._waiting.close()


def new_claim_id() -> UUID:
    """Names a claim, so that repeating it gives the same runs."""
    return uuid4()


def crashed(message: str) -> StateCreate:
    """The state of a run whose process ended without telling."""
    return StateCreate(type=StateType.CRASHED, name="Crashed", message=message)


def awaiting_retry(message: str, now: datetime) -> StateCreate:
    """The state of a run whose process is dead and whose policy asks for another attempt."""
    return StateCreate(
        type=StateType.SCHEDULED,
        name="AwaitingRetry",
        message=message,
        state_details=StateDetails(scheduled_time=now),
    )


def cancelled(message: str) -> StateCreate:
    """The state of a run that was stopped because somebody asked for that."""
    return StateCreate(type=StateType.CANCELLED, name="Cancelled", message=message)
