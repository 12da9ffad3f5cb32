"""Changes of a flow run's state: read the facts, ask the rules, write, and wake who waits."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

from headrace.core.admission import Blocked
from headrace.core.orchestration.facts import Policy, Refusal, RunFacts
from headrace.core.orchestration.rules import decide
from headrace.core.orchestration.verdicts import Accept, Reject, Verdict
from headrace.core.states import State, StateType
from headrace.core.times import now_text
from headrace.errors import ObjectNotFound, StaleWrite
from headrace.server.services import proposals
from headrace.server.services.admission import admit
from headrace.server.services.proposals import Outcome
from headrace.server.services.signals import Signals
from headrace.server.store import transitions
from headrace.server.store.database import Database, Transaction, Write
from headrace.server.store.facts import FLOW_RUN_FACTS, FlowRunRow

ATTEMPTS: Final = 20
"""How often a change of state is decided anew because the run was moved by someone else meanwhile.

Each failure means that another change got through; a run is not moved twenty times in a moment.
"""


async def read_facts(database: Database, run_id: str) -> FlowRunRow:
    """One run, as a change of its state needs it. Raises `ObjectNotFound`."""
    row = await database.fetch_one(FLOW_RUN_FACTS, {"run_id": run_id})
    if row is None:
        raise ObjectNotFound(f"Flow run with id {run_id} not found")
    return FlowRunRow(*row)


async def set_state(
    database: Database,
    signals: Signals,
    run_id: str,
    proposed: State,
    *,
    force: bool = False,
    epoch: int | None = None,
    extra: Sequence[Write] = (),
) -> Outcome:
    """Propose a state for a run, and carry out what the rules say.

    Args:
        database: Where the run is.
        signals: Told once the change is committed.
        run_id: Whose state.
        proposed: Complete with id and timestamp.
        force: Skip the rules.
        epoch: The attempt that proposes, where it knows its number.
        extra: Writes that commit with the change, and only with it.

    Raises `ObjectNotFound`; `StaleWrite` where a newer attempt has taken the run over.
    """
    for _ in range(ATTEMPTS):
        row = await read_facts(database, run_id)
        _refuse_stale(row, epoch)
        if _needs_slot(row, proposed, force=force):
            done = await _move_with_slot(database, row, proposed)
        else:
            done = await _move(database, row, decide_on(row.facts(), proposed, force=force), extra)
        if done is not None:
            verdict, text = done
            state = proposals.new_state_of(verdict)
            if state is not None:
                signals.publish(*transitions.signals(row, state))
            return proposals.answer(verdict, text)
    raise StaleWrite(f"Flow run {run_id} is being changed by many callers at once; propose again.")


def decide_on(facts: RunFacts, proposed: State, *, force: bool = False) -> Verdict:
    """The rules' answer, at this moment."""
    return decide(facts, proposed, proposed.timestamp, force=force)


def _refuse_stale(row: FlowRunRow, epoch: int | None) -> None:
    if epoch is not None and epoch != row.epoch:
        raise StaleWrite(
            f"Attempt {epoch} of flow run {row.id} is over: attempt {row.epoch} has taken its place. "
            "Stop, and report nothing more."
        )


def _needs_slot(row: FlowRunRow, proposed: State, *, force: bool) -> bool:
    """Whether limits above the run decide on PENDING: then they are counted and taken in one go."""
    if force or proposed.type is not StateType.PENDING:
        return False
    return row.work_queue_id is not None or row.deployment_id is not None


Done = tuple[Verdict, str | None]
"""The verdict, and the run's state after it as stored."""


async def _move(
    database: Database, row: FlowRunRow, verdict: Verdict, extra: Sequence[Write]
) -> Done | None:
    """Write what was decided; none where the run was moved by someone else meanwhile."""
    state = proposals.new_state_of(verdict)
    if state is None:
        return verdict, row.state
    writes = transitions.flow_run(row, state, now=now_text(), policy=_policy_of(verdict))
    with suppress(StaleWrite):
        await database.apply([*writes, *extra])
        return verdict, transitions.stored_state(writes)
    return None


async def _move_with_slot(database: Database, row: FlowRunRow, proposed: State) -> Done | None:
    """Ask admission and write within one transaction: the slot counted free is the slot taken."""

    def work(tx: Transaction) -> Done:
        current = tx.fetch_one(FLOW_RUN_FACTS, {"run_id": row.id})
        if current is None:
            raise ObjectNotFound(f"Flow run with id {row.id} not found")
        fresh = FlowRunRow(*current)
        facts = fresh.facts()
        if facts.state is not None and facts.state.type is StateType.SCHEDULED:
            found = admit(tx, row.id)
            if isinstance(found, Blocked):
                facts = replace(facts, refusal=Refusal(found.sentence, cancel=found.cancel))
        # Who was let in has held the slot since now: locks may have been waited for.
        now = tx.now()
        verdict = decide_on(facts, replace(proposed, timestamp=now))
        state = proposals.new_state_of(verdict)
        if state is None:
            return verdict, fresh.state
        writes = transitions.flow_run(fresh, state, now=now, policy=_policy_of(verdict))
        transitions.carry_out(tx, writes)
        return verdict, transitions.stored_state(writes)

    with suppress(StaleWrite):
        return await database.transact(work)
    return None


def _policy_of(verdict: Verdict) -> Policy | None:
    return verdict.policy if isinstance(verdict, Accept | Reject) else None
