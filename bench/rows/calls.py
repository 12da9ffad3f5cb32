"""Flows and tasks called in Python against a running server."""

import json
import subprocess
import time
from pathlib import Path

from bench.measure import Budget, Context, Figure
from bench.rest import Rest
from bench.sides import server

TIMEOUT_SECONDS = 900
SETTLE_SECONDS = 60
BUDGETS = {"empty_flow": 8.0, "sequential_task": 0.3, "mapped_task": 0.5}
TITLES = {
    "empty_flow": "empty flow called in Python",
    "sequential_task": "sequential task (200)",
    "mapped_task": "mapped task (500)",
}
PROGRAM = Path(__file__).parents[1] / "programs" / "calls.py"


def run(context: Context) -> list[Figure]:
    """Milliseconds per call; every task run must be found Completed on the server afterwards."""
    side = context.side
    with server(side, str(context.scratch / f"{side.name}-calls.db")) as running:
        done = subprocess.run(
            [str(side.python), str(PROGRAM), side.package, str(max(5, context.repeats))],
            env=side.environment(running.url),
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        measured = json.loads(done.stdout.splitlines()[-1])
        figures = [
            Figure(TITLES[key], "ms", Budget(at_most=BUDGETS[key]), measured[key])
            for key in BUDGETS
        ]
        expected = 2 + 700 * max(5, context.repeats)
        figures[1].errors = _missing_tasks(Rest(running.url), expected)
    return figures


def _missing_tasks(rest: Rest, expected: int) -> int:
    """How many task runs are not there as Completed, a server that lags being given some time."""
    only = {"task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    deadline = time.monotonic() + SETTLE_SECONDS
    while (missing := expected - rest.post("/task_runs/count", only)) > 0:
        if time.monotonic() > deadline:
            break
        time.sleep(0.2)
    return max(0, missing)
