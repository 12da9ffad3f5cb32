"""Two deployments, named as the argument says, that the contract's SDK serves from one process."""

import os
import sys
import time
from pathlib import Path

from prefect import flow, runtime, serve, task


@task
def step(x: int) -> int:
    return x + 1


@flow(name="steps", log_prints=True)
def steps(n: int = 3) -> int:
    x = 0
    for _ in range(n):
        x = step(x)
    Path(f"steps-{runtime.flow_run.id}").write_text(f"{os.getpid()} {x}")
    return x


@flow(name="endless")
def endless() -> None:
    Path(f"endless-{runtime.flow_run.id}").write_text(str(os.getpid()))
    time.sleep(600)


if __name__ == "__main__":
    name = sys.argv[1]
    serve(
        steps.to_deployment(name, cron="0 3 * * *", tags=["here"], parameters={"n": 2}),
        endless.to_deployment(name, concurrency_limit=2),
        limit=4,
    )
