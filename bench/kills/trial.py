"""One trial: a run is brought to a step, a process is killed or stopped there, the run is judged."""

import contextlib
import os
import random
import signal
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.kills.scene import LEASE_SECONDS, Scene
from bench.rest import TERMINAL

STEPS = ("claimed", "pending", "starting", "running", "between", "paused", "finishing")
VICTIMS = ("server", "worker", "run")
SIGNALS = ("kill", "stop")
END_SECONDS = 90.0  # every run must be over by then, whatever was done to it
STEP_SECONDS = 30.0
SETTLE_SECONDS = 30.0  # for processes and slots to be gone after the run's end


@dataclass
class Trial:
    """What was done, and what came of it."""

    seed: int
    step: str
    victim: str
    signal: str
    run_id: str = ""
    state: str = ""
    attempts: int = 0
    seconds: float = 0.0
    stopped: float = 0.0  # seconds that the victim stood still
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        told = f"seed {self.seed}: {self.signal} {self.victim} when {self.step} → {self.state}"
        return (
            f"{told}, {self.attempts} attempt(s), {self.seconds:.1f} s {'; '.join(self.problems)}"
        )


def play(scene: Scene, seed: int, step: str) -> Trial:
    """Victim, signal and moment are drawn from the seed."""
    dice = random.Random(f"{seed} {step}")
    trial = Trial(seed, step, dice.choice(VICTIMS), dice.choice(SIGNALS))
    begin = time.monotonic()
    key = uuid4().hex
    body = {"parameters": {"key": key, "pauses": step == "paused"}, "state": {"type": "SCHEDULED"}}
    path = f"/deployments/{scene.deployment}/create_flow_run"
    trial.run_id = scene.rest.post(path, body)["id"]
    _wait_for_step(scene, trial, key)
    time.sleep(dice.uniform(0, 0.02))
    _strike(scene, trial, dice, key)
    final = _wait_for_end(scene, trial)
    trial.state = final["state_type"]
    trial.seconds = time.monotonic() - begin
    _judge(scene, trial, key)
    return trial


def _lines(scene: Scene, key: str) -> list[list[str]]:
    file = scene.traces / key
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def _wait_for_step(scene: Scene, trial: Trial, key: str) -> None:
    marks = {"running": "running", "between": "end-1", "finishing": "end-3"}
    states = {"claimed": "PENDING", "pending": "PENDING", "paused": "PAUSED"}
    imports = len(_lines(scene, "import"))
    deadline = time.monotonic() + STEP_SECONDS
    while time.monotonic() < deadline:
        if trial.step in marks and any(line[0] == marks[trial.step] for line in _lines(scene, key)):
            return
        if trial.step == "starting" and len(_lines(scene, "import")) > imports:
            return
        state = scene.rest.get(f"/flow_runs/{trial.run_id}")["state_type"]
        if state == states.get(trial.step) or state in TERMINAL:
            return
        if trial.step == "starting" and state == "RUNNING":
            return
        time.sleep(0.001)
    trial.problems.append(f"never {trial.step}")


def _strike(scene: Scene, trial: Trial, dice: random.Random, key: str) -> None:
    pid = _victim(scene, trial, key)
    if pid is None:
        return
    number = signal.SIGKILL if trial.signal == "kill" else signal.SIGSTOP
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
    if trial.signal == "stop":
        trial.stopped = dice.choice((0.3, LEASE_SECONDS * 0.5, LEASE_SECONDS * 1.5))
        time.sleep(trial.stopped)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _victim(scene: Scene, trial: Trial, key: str) -> int | None:
    if trial.victim != "run":
        return scene.pid(trial.victim)
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        lines = _lines(scene, key)
        if lines:
            return int(lines[-1][1])
        strays = scene.strays()
        if strays:
            return strays[-1]
        time.sleep(0.001)
    return None


def _wait_for_end(scene: Scene, trial: Trial) -> dict[str, Any]:
    deadline = time.monotonic() + END_SECONDS
    while True:
        time.sleep(0.02)
        scene.revive()
        run = scene.rest.get(f"/flow_runs/{trial.run_id}")
        if run["state_type"] in TERMINAL:
            return run
        if run["state_type"] == "PAUSED":
            scene.rest.post(f"/flow_runs/{trial.run_id}/resume", {})
        if time.monotonic() > deadline:
            trial.problems.append(f"still {run['state_name']} after {END_SECONDS:.0f} s")
            return run


def _judge(scene: Scene, trial: Trial, key: str) -> None:
    """Look at the trace, the database through the API, and the processes."""
    _wait_for_quiet(scene, trial)
    lines = _lines(scene, key)
    pids = list(dict.fromkeys(line[1] for line in lines))
    trial.attempts = len(pids)
    order = [line[1] for line in lines]
    if order != sorted(order, key=pids.index):
        trial.problems.append("a stale attempt went on working after the next had begun")
    if trial.state == "COMPLETED":
        last = {line[0] for line in lines if line[1] == pids[-1]} if pids else set()
        missing = {"end-1", "end-2", "end-3"} - last
        if missing and trial.attempts == 1:
            trial.problems.append(f"Completed without {', '.join(sorted(missing))}")
    elif trial.state == "CRASHED":
        if trial.victim == "server":
            trial.problems.append("crashed although only the server was struck")
    else:
        trial.problems.append(f"ended as {trial.state}")
    _judge_states(scene, trial)


def _judge_states(scene: Scene, trial: Trial) -> None:
    states = scene.rest.get(f"/flow_run_states/?flow_run_id={trial.run_id}")
    kinds = [state["type"] for state in states]
    ends = [kind for kind in kinds if kind in TERMINAL]
    if len(ends) > 1 or (ends and kinds[-1] not in TERMINAL):
        trial.problems.append(f"states after the end: {kinds}")
    only = {"task_runs": {"flow_run_id": {"any_": [trial.run_id]}}}
    tasks = scene.rest.post("/task_runs/filter", only)
    if trial.state == "COMPLETED":
        unfinished = [t["name"] for t in tasks if t["state_type"] not in TERMINAL]
        if len(tasks) < 3 or unfinished:
            trial.problems.append(f"{len(tasks)} task runs, unfinished: {unfinished}")


def _wait_for_quiet(scene: Scene, trial: Trial) -> None:
    """Processes and slots of the run must be gone soon after its end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        strays, slots = scene.strays(), scene.live_slots()
        if not strays and not slots:
            return
        scene.revive()
        time.sleep(0.05)
    trial.problems.append(f"left behind: processes {scene.strays()}, slots {scene.live_slots()}")
