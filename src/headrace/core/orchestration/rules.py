"""The rules: one small function for each way a proposed state can be judged.

Which rule judges which pair of states is written in `table.py`. The rules were learned by proposing
every pair to a server of the contract; their sentences are ours.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from headrace.core.ids import new_id
from headrace.core.orchestration.facts import Policy, RunFacts
from headrace.core.orchestration.table import RULES
from headrace.core.orchestration.verdicts import Abort, Accept, Reject, Verdict, Wait
from headrace.core.states import (
    AWAITING_CONCURRENCY_SLOT,
    AWAITING_RETRY,
    CACHED,
    LATE,
    RERUNNING,
    RETRYING,
    State,
    StateType,
    default_name,
)
from headrace.core.times import later, seconds_between

Rule = Callable[[RunFacts, State, State, str], Verdict]
"""(run, its state, the proposed state, now) → verdict."""

_KEPT: Final = "The run is COMPLETED and its result is kept."
_CACHE_DETAILS: Final = ("cache_key", "cache_expiration")


def decide(run: RunFacts, proposed: State, now: str, *, force: bool = False) -> Verdict:
    """What happens when `proposed` is proposed for `run`.

    Args:
        run: The run as it is.
        proposed: The state, complete with id and timestamp.
        now: The time of the decision, as text.
        force: Skip the rules: a person, or a program that knows better, has decided.
    """
    proposed = _with_scheduled_time(proposed)
    current = run.state
    if current is None:
        return _settle(run, Accept(proposed))
    word = RULES[run.kind][current.type, proposed.type]
    if force and word not in _EVEN_FORCED:
        return _settle(run, Accept(proposed), also_running=True)
    transition_id = proposed.details.get("transition_id")
    if (
        run.kind == "flow-run"
        and transition_id is not None
        and transition_id == current.details.get("transition_id")
    ):
        return Reject("This very change of state was made already.")
    verdict = _settle(run, RULES_BY_NAME[word](run, current, proposed, now))
    if run.kind == "task-run" and isinstance(verdict, Accept) and current.is_terminal:
        return replace(verdict, anew=not verdict.state.is_terminal)
    is_late = run.kind == "flow-run" and proposed.name == LATE
    if is_late and current.type is not StateType.SCHEDULED and not isinstance(verdict, Abort):
        return Reject(f"Only a scheduled run can be late; this one is {current.name}.")
    return verdict


_EVEN_FORCED: Final = frozenset({"drop", "stop"})
"""What has no process is cancelled at once, forced or not: nobody would take it out of CANCELLING."""


def _settle(run: RunFacts, verdict: Verdict, *, also_running: bool = False) -> Verdict:
    """A run that is over goes on with nothing: the next attempt begins anew."""
    if not isinstance(verdict, Accept | Reject) or verdict.state is None:
        return verdict
    policy = verdict.policy or run.policy
    begins = also_running and verdict.state.type is StateType.RUNNING
    if not policy.resuming or not (begins or verdict.state.is_terminal):
        return verdict
    return replace(verdict, policy=replace(policy, resuming=False))


def _with_scheduled_time(state: State) -> State:
    """A scheduled state without a time is due at once."""
    if state.type is not StateType.SCHEDULED or state.details.get("scheduled_time"):
        return state
    return replace(state, details={**state.details, "scheduled_time": state.timestamp})


def _instead(proposed: State, state_type: StateType, name: str | None = None) -> State:
    """A state of the server's own making in place of the proposed one, at the same moment."""
    return State(
        type=state_type,
        name=name or default_name(state_type),
        id=new_id(),
        timestamp=proposed.timestamp,
    )


def _accept(_run: RunFacts, _current: State, proposed: State, _now: str) -> Verdict:
    return Accept(proposed)


