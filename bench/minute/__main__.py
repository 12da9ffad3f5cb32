"""`bench/on-the-minute [--deployments 10000]`: schedules of one minute; each makes its run once."""

import argparse
import collections
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from bench.rest import Rest
from bench.sides import free_port, own_environment, start_program, stop, wait_healthy

MOST_LAG = 2.0  # seconds from a schedule's creation to its run, at the 99th percentile
MOST_GROWTH = 40.0  # MB that the server may grow by
PATIENCE_SECONDS = 300
PAGE = 200
SETTLE_SECONDS = 15.0  # what the loops are given to make a run twice


def main() -> None:
    """Make the deployments, wait for their runs, look at each; exit code 1 where one is wrong."""
    parser = argparse.ArgumentParser(prog="bench/on-the-minute", description=__doc__)
    parser.add_argument("--deployments", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headrace-minute-") as name:
        directory = Path(name)
        port = free_port()
        url = f"http://127.0.0.1:{port}/api"
        program = [sys.executable, "-m", "headrace.server"]
        process = start_program(
            [*program, "--database", str(directory / "minute.db"), "--port", str(port)],
            own_environment(directory / "home"),
            directory / "server.log",
        )
        try:
            wait_healthy(url, process, directory / "server.log")
            sys.exit(_play(Rest(url), process.pid, arguments.deployments))
        finally:
            stop(process)


def _play(rest: Rest, server: int, count: int) -> int:
    minute = (datetime.now(UTC) + timedelta(hours=1)).replace(second=0, microsecond=0)
    flow = rest.post("/flows/", {"name": "on the minute"})["id"]
    before = psutil.Process(server).memory_info().rss
    made: dict[str, float] = {}
    begin = time.time()
    for number in range(count):
        body = {
            "name": f"at-{number}",
            "flow_id": flow,
            "schedules": [{"schedule": {"cron": f"{minute.minute} {minute.hour} * * *"}}],
        }
        found = rest.post("/deployments/", body)
        made[found["id"]] = _seconds(found["created"])
    print(f"{count} deployments in {time.time() - begin:.1f} s")
    at_minute = {
        "flow_runs": {
            "expected_start_time": {
                "after_": minute.isoformat(), "before_": minute.isoformat()
            }
        }
    }  # fmt: skip
    deadline = time.time() + PATIENCE_SECONDS
    while (found := rest.post("/flow_runs/count", at_minute)) < count and time.time() < deadline:
        time.sleep(0.05)
    print(f"{found} runs {time.time() - begin:.1f} s after the first deployment")
    time.sleep(SETTLE_SECONDS)
    return _judge(rest, made, at_minute, (psutil.Process(server).memory_info().rss - before) / 1e6)


def _judge(rest: Rest, made: dict[str, float], at_minute: dict[str, object], growth: float) -> int:
    lags: list[float] = []
    runs: collections.Counter[str] = collections.Counter()
    seen = 0
    while True:
        page = rest.post(
            "/flow_runs/filter", at_minute | {"limit": PAGE, "offset": seen, "sort": "ID_DESC"}
        )
        for run in page:
            runs[run["deployment_id"]] += 1
            lags.append(_seconds(run["created"]) - made[run["deployment_id"]])
        seen += len(page)
        if len(page) < PAGE:
            break
    lags.sort()
    late = lags[int(len(lags) * 0.99)] if lags else float("inf")
    print(f"lag: median {lags[len(lags) // 2]:.3f} s, p99 {late:.3f} s; memory {growth:+.0f} MB")
    wrong = [d for d in made if runs[d] != 1]
    problems = [f"{len(wrong)} deployments have no run, or more than one"] if wrong else []
    if late > MOST_LAG:
        problems.append(f"the lag's budget is {MOST_LAG:.0f} s")
    if growth > MOST_GROWTH:
        problems.append(f"the server may grow by {MOST_GROWTH:.0f} MB")
    print("\n".join(problems) or "every schedule made its run, once")
    return 1 if problems else 0


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


if __name__ == "__main__":
    main()
