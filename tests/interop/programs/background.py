"""Background tasks: `serve` runs them, anything else here hands them over."""

import os
import sys
import time

import reporting
from prefect import task
from prefect.task_worker import serve

WAIT_SECONDS = 60


@task(persist_result=True)
def double(x: int) -> int:
    return x * 2


@task(persist_result=True)
def where() -> int:
    return os.getpid()


@task(retries=1, persist_result=True)
def failing() -> None:
    raise ValueError("in the background")


def main() -> None:
    futures = [double.delay(i) for i in range(5)]
    elsewhere, failed = where.delay(), failing.delay()
    failed.wait(timeout=WAIT_SECONDS)
    reporting.write(
        {
            "doubled": [one.result(timeout=WAIT_SECONDS) for one in futures],
            "where": elsewhere.result(timeout=WAIT_SECONDS),
            "mine": os.getpid(),
            "failed": failed.state.name,
            "runs": [str(one.task_run_id) for one in [*futures, elsewhere, failed]],
            "at": time.time(),
        }
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve(double, where, failing)
    else:
        main()
