"""The rules, against answers recorded from a server of the contract."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.core.ids import new_id
from headrace.core.orchestration.facts import Policy, Refusal, RunFacts
from headrace.core.orchestration.progress import progress
from headrace.core.orchestration.rules import RULES_BY_NAME, decide
from headrace.core.orchestration.table import RULES
from headrace.core.orchestration.verdicts import Abort, Accept, Reject, Wait
from headrace.core.states import LATE, State, StateType, default_name
from headrace.core.times import later

NOW = "2026-11-21T00:00:00.000000Z"
RECORDED = json.loads((Path(__file__).parent / "data" / "pairs.json").read_text())
"""What a contract server answered when every state was proposed from every state, without force."""

DIFFERENCES = {
    # A cancelled run stays cancelled, a completed one is not made failed or cancelled.
    ("flow-run", "COMPLETED", "FAILED"): "ABORT",
    ("flow-run", "COMPLETED", "CANCELLED"): "ABORT",
    ("flow-run", "CANCELLED", "RUNNING"): "ABORT",
    ("flow-run", "CANCELLED", "COMPLETED"): "ABORT",
    ("flow-run", "CANCELLED", "FAILED"): "ABORT",
    ("task-run", "COMPLETED", "FAILED"): "ABORT",
    ("task-run", "COMPLETED", "CANCELLED"): "ABORT",
    ("task-run", "CANCELLED", "COMPLETED"): "ABORT",
    ("task-run", "CANCELLED", "FAILED"): "ABORT",
}
STATUS = {Accept: "ACCEPT", Reject: "REJECT", Wait: "WAIT", Abort: "ABORT"}


def state(kind, name=None, *, at=NOW, data=None, message=None, **details):
    kind = StateType(kind)
    return State(
        type=kind,
        name=name or default_name(kind),
        id=new_id(),
        timestamp=at,
        message=message,
        details=details,
        data=data,
    )


def run(current=None, *, kind="flow-run", **changes):
    facts = RunFacts(
        kind=kind,
        state=current,
        policy=Policy(),
        run_count=0,
        has_deployment=False,
        start_time=None,
        end_time=None,
        total_run_time=0.0,
        expected_start_time=NOW,
    )
    return replace(facts, **changes)


def forced_into(kind, current):
    """A run put into a state by force, as the recording did."""
    fresh = run(state("PENDING"), kind=kind)
    if current.type is StateType.SCHEDULED:
        current = replace(current, details={"scheduled_time": later(NOW, -5)})
    return after(fresh, current)


def after(facts, new):
    step = progress(facts, new)
    return replace(
        facts,
        state=new,
        run_count=step.run_count,
        start_time=step.start_time,
        end_time=step.end_time,
        total_run_time=step.total_run_time,
    )


def in_words(facts, verdict):
    new = getattr(verdict, "state", None)
    if new is not None:
        facts = after(facts, new)
    return (
        f"{STATUS[type(verdict)]} {facts.state.name} runs={facts.run_count} "
        f"start={'yes' if facts.start_time else 'no'} end={'yes' if facts.end_time else 'no'}"
    )


@pytest.mark.parametrize("kind", ["flow-run", "task-run"])
@pytest.mark.parametrize("proposed", list(StateType))
@pytest.mark.parametrize("current", list(StateType))
def test_every_pair_of_states_is_answered_as_the_contract_does(kind, current, proposed):
    """Status, resulting name, run count and times are those recorded, but for known differences."""
    facts = forced_into(kind, state(current))
    verdict = decide(facts, state(proposed), NOW)
    expected = DIFFERENCES.get((kind, current, proposed))
    if expected is not None:
        assert STATUS[type(verdict)] == expected
    else:
        assert in_words(facts, verdict) == RECORDED[kind][f"{current} {proposed}"]


@pytest.mark.parametrize("proposed", list(StateType))
@pytest.mark.parametrize("current", list(StateType))
def test_force_is_accepted_from_everywhere(current, proposed):
    """A forced state is entered whatever the run is in."""
    facts = forced_into("flow-run", state(current))
    verdict = decide(facts, state(proposed), NOW, force=True)
    if (current, proposed) == ("SCHEDULED", "CANCELLING"):  # nothing would take it out of there
        assert isinstance(verdict, Reject)
        assert verdict.state is not None
        assert verdict.state.type is StateType.CANCELLED
        return
    assert isinstance(verdict, Accept)
    assert verdict.state.type is proposed


def test_every_word_of_the_table_is_a_rule_and_every_rule_is_used():
    """Nothing in the table is misspelt and no rule is dead."""
    used = {word for table in RULES.values() for word in table.values()}
    assert used == set(RULES_BY_NAME)
    assert all(len(table) == 10 * 9 for table in RULES.values())


def test_a_failed_attempt_is_followed_by_another_while_retries_are_left():
    """FAILED becomes AwaitingRetry, due after the delay, with the failure's message kept."""
    facts = run(
        state("RUNNING"), run_count=1, policy=Policy(retries=1, retry_delay=5, pause_keys=("1",))
    )
    verdict = decide(facts, state("FAILED", message="boom"), NOW)
    assert isinstance(verdict, Reject)
    assert verdict.state is not None
    assert (verdict.state.name, verdict.state.message) == ("AwaitingRetry", "boom")
    assert verdict.state.details["scheduled_time"] == later(NOW, 5)
    assert verdict.policy == Policy(retries=1, retry_delay=5, retry_type="in_process")
    second = replace(facts, run_count=2)
    assert isinstance(decide(second, state("FAILED"), NOW), Accept)


