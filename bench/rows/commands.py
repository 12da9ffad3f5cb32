"""Import and command line: what a person waits for before anything happens."""

import subprocess
import time

from bench.measure import Budget, Context, Figure

TIMEOUT_SECONDS = 60


def run(context: Context) -> list[Figure]:
    """Seconds of a whole process, started cold from a warm file cache."""
    side = context.side
    cases = [
        (
            f"from {side.package} import flow, task",
            0.08,
            [str(side.python), "-c", f"from {side.package} import flow, task"],
        ),
        ("CLI version", 0.15, [str(side.cli), "version"]),
        ("CLI --help", 0.15, [str(side.cli), "--help"]),
    ]
    figures = []
    for name, at_most, command in cases:
        row = name.replace(side.package, "…")
        figure = Figure(row, "s", Budget(at_most=at_most))
        _timed(command, side.environment())
        figure.samples = [
            _timed(command, side.environment()) for _ in range(max(5, context.repeats))
        ]
        figures.append(figure)
    return figures


def _timed(command: list[str], environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(
        command, env=environment, check=True, capture_output=True, timeout=TIMEOUT_SECONDS
    )
    return time.perf_counter() - begin
