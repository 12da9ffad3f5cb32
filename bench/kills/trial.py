"""One trial: runs are started, one is brought to a step, something is struck there, all are judged."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from bench.kills.grounds.ground import processes_of
from bench.kills.judging import judge, judge_limit
from bench.kills.scene import LIMIT, Scene
from bench.rest import TERMINAL

STEPS = ("claimed", "pending", "starting", "running", "between", "paused", "finishing")
VICTIMS = ("server", "worker", "engine", "job")
ACTS = ("kill", "stop", "cut")
END_SECONDS = 300.0  # every run must be over by then, whatever was done to it, on a busy machine
STEP_SECONDS = 240.0
SETTLE_SECONDS = 180.0  # for processes, slots and objects to be gone after the runs' end
VICTIM_SECONDS = 5.0  # for a job to have a process that can be struck
_TOLD = 300  # characters of a problem that are told
SHORT = 0.3  # seconds of an interruption that nothing should notice
LONG = 1.5  # leases that an interruption lasts which outlives them

_HOLDERS = ("server", "worker")  # whose absence leases are about

# What is cut off from what: the links that are cut when a victim is.
_CUTS = {
    "server": ("server",),
    "worker": ("server", "engine"),
    "engine": ("engine",),
    "job": ("jobs",),
}


@dataclass
class Run:
    """One run of a trial, and what came of it."""

    id: str
    key: str
    state: str = ""
    message: str = ""
    attempts: int = 0


@dataclass
class Trial:
    """What was done, and what came of it."""

    seed: int
    step: str
    victim: str
    act: str
    runs: list[Run] = field(default_factory=list[Run])
    witness: int = 0  # which of the runs was brought to the step
    seconds: float = 0.0
    away: float = 0.0  # seconds that the victim was dead, stopped or cut off
    problems: list[str] = field(default_factory=list[str])

    @property
    def ends(self) -> Counter[str]:
        """How many runs ended how."""
        return Counter(run.state for run in self.runs)

    @property
    def ids(self) -> list[str]:
        """The runs."""
        return [run.id for run in self.runs]

    def __str__(self) -> str:
        ends = ", ".join(f"{count} {state}" for state, count in sorted(self.ends.items()))
        told = f"seed {self.seed}: {self.act} {self.victim} when {self.step}, {self.away:.1f} s → {ends}"
        problems = "; ".join(problem[:_TOLD] for problem in self.problems)
        return f"{told}; {self.seconds:.0f} s {problems}".rstrip()


def play(
    scene: Scene, seed: int, step: str, runs: int = 1, strike: tuple[str, str] | None = None
) -> Trial:
    """Moment, duration and, where they are not given, victim and act are drawn from the seed.

    Args:
        scene: Where.
        seed: What is drawn from.
        step: When to strike.
        runs: How many there are at once; more than one also stay dead for a while.
        strike: Victim and act.
    """
    dice = random.Random(f"{seed} {step}")
    drawn = dice.choice(("server", "worker", "job")), dice.choice(("kill", "stop"))
    victim, act = strike or drawn
    trial = Trial(seed, step, victim, act, witness=dice.randrange(runs))
    # What was killed is started again at once or later; a job is not.
    trial.away = _duration(scene, dice, act, is_throng=runs > 1 and victim != "job")
    begin = time.monotonic()
    before = scene.files()
    _create(scene, trial, runs)
    _wait_for_step(scene, trial)
    time.sleep(dice.uniform(0, 0.02))
    _strike(scene, trial)
    _wait_for_end(scene, trial)
    trial.seconds = time.monotonic() - begin
    _wait_for_quiet(scene, trial, before)
    judge(scene, trial)
    judge_limit(scene, trial, LIMIT)
    return trial


def _duration(scene: Scene, dice: random.Random, act: str, *, is_throng: bool) -> float:
    if act == "kill":
        return dice.choice((0.0, 0.0, scene.lease_seconds * LONG)) if is_throng else 0.0
    return dice.choice((SHORT, scene.lease_seconds * 0.5, scene.lease_seconds * LONG))


def _create(scene: Scene, trial: Trial, count: int) -> None:
    path = f"/deployments/{scene.deployment}/create_flow_run"
    for number in range(count):
        key = uuid4().hex
        is_witness = number == trial.witness
        parameters: dict[str, object] = {
            "key": key,
            "pauses": is_witness and trial.step == "paused",
            # So that it runs on while leases end; the others end meanwhile.
            "linger": trial.away if is_witness and count > 1 and trial.victim in _HOLDERS else 0.0,
        }
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        trial.runs.append(Run(scene.rest.post(path, body)["id"], key))


def _wait_for_step(scene: Scene, trial: Trial) -> None:
    marks = {"running": "running", "between": "end-1", "finishing": "end-3"}
    states = {"claimed": "PENDING", "pending": "PENDING", "paused": "PAUSED"}
    witness = trial.runs[trial.witness]
    deadline = time.monotonic() + STEP_SECONDS
    while time.monotonic() < deadline:
        if trial.step in marks and any(
            line[0] == marks[trial.step] for line in scene.lines(witness.key)
        ):
            return
        if trial.step == "starting" and any(
            line[3] == witness.id for line in scene.lines("import")
        ):
            return
        state = scene.rest.get(f"/flow_runs/{witness.id}")["state_type"]
        if state == states.get(trial.step) or state in TERMINAL:
            return
        if trial.step == "starting" and state == "RUNNING":
            return
        time.sleep(0.001)
    trial.problems.append(f"never {trial.step}")


def _strike(scene: Scene, trial: Trial) -> None:
    """Kill, stop or cut off, for as long as the trial has it; then let it be well again."""
    if trial.act == "cut":
        links = _CUTS[trial.victim]
        scene.links.cut(*links)
        time.sleep(trial.away)
        scene.links.mend(*links)
        return
    pid = _victim(scene, trial)
    if pid is None:
        return
    scene.away.add(trial.victim)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL if trial.act == "kill" else signal.SIGSTOP)
    time.sleep(trial.away)
    if trial.act == "stop":
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    scene.away.clear()
    scene.revive()


def _victim(scene: Scene, trial: Trial) -> int | None:
    if trial.victim == "engine":
        return scene.ground.engine_pid
    if trial.victim != "job":
        return scene.pid(trial.victim)
    witness = trial.runs[trial.witness]
    deadline = time.monotonic() + VICTIM_SECONDS
    while time.monotonic() < deadline:
        pids = (
            scene.strays([witness.id])
            if scene.ground.kind == "process"
            else list(processes_of([witness.id]))
        )
        if pids:
            return pids[0]
        time.sleep(0.001)
    return None


def _wait_for_end(scene: Scene, trial: Trial) -> None:
    deadline = time.monotonic() + END_SECONDS
    while True:
        time.sleep(0.02)
        scene.revive()
        found = scene.runs(trial.ids)
        for run in trial.runs:
            run.state = found[run.id]["state_type"]
            run.message = (found[run.id]["state"] or {}).get("message") or ""
            if run.state == "PAUSED":
                scene.rest.post(f"/flow_runs/{run.id}/resume", {})
        waiting = [run for run in trial.runs if run.state not in TERMINAL]
        if not waiting:
            return
        if time.monotonic() > deadline:
            told = Counter(found[run.id]["state_name"] for run in waiting)
            trial.problems.append(f"not over after {END_SECONDS:.0f} s: {dict(told)}")
            return


def _wait_for_quiet(scene: Scene, trial: Trial, before: set[str]) -> None:
    """Everything of the runs must be gone soon after their end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        left: Sequence[str] = [*scene.left_behind(trial.ids), *sorted(scene.files() - before)]
        if not left:
            return
        if time.monotonic() > deadline:
            trial.problems.append(f"left behind: {', '.join(left)}")
            return
        scene.revive()
        time.sleep(0.1)