@pytest.mark.parametrize("proposed", [state("CRASHED"), state("FAILED", retriable=False)])
def test_what_may_not_be_retried_ends_the_task_run(proposed):
    """A crash, and a failure marked as not retriable, are final."""
    facts = run(state("RUNNING"), kind="task-run", run_count=1, policy=Policy(retries=3))
    assert isinstance(decide(facts, proposed, NOW), Accept)


def test_a_flow_is_retried_although_its_client_marks_failures_as_not_retriable():
    """The contract's clients set the mark on every failure of a flow, and count on the retry."""
    facts = run(state("RUNNING"), run_count=1, policy=Policy(retries=1))
    assert isinstance(decide(facts, state("FAILED", retriable=False), NOW), Reject)


def test_a_list_of_delays_gives_each_gap_its_own_and_its_last_to_the_rest():
    """The second gap takes the second delay, the fourth the last one."""
    policy = Policy(retries=9, retry_delay=(1.0, 7.0))
    gaps = []
    for count in (1, 2, 4):
        facts = run(state("RUNNING"), kind="task-run", run_count=count, policy=policy)
        verdict = decide(facts, state("FAILED"), NOW)
        assert isinstance(verdict, Reject)
        assert verdict.state is not None
        gaps.append(verdict.state.details["scheduled_time"])
    assert gaps == [later(NOW, 1), later(NOW, 7), later(NOW, 7)]


def test_jitter_only_lengthens_a_delay_and_within_its_factor():
    """With a factor of a half a delay of ten seconds lies between ten and fifteen."""
    policy = Policy(retries=1, retry_delay=10.0, retry_jitter_factor=0.5)
    facts = run(state("RUNNING"), kind="task-run", run_count=1, policy=policy)
    for _ in range(50):
        verdict = decide(facts, state("FAILED"), NOW)
        assert isinstance(verdict, Reject)
        assert verdict.state is not None
        assert later(NOW, 10) <= verdict.state.details["scheduled_time"] <= later(NOW, 15)


@pytest.mark.parametrize("current", ["SCHEDULED", "PENDING"])
def test_a_run_handed_out_early_waits_for_its_time(current):
    """RUNNING before the scheduled time is answered with the seconds that are left, rounded up."""
    facts = run(state(current, scheduled_time=later(NOW, 59.2)))
    verdict = decide(facts, state("RUNNING"), NOW)
    assert isinstance(verdict, Wait)
    assert verdict.delay_seconds == 60
    assert isinstance(decide(facts, state("RUNNING"), later(NOW, 60)), Accept)


def test_pending_remembers_when_the_run_is_to_start():
    """SCHEDULED → PENDING → another PENDING keeps the scheduled time."""
    due = later(NOW, 30)
    first = decide(run(state("SCHEDULED", scheduled_time=due)), state("PENDING"), NOW)
    assert isinstance(first, Accept)
    second = decide(run(first.state), state("PENDING", "Submitting"), NOW)
    assert isinstance(second, Accept)
    assert second.state.details["scheduled_time"] == due