def _carry(_run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    """PENDING remembers when the run was to start, so that RUNNING can still wait for it."""
    scheduled = current.text_detail("scheduled_time")
    if scheduled is None:
        return Accept(proposed)
    details = {**proposed.details, "scheduled_time": scheduled}
    return Accept(replace(proposed, details=details))


def _lateness(_run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    if current.name == LATE and proposed.name == LATE:
        return Reject("The run is marked as late already.")
    return Accept(proposed)


def _admit(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    """PENDING takes a slot of every limit above the run, or is told which one has none."""
    refusal = run.refusal
    if refusal is None:
        return _carry(run, current, proposed, now)
    if refusal.cancel:
        cancelled = replace(_instead(proposed, StateType.CANCELLED), message=refusal.reason)
        return Reject(refusal.reason, cancelled)
    waiting = _instead(proposed, StateType.SCHEDULED, AWAITING_CONCURRENCY_SLOT)
    again = later(now, refusal.retry_after)
    return Reject(refusal.reason, replace(waiting, details={"scheduled_time": again}))


def _rename(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    """Only a PENDING of another name (`Submitting`) says something new."""
    if proposed.name in {current.name, default_name(StateType.PENDING)}:
        return Abort(
            f"The run is {current.name} already: another process may be starting it. "
            "Leave it to that one."
        )
    return _carry(run, current, proposed, now)


def _no_way(_run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    return Abort(f"A run that is {current.type} cannot become {proposed.type}.")


def _still(_run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    return Reject(f"A run that is {current.type} becomes {proposed.type} only by being resumed.")


def _wait(current: State, now: str) -> Wait | None:
    """A run that was handed out ahead of its time waits for it."""
    scheduled = current.text_detail("scheduled_time")
    if scheduled is None or scheduled <= now:
        return None
    return Wait(math.ceil(seconds_between(now, scheduled)), "The run is scheduled for later.")


def _start(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    return _wait(current, now) or Accept(proposed, _settled(run.policy))


def _begin(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    """A task starts only inside a flow run that runs, and not at all if its answer is known."""
    verdict = (
        _enclosed(run, proposed) or _wait(current, now) or _cached(run, proposed) or _refused(run)
    )
    if verdict is not None:
        return verdict
    if current.is_terminal:  # again, as a part of its flow run's next attempt
        return Accept(replace(proposed, name=RETRYING) if run.is_repeated else proposed)
    if run.run_count == 0:
        return Accept(proposed)
    return Accept(replace(proposed, name=RETRYING if current.name == AWAITING_RETRY else RERUNNING))


def _enclosed(run: RunFacts, proposed: State) -> Verdict | None:
    enclosing = run.enclosing_state
    if enclosing is None or enclosing is StateType.RUNNING:
        return None
    if enclosing is StateType.PAUSED:
        paused = _instead(proposed, StateType.PAUSED, "NotReady")
        return Reject("The flow run is paused; its tasks start once it is resumed.", paused)
    return Abort(f"The flow run is {enclosing}: its tasks start only while it is RUNNING.")


def _cached(run: RunFacts, proposed: State) -> Verdict | None:
    if run.cached_state is None:
        return None
    cached = run.cached_state
    known = replace(_instead(proposed, StateType.COMPLETED, CACHED), data=cached.data)
    details = {key: cached.details[key] for key in _CACHE_DETAILS if key in cached.details}
    return Reject("The result is in the cache.", replace(known, details=details))


def _refused(run: RunFacts) -> Verdict | None:
    """A task whose tags have no free slot asks again later; it keeps its state meanwhile."""
    if run.refusal is None:
        return None
    if run.refusal.cancel:
        return Abort(run.refusal.reason)
    return Wait(math.ceil(run.refusal.retry_after), run.refusal.reason)


def _again(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    if _is_persisted(current):
        return Reject(_KEPT)
    return _begin(run, current, proposed, now)


def _not_active(_run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    return Reject(f"Only a RUNNING run can be {proposed.name}; this one is {current.name}.")


def _pause(run: RunFacts, _current: State, proposed: State, _now: str) -> Verdict:
    """Each pause of a flow happens once: a retried or resumed attempt passes it by."""
    key = proposed.text_detail("pause_key")
    if key is not None and key in run.policy.pause_keys:
        return Reject("The run has been through this pause.")
    if proposed.details.get("pause_reschedule") and not run.has_deployment:
        return Abort("A run can be suspended only if a deployment can start it again.")
    keys = (*run.policy.pause_keys, key or proposed.id)
    return Accept(proposed, replace(run.policy, pause_keys=keys))


def _resume(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    too_late = _too_late(current, proposed, now)
    if too_late is not None:
        return too_late
    if current.details.get("pause_reschedule") and not run.has_deployment:
        return Reject("A suspended run is started again by its deployment, and this one has none.")
    return Accept(proposed, replace(run.policy, resuming=True))


def _leave(_run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    """A paused run that ends is over; one that nobody resumed in time has failed by that."""
    return _too_late(current, proposed, now) or Accept(proposed)


def _too_late(current: State, proposed: State, now: str) -> Verdict | None:
    timeout = current.text_detail("pause_timeout")
    if timeout is None or timeout >= now:
        return None
    reason = f"The pause ended at {timeout} without anyone resuming the run."
    return Reject(reason, replace(_instead(proposed, StateType.FAILED), message=reason))


def _drop(_run: RunFacts, _current: State, proposed: State, _now: str) -> Verdict:
    """Nothing runs yet, so there is nothing to wait for: cancelled at once."""
    cancelled = _instead(proposed, StateType.CANCELLED)
    return Reject("Nothing has been started for the run; it is cancelled at once.", cancelled)


def _stop(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    if current.details.get("pause_reschedule"):
        return _drop(run, current, proposed, now)
    return Accept(proposed)


def _stopping(_run: RunFacts, _current: State, _proposed: State, _now: str) -> Verdict:
    return Reject("The run is being cancelled and can only become CANCELLED.")


def _over(_run: RunFacts, current: State, _proposed: State, _now: str) -> Verdict:
    return Abort(f"The run is over: {current.name}.")


def _retry(run: RunFacts, _current: State, proposed: State, now: str) -> Verdict:
    """A failed attempt is followed by another as long as the policy allows one."""
    policy = run.policy
    # The contract's flows mark every failure as not retriable; only of a task does it mean that.
    is_final = run.kind == "task-run" and proposed.details.get("retriable") is False
    if run.run_count > policy.retries or is_final:
        return Accept(proposed, _settled(policy))
    waiting = replace(
        _instead(proposed, StateType.SCHEDULED, AWAITING_RETRY),
        message=proposed.message,
        details={"scheduled_time": later(now, _retry_delay(run, proposed))},
    )
    next_policy = replace(policy, retry_type="in_process", pause_keys=(), resuming=False)
    return Reject("The attempt failed; there will be another.", waiting, next_policy)


def _settled(policy: Policy) -> Policy | None:
    return replace(policy, resuming=False) if policy.resuming else None


def _retry_delay(run: RunFacts, proposed: State) -> float:
    """Seconds; a list's last entry serves for all attempts beyond it."""
    delay = run.policy.retry_delay
    if isinstance(delay, tuple):
        delay = delay[min(run.run_count, len(delay)) - 1] if delay and run.run_count else 0.0
    jitter = run.policy.retry_jitter_factor
    if jitter:
        # The random end of the state's id: no other source of chance is needed here.
        delay *= 1 + jitter * int(proposed.id[-8:], 16) / 0xFFFF_FFFF
    return delay


def _is_persisted(state: State) -> bool:
    """A completed run whose result can be read again has no reason to run again."""
    data: Any = state.data
    if state.type is not StateType.COMPLETED or not isinstance(data, dict):
        return False
    return cast("dict[str, object]", data).get("type") != "unpersisted"


def _rerun(run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    is_newer_result = run.kind == "flow-run" and _is_persisted(proposed)
    if _is_persisted(current) and not is_newer_result:
        return Reject(_KEPT)
    if proposed.is_terminal:
        return Accept(proposed)
    return Accept(proposed, replace(run.policy, retry_type=None, pause_keys=(), resuming=False))


def _kept(run: RunFacts, current: State, proposed: State, now: str) -> Verdict:
    return Reject(_KEPT) if _is_persisted(current) else _over(run, current, proposed, now)


def _reschedule(run: RunFacts, current: State, proposed: State, _now: str) -> Verdict:
    """A finished run is started anew, which only a deployment can do."""
    if _is_persisted(current):
        return Reject(_KEPT)
    if not run.has_deployment:
        return Abort("Only a run of a deployment can be started again by the server.")
    policy = replace(run.policy, retry_type="reschedule", resuming=False, pause_keys=())
    return Accept(proposed, policy)


RULES_BY_NAME: Final[Mapping[str, Rule]] = {
    "accept": _accept,
    "admit": _admit,
    "again": _again,
    "begin": _begin,
    "carry": _carry,
    "drop": _drop,
    "kept": _kept,
    "lateness": _lateness,
    "leave": _leave,
    "no_way": _no_way,
    "not_active": _not_active,
    "over": _over,
    "pause": _pause,
    "rename": _rename,
    "rerun": _rerun,
    "reschedule": _reschedule,
    "resume": _resume,
    "retry": _retry,
    "start": _start,
    "still": _still,
    "stop": _stop,
    "stopping": _stopping,
}
"""The words of the table."""
