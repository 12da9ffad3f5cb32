"""What becomes of runs whose leases end: because nobody renewed them, or because their holder says so."""

from collections.abc import Iterable, Sequence

from headrace.core.leases import Verdict, judge
from headrace.core.states import AWAITING_RETRY, SUSPENDED, StateType
from headrace.server.services.grants import carry_out_together, requeue
from headrace.server.store import leases as sql
from headrace.server.store import transitions
from headrace.server.store.database import Row, Transaction, Write
from headrace.server.store.facts import FLOW_RUN_COLUMNS, FlowRunRow

_COLUMNS = len(FLOW_RUN_COLUMNS)


def end_leases(
    tx: Transaction, rows: Iterable[Row], now: str, *, given_up: bool = False
) -> tuple[list[tuple[str, Verdict]], list[str]]:
    """Judge and end leases; each run with its verdict, and what to publish.

    Args:
        tx: The transaction in which the rows were read and locked.
        rows: Runs, each with the type of its pool last.
        now: The database's time.
        given_up: Their holder says that nothing of them runs; else nobody renewed them.
    """
    ended: list[tuple[str, Verdict]] = []
    topics: list[str] = []
    for row in rows:
        run = FlowRunRow(*row[:_COLUMNS])
        verdict = _judge(run, row[_COLUMNS])
        writes = _writes(run, verdict, now, given_up=given_up)
        if writes:
            carry_out_together(tx, writes)
            topics += transitions.signals(run)
        else:
            tx.execute(sql.LET_GO, {"run": run.id})
        ended.append((run.id, verdict))
    return ended, topics


def _judge(run: FlowRunRow, pool_type: str | None) -> Verdict:
    facts = run.facts()
    return judge(
        facts.state.type if facts.state else None,
        lease_kind=run.lease_kind,
        pool_type=pool_type,
        retry_type=facts.policy.retry_type,
        attempts_left=facts.policy.retries + 1 - facts.run_count,
        can_start_again=facts.has_deployment,
        suspended=facts.state is not None and bool(facts.state.details.get("pause_reschedule")),
    )


def _writes(run: FlowRunRow, verdict: Verdict, now: str, *, given_up: bool) -> Sequence[Write]:
    if verdict is Verdict.REQUEUE:
        when = "" if given_up else f" before {run.lease_expires}"
        return requeue(run, now, f"{_holder(run)} did not start it{when}.")
    if verdict is Verdict.LET_GO:
        return []
    reason = f"{_holder(run)} was last heard of too long ago: its lease ended {run.lease_expires}."
    if given_up:
        reason = f"{_holder(run)} says that its process is gone."
    if verdict is Verdict.RESCHEDULE:
        state = transitions.new_state(
            StateType.SCHEDULED,
            AWAITING_RETRY,
            timestamp=now,
            message=reason,
            details={"scheduled_time": now},
        )
    elif verdict is Verdict.SUSPEND:
        paused = run.facts().state
        details = {} if paused is None else dict(paused.details)
        state = transitions.new_state(
            StateType.PAUSED,
            SUSPENDED,
            timestamp=now,
            message=f"{reason} Resuming the run starts a new process.",
            details=details | {"pause_reschedule": True},
        )
    else:
        end = StateType.CRASHED if verdict is Verdict.CRASH else StateType.CANCELLED
        state = transitions.new_state(end, timestamp=now, message=reason)
    return transitions.flow_run(run, state, now=now, lease=transitions.taken_away(run))


def _holder(run: FlowRunRow) -> str:
    if run.lease_kind == "heartbeat":
        return "The run's own process"
    return f"The worker {run.lease_owner!r}"