def test_a_repeated_transition_is_told_apart_from_a_competing_one():
    """The same transition id again is rejected (go on); another proposer's PENDING is aborted."""
    facts = run(state("PENDING", transition_id="a"))
    assert isinstance(decide(facts, state("PENDING", transition_id="a"), NOW), Reject)
    assert isinstance(decide(facts, state("PENDING", transition_id="b"), NOW), Abort)


def test_only_a_new_name_says_something_new_about_a_pending_run():
    """Submitting follows Pending; the plain Pending of another process does not follow either."""
    pending = run(state("PENDING"))
    submitting = decide(pending, state("PENDING", "Submitting"), NOW)
    assert isinstance(submitting, Accept)
    for name in ("Submitting", "Pending"):
        again = decide(run(submitting.state), state("PENDING", name), NOW)
        assert isinstance(again, Abort)


def test_a_run_without_a_slot_waits_or_ends():
    """A refusal by a limit sends PENDING back to be scheduled later, or cancels the run."""
    scheduled = state("SCHEDULED", scheduled_time=NOW)
    full = run(scheduled, refusal=Refusal("5 of 5 in use"))
    verdict = decide(full, state("PENDING"), NOW)
    assert isinstance(verdict, Reject)
    assert verdict.state is not None
    assert verdict.state.name == "AwaitingConcurrencySlot"
    assert verdict.state.details["scheduled_time"] == later(NOW, 30)
    ended = decide(run(scheduled, refusal=Refusal("full", cancel=True)), state("PENDING"), NOW)
    assert isinstance(ended, Reject)
    assert ended.state is not None
    assert ended.state.type is StateType.CANCELLED


def test_a_pause_happens_once():
    """The key of a pause is kept, and the same key later does not pause again."""
    running = run(state("RUNNING"), run_count=1)
    paused = decide(running, state("PAUSED", pause_key="1"), NOW)
    assert isinstance(paused, Accept)
    assert paused.policy == Policy(pause_keys=("1",))
    again = decide(replace(running, policy=paused.policy), state("PAUSED", pause_key="1"), NOW)
    assert isinstance(again, Reject)
    assert again.state is None


def test_suspending_needs_a_deployment():
    """Without one nothing could start the run again."""
    proposed = state("PAUSED", "Suspended", pause_reschedule=True, pause_key="1")
    assert isinstance(decide(run(state("RUNNING")), proposed, NOW), Abort)
    assert isinstance(decide(run(state("RUNNING"), has_deployment=True), proposed, NOW), Accept)


@pytest.mark.parametrize("proposed", ["RUNNING", "SCHEDULED"])
def test_a_pause_that_timed_out_fails_the_run(proposed):
    """Resuming too late ends the run instead."""
    facts = run(state("PAUSED", pause_timeout=later(NOW, -1)), run_count=1)
    verdict = decide(facts, state(proposed), NOW)
    assert isinstance(verdict, Reject)
    assert verdict.state is not None
    assert verdict.state.type is StateType.FAILED


def test_a_pause_costs_no_retry():
    """The attempt that goes on after a pause, blocking or suspended, is not counted again."""
    paused = run(state("PAUSED"), run_count=1)
    resumed = decide(paused, state("RUNNING"), NOW)
    assert isinstance(resumed, Accept)
    assert progress(paused, resumed.state).run_count == 1

    suspended = run(state("PAUSED", pause_reschedule=True), run_count=1, has_deployment=True)
    scheduled = decide(suspended, state("SCHEDULED", "Resuming"), NOW)
    assert isinstance(scheduled, Accept)
    assert scheduled.policy is not None
    assert scheduled.policy.resuming
    waiting = replace(after(suspended, scheduled.state), policy=scheduled.policy)
    running = decide(waiting, state("RUNNING"), NOW)
    assert isinstance(running, Accept)
    assert progress(waiting, running.state).run_count == 1
    assert running.policy == Policy()


def test_cancelling_what_has_no_process_is_immediate():
    """A scheduled and a suspended run become CANCELLED; a blocking pause has a process to stop."""
    for current in (state("SCHEDULED"), state("PAUSED", pause_reschedule=True)):
        verdict = decide(run(current), state("CANCELLING"), NOW)
        assert isinstance(verdict, Reject)
        assert verdict.state is not None
        assert verdict.state.type is StateType.CANCELLED
    assert isinstance(decide(run(state("PAUSED")), state("CANCELLING"), NOW), Accept)


