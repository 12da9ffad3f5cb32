"""Whether what became of a trial's runs is right, from what anybody can see from outside."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bench.kills.scene import Scene
from bench.rest import TERMINAL

if TYPE_CHECKING:
    from bench.kills.trial import Run, Trial

_LIVE = {"PENDING", "RUNNING", "CANCELLING"}
_BY_LEASE = re.compile(r"was last heard of too long ago: its lease ended")
_BY_SIGNAL = re.compile(r"SIGKILL")
# An interruption of less than this part of a lease must not cost any run its lease.
_BEARABLE = 0.1


def judge(scene: Scene, trial: "Trial") -> None:
    """Look at each run's end and reason, its states, its trace and its tasks."""
    for run in trial.runs:
        for problem in _problems_of(scene, trial, run):
            trial.problems.append(f"run {run.id}: {problem}")
    killed = [
        run for run in trial.runs if run.state == "CRASHED" and _BY_SIGNAL.search(run.message)
    ]
    if trial.victim == "job" and len(killed) > 1:
        trial.problems.append(f"one job was struck, and {len(killed)} runs crashed")


def _problems_of(scene: Scene, trial: "Trial", run: "Run") -> Iterable[str]:
    if run.state == "CRASHED":
        if not any(reason.search(run.message) for reason in _reasons(scene, trial)):
            yield f"crashed for the wrong reason: {run.message!r}"
    elif run.state != "COMPLETED":
        yield f"ended as {run.state}: {run.message!r}"
    yield from _problems_of_trace(scene, run)
    states = scene.rest.get(f"/flow_run_states/?flow_run_id={run.id}")
    kinds = [state["type"] for state in states]
    ends = [kind for kind in kinds if kind in TERMINAL]
    if len(ends) > 1 or (ends and kinds[-1] not in TERMINAL):
        yield f"states after the end: {kinds}"
    if run.state == "COMPLETED":
        only = {"task_runs": {"flow_run_id": {"any_": [run.id]}}}
        tasks = scene.rest.post("/task_runs/filter", only)
        unfinished = [task["name"] for task in tasks if task["state_type"] not in TERMINAL]
        if len(tasks) < 3 or unfinished:
            yield f"{len(tasks)} task runs, unfinished: {unfinished}"


def _reasons(scene: Scene, trial: "Trial") -> list[re.Pattern[str]]:
    """What a run of this trial may crash for."""
    found: list[re.Pattern[str]] = []
    if trial.victim == "job" and trial.act == "kill":
        found.append(_BY_SIGNAL)
    if trial.victim == "engine" and trial.act == "kill" and not survives(scene):
        found.append(_BY_SIGNAL)
    is_noticed = trial.away > _BEARABLE * scene.lease_seconds or trial.act == "kill"
    if is_noticed and (trial.victim == "worker" or (trial.victim, trial.act) == ("server", "cut")):
        found.append(_BY_LEASE)
    return found


def survives(scene: Scene) -> bool:
    """Whether jobs outlive an engine that is killed."""
    return getattr(scene.ground, "survive", scene.ground.kind != "process")


def _problems_of_trace(scene: Scene, run: "Run") -> Iterable[str]:
    lines = scene.lines(run.key)
    attempts = [(int(line[4]), line[1]) for line in lines]  # its number, and its process
    run.attempts = len(set(attempts))
    if attempts != sorted(attempts, key=lambda attempt: attempt[0]):
        yield "a stale attempt went on working after the next had begun"
    if run.state == "COMPLETED":
        last = {line[0] for line in lines if attempts and int(line[4]) == attempts[-1][0]}
        missing = {"end-1", "end-2", "end-3"} - last
        if missing and run.attempts <= 1:
            yield f"Completed without {', '.join(sorted(missing))}"
    done = [line[0] for line in lines if line[0].startswith("end-")]
    if run.attempts == 1 and len(done) != len(set(done)):
        yield f"a task ran twice in one attempt: {done}"


def judge_limit(scene: Scene, trial: "Trial", limit: int) -> None:
    """By the histories of their states, never more runs were live than the pool allows.

    A run that is resumed within its process takes its slot without asking, as it does in the contract.
    """
    changes: list[tuple[str, int]] = []
    for run in trial.runs:
        states: list[dict[str, Any]] = scene.rest.get(f"/flow_run_states/?flow_run_id={run.id}")
        was_live = False
        for state in states:
            is_live = state["type"] in _LIVE
            if is_live != was_live:
                changes.append((state["timestamp"], 1 if is_live else -1))
            was_live = is_live
    live = most = 0
    for _, change in sorted(changes):
        live += change
        most = max(most, live)
    allowed = limit + (trial.step == "paused")
    if most > allowed:
        trial.problems.append(f"{most} runs were live under a limit of {limit}")
