"""`bench/flood [--runs 2000]`: a flood of short runs through one worker, then each of them looked at."""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.rest import Rest
from bench.sides import free_port, own_environment, start_program, stop, wait_healthy

PROGRAM = Path(__file__).parents[1] / "programs" / "short.py"
POOL = "many"
KINDS = ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
IDLE_TRIGGERS = 20
PAGE = 200
PATIENCE_SECONDS = 900
LEAST_RATE = 100.0  # runs/s on 2 cores
MOST_START = 0.05  # seconds from the trigger to the flow's code, on an idle worker
MOST_GROWTH = 20.0  # MB of memory that server or worker may grow by from the first quarter on


def main() -> None:
    """Flood, look, tell; exit code 1 where a budget or a run is not as it should be."""
    parser = argparse.ArgumentParser(prog="bench/flood", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-many-") as name:
        directory = Path(name)
        shutil.copy(PROGRAM, directory / "short.py")
        port = free_port()
        url = f"http://127.0.0.1:{port}/api"
        environment = own_environment(directory / "home", HEADRACE_API_URL=url)
        options = ["--database", str(directory / "many.db"), "--port", str(port)]
        programs = [_start("headrace.server", options, environment, directory / "server.log")]
        try:
            wait_healthy(url, programs[0], directory / "server.log")
            rest = Rest(url)
            deployment = _deploy(rest, directory)
            options = ["worker", "start", "--pool", POOL]
            programs.append(_start("headrace.cli", options, environment, directory / "worker.log"))
            sys.exit(_play(rest, deployment, programs, arguments.runs))
        finally:
            for process in reversed(programs):
                stop(process)


def _start(module: str, options: list[str], environment: dict[str, str], log: Path) -> Any:
    return start_program([sys.executable, "-m", module, *options], environment, log)


def _deploy(rest: Rest, directory: Path) -> str:
    rest.post("/work_pools/", {"name": POOL, "type": "process"})
    body = {
        "name": "many",
        "flow_id": rest.post("/flows/", {"name": "short"})["id"],
        "work_pool_name": POOL,
        "path": str(directory),
        "entrypoint": "short.py:short",
    }
    return rest.post("/deployments/", body)["id"]


def _play(rest: Rest, deployment: str, programs: list[Any], runs: int) -> int:
    starts = [_idle_start(rest, deployment) for _ in range(IDLE_TRIGGERS)]
    print(f"trigger → user code, idle worker: median {statistics.median(starts) * 1000:.1f} ms")
    only = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    before = rest.post("/flow_runs/count", only)
    spent = _processor_seconds(programs)
    begin = time.perf_counter()
    memory: list[tuple[int, float, float]] = []
    triggered = 0
    while (ended := rest.post("/flow_runs/count", only) - before) < runs:
        for _ in range(min(50, runs - triggered)):
            rest.trigger(deployment)
            triggered += 1
        if ended >= (len(memory) + 1) * runs / 4:
            memory.append((ended, *(_memory(process.pid) for process in programs)))
            print(f"   {ended} runs: server {memory[-1][1]:.0f} MB, worker {memory[-1][2]:.0f} MB")
        if time.perf_counter() - begin > PATIENCE_SECONDS:
            print(f"gave up after {ended} runs")
            return 1
        time.sleep(0.01)
    rate = runs / (time.perf_counter() - begin)
    _tell_processor_time(spent, _processor_seconds(programs), runs)
    memory.append((runs, *(_memory(process.pid) for process in programs)))
    print(
        f"{runs} runs, {rate:.0f} runs/s; server {memory[-1][1]:.0f} MB, worker {memory[-1][2]:.0f} MB"
    )
    problems = _look_at_all(rest)
    growth = max(memory[-1][column] - memory[0][column] for column in (1, 2))
    if growth > MOST_GROWTH:
        problems.append(f"memory grew by {growth:.0f} MB from the first quarter on")
    if rate < LEAST_RATE:
        problems.append(f"{rate:.0f} runs/s; the budget is {LEAST_RATE:.0f}")
    if statistics.median(starts) > MOST_START:
        problems.append(f"the start's budget is {MOST_START * 1000:.0f} ms")
    print("\n".join(problems[:20]) or "every run as it should be")
    return 1 if problems else 0


def _idle_start(rest: Rest, deployment: str) -> float:
    begin = time.time()
    run = rest.trigger(deployment)
    rest.wait_terminal(run)
    time.sleep(0.2)  # idle again, and its log has come
    body = {"logs": {"flow_run_id": {"any_": [run]}}}
    [line] = [
        m for log in rest.post("/logs/filter", body) if (m := log["message"]).startswith("began")
    ]
    return float(line.split()[1]) - begin


def _memory(pid: int) -> float:
    """MB that a program and its children have for themselves; children of runs come and go."""
    everyone = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)[:1]]
    return sum(process.memory_info().rss for process in everyone) / 1e6


def _processor_seconds(programs: list[Any]) -> dict[str, float]:
    """What each part has used of the processors: the wall time of a busy machine says little."""
    server, worker = (psutil.Process(program.pid) for program in programs)
    used = {"server": _own(server), "worker": _own(worker), "warm parent": 0.0, "child": 0.0}
    for parent in worker.children():
        times = parent.cpu_times()
        used["warm parent"] += times.user + times.system
        used["child"] += times.children_user + times.children_system  # of those that ended
    return used


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _tell_processor_time(before: dict[str, float], after: dict[str, float], runs: int) -> None:
    each = {part: (after[part] - before[part]) / runs * 1000 for part in after}
    told = ", ".join(f"{part} {milliseconds:.1f}" for part, milliseconds in each.items())
    print(f"processor time of a run, ms: {told}; together {sum(each.values()):.1f}")


def _look_at_all(rest: Rest) -> list[str]:
    """Every run: its states, its three task runs, its line of log, a process of its own."""
    problems: list[str] = []
    processes: dict[str, str] = {}
    for run in _all(rest, "/flow_runs/filter", {"sort": "ID_DESC"}):
        name = run["id"]
        states = rest.get(f"/flow_run_states/?flow_run_id={name}")
        if [state["type"] for state in states] != KINDS:
            problems.append(f"{name} went through {[state['type'] for state in states]}")
        only = {"flow_runs": {"id": {"any_": [name]}}}
        tasks = rest.post("/task_runs/filter", only)
        if [task["state_type"] for task in tasks] != ["COMPLETED"] * 3:
            problems.append(f"{name} has the task runs {[task['state_type'] for task in tasks]}")
        lines = rest.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [name]}}})
        own = [line["message"] for line in lines if line["message"].startswith("began")]
        if len(own) != 1:
            problems.append(f"{name} has the lines {own}")
        for line in own:
            other = processes.setdefault(line.split()[-1], name)
            if other != name:
                problems.append(f"{name} and {other} ran in the process {line.split()[-1]}")
    return problems


def _all(rest: Rest, path: str, body: dict[str, Any]) -> list[Any]:
    found: list[Any] = []
    while True:
        page = rest.post(path, body | {"limit": PAGE, "offset": len(found)})
        found += page
        if len(page) < PAGE:
            return found


if __name__ == "__main__":
    main()