@pytest.mark.parametrize("proposed", ["SCHEDULED", "PENDING", "RUNNING"])
def test_a_kept_result_is_not_computed_again(proposed):
    """A completed run whose result is stored is not taken up again; one without is."""
    kept = run(state("COMPLETED", data={"storage_key": "k"}), has_deployment=True)
    assert isinstance(decide(kept, state(proposed), NOW), Reject)
    lost = run(state("COMPLETED", data={"type": "unpersisted"}), has_deployment=True)
    assert isinstance(decide(lost, state(proposed), NOW), Accept)


@pytest.mark.parametrize("current", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
def test_a_finished_run_of_a_deployment_can_be_scheduled_again(current):
    """A person's retry starts a new attempt, which the policy remembers as rescheduled."""
    facts = run(state(current), has_deployment=True, run_count=1, end_time=NOW)
    verdict = decide(facts, state("SCHEDULED", "AwaitingRetry"), NOW)
    assert isinstance(verdict, Accept)
    assert verdict.policy == Policy(retry_type="reschedule")
    assert verdict.state.details["scheduled_time"] == NOW
    assert progress(facts, verdict.state).end_time is None


def test_a_late_run_is_marked_once():
    """A second marking changes nothing."""
    assert isinstance(decide(run(state("SCHEDULED", LATE)), state("SCHEDULED", LATE), NOW), Reject)


@pytest.mark.parametrize("enclosing", [one for one in StateType if one is not StateType.RUNNING])
def test_a_task_starts_only_inside_a_running_flow(enclosing):
    """It waits while the flow is paused and stops otherwise."""
    facts = run(state("PENDING"), kind="task-run", enclosing_state=enclosing)
    verdict = decide(facts, state("RUNNING"), NOW)
    if enclosing is StateType.PAUSED:
        assert isinstance(verdict, Reject)
        assert verdict.state is not None
        assert verdict.state.name == "NotReady"
    else:
        assert isinstance(verdict, Abort)


@pytest.mark.parametrize("current", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"])
@pytest.mark.parametrize(("is_repeated", "name"), [(True, "Retrying"), (False, "Running")])
def test_a_task_that_ended_runs_again_with_its_flow(current, is_repeated, name):
    """Its state tells whether it is the flow's next attempt that runs it."""
    facts = run(
        state(current), kind="task-run", enclosing_state=StateType.RUNNING, is_repeated=is_repeated
    )
    verdict = decide(facts, state("RUNNING"), NOW)
    assert isinstance(verdict, Accept)
    assert verdict.state.name == name


def test_a_cached_task_completes_without_running():
    """The finished state under the same key is taken over, with its data and its key."""
    cached = state("COMPLETED", data={"v": 1}, cache_key="k", transition_id="t")
    facts = run(state("PENDING"), kind="task-run", cached_state=cached)
    verdict = decide(facts, state("RUNNING", cache_key="k"), NOW)
    assert isinstance(verdict, Reject)
    assert verdict.state is not None
    assert (verdict.state.name, verdict.state.data) == ("Cached", {"v": 1})
    assert verdict.state.details == {"cache_key": "k"}


@pytest.mark.parametrize(
    ("current", "runs", "name", "anew"),
    [
        (state("SCHEDULED", "AwaitingRetry", scheduled_time=NOW), 1, "Retrying", False),
        (state("SCHEDULED", "AwaitingRetry", scheduled_time=NOW), 0, "Running", False),
        (state("RUNNING"), 1, "Rerunning", False),
        (state("PENDING"), 2, "Rerunning", False),
        (state("PAUSED"), 1, "Rerunning", False),
        (state("PENDING"), 0, "Running", False),
        (state("FAILED"), 3, "Running", True),
    ],
)
def test_a_task_that_runs_again_says_so(current: State, runs: int, name: str, anew: bool):
    """RUNNING after a retry's wait is Retrying, RUNNING once more is Rerunning; over is forgotten."""
    verdict = decide(run(current, kind="task-run", run_count=runs), state("RUNNING"), NOW)
    assert isinstance(verdict, Accept)
    assert (verdict.state.name, verdict.anew) == (name, anew)


def test_run_time_adds_up_over_attempts():
    """Only time spent in RUNNING counts, and it is kept between attempts."""
    facts = run(state("RUNNING"), run_count=1, total_run_time=2.0, start_time=NOW)
    step = progress(facts, state("FAILED", at=later(NOW, 1.5)))
    assert step.total_run_time == 3.5
    assert step.end_time == later(NOW, 1.5)
