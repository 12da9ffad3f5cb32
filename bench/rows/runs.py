"""Trigger → Completed: through a process worker, and through `.serve()`."""

import contextlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Budget, Context, Figure
from bench.rest import Rest
from bench.sides import Server, Side, server, start_program, stop

PROGRAMS = Path(__file__).parents[1] / "programs"
READY_SECONDS = 120
BURST = 200
BURST_SECONDS = 900


def run(context: Context) -> list[Figure]:
    """Seconds from the trigger to the Completed state, seen by a poll every 2 ms."""
    side = context.side
    with server(side, str(context.scratch / f"{side.name}-runs.db")) as running:
        return [*_worker(context, running), *_serve(context, running)]


def _worker(context: Context, running: Server) -> list[Figure]:
    plain = Figure("trigger → Completed on a process worker", "s", Budget(at_most=0.15))
    pandas = Figure(
        "… of a module that imports pandas", "s", Budget(at_most=0.15 + pandas_import(context))
    )
    side, rest = context.side, Rest(running.url)
    project = context.scratch / f"{side.name}-project"
    project.mkdir(exist_ok=True)
    for name in ("steps.py", "frames.py"):
        shutil.copy(PROGRAMS / name, project / name)
    _command(running, "work-pool", "create", "bench", "--type", "process")
    for file, figure in (("steps", plain), ("frames", pandas)):
        deployment = _deploy(rest, side.package, file, project)
        with _worker_process(running, project):
            for i in range(context.repeats + 1):
                _wait_idle(rest)
                seconds = _trigger(rest, deployment, figure)
                if i:  # the first run warms both sides
                    figure.samples.append(seconds)
    return [plain, pandas]


def _deploy(rest: Rest, package: str, file: str, project: Path) -> str:
    flow = rest.post("/flows/", {"name": file})
    body = {
        "name": "bench",
        "flow_id": flow["id"],
        "work_pool_name": "bench",
        "path": str(project),
        "entrypoint": f"{file}.py:{file}",
        "job_variables": {"env": {"BENCH_PACKAGE": package}},
        "parameter_openapi_schema": {"type": "object", "properties": {}},
    }
    return rest.post("/deployments/", body)["id"]


@contextlib.contextmanager
def _worker_process(running: Server, project: Path) -> Iterator[None]:
    side = running.side
    environment = side.environment(running.url) | {"BENCH_PACKAGE": side.package}
    command = [str(side.cli), "worker", "start", "--pool", "bench", "--limit", "200"]
    process = start_program(command, environment, project / "worker.log")
    try:
        _wait_worker(Rest(running.url), process, project / "worker.log")
        yield
    finally:
        stop(process)


def _wait_worker(rest: Rest, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        workers = rest.post("/work_pools/bench/workers/filter", {})
        if any(w["status"] == "ONLINE" for w in workers):
            return
        time.sleep(0.1)
    sys.exit(f"the worker did not come online:\n{log.read_text()[-3000:]}")


def _wait_idle(rest: Rest) -> None:
    """No run is live; then a moment, so that the trigger meets the poll at a random phase."""
    live = {"flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}}}
    while rest.post("/flow_runs/count", live):
        time.sleep(0.05)
    time.sleep(0.3)


def _trigger(rest: Rest, deployment: str, figure: Figure) -> float:
    begin = time.perf_counter()
    state = rest.wait_terminal(rest.trigger(deployment))
    figure.errors += state != "COMPLETED"
    return time.perf_counter() - begin


def _serve(context: Context, running: Server) -> list[Figure]:
    side, rest = context.side, Rest(running.url)
    one = Figure("3-step flow by .serve(): median", "s", Budget(at_most=0.05))
    burst = Figure(f"… burst of {BURST}", "flows/s", Budget(at_least=100))
    project = context.scratch / f"{side.name}-serve"
    project.mkdir(exist_ok=True)
    shutil.copy(PROGRAMS / "steps.py", project / "steps.py")
    command = [str(side.python), "steps.py", side.package]
    # a run's process has other arguments than the program that serves it
    environment = side.environment(running.url) | {"BENCH_PACKAGE": side.package}
    process = start_program(command, environment, project / "serve.log")
    try:
        served = _served_deployment(rest, process, project / "serve.log")
        for i in range(context.repeats + 1):
            _wait_idle(rest)
            seconds = _trigger(rest, served, one)
            if i:
                one.samples.append(seconds)
        for _ in range(context.repeats if side.is_headrace else 1):  # the peer's takes minutes
            burst.samples.append(_burst(rest, served, burst))
    finally:
        stop(process)
    return [one, burst]


def _served_deployment(rest: Rest, process: subprocess.Popen[bytes], log: Path) -> str:
    """The deployment that `.serve()` registers: known by its name."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        for deployment in rest.post("/deployments/filter", {}):
            if deployment["name"] == "served":
                return deployment["id"]
        time.sleep(0.1)
    sys.exit(f"the flow was not served:\n{log.read_text()[-3000:]}")


def _burst(rest: Rest, deployment: str, figure: Figure) -> float:
    """Flows per second over a burst that is triggered as fast as the server takes it."""
    only = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED"]}}}}
    before = rest.post("/flow_runs/count", only)
    begin = time.perf_counter()
    ids = [rest.trigger(deployment) for _ in range(BURST)]
    while rest.post("/flow_runs/count", only) < before + BURST:
        if time.perf_counter() - begin > BURST_SECONDS:
            break
        time.sleep(0.002)
    seconds = time.perf_counter() - begin
    figure.errors += sum(rest.get(f"/flow_runs/{i}")["state_type"] != "COMPLETED" for i in ids)
    return BURST / seconds


def pandas_import(context: Context) -> float:
    """Seconds that `import pandas` adds to a process of this side, the median of five."""

    def timed(statement: str) -> float:
        begin = time.perf_counter()
        subprocess.run([str(context.side.python), "-c", statement], check=True, timeout=60)
        return time.perf_counter() - begin

    with_it = sorted(timed("import pandas") for _ in range(5))[2]
    return with_it - sorted(timed("pass") for _ in range(5))[2]


def _command(running: Server, *arguments: str) -> None:
    side: Side = running.side
    subprocess.run(
        [str(side.cli), *arguments],
        env=side.environment(running.url),
        check=True,
        capture_output=True,
        timeout=READY_SECONDS,
    )
