"""A flow that has deployments run, as a sub-flow and on their own."""

import asyncio
import sys
from typing import Any

import reporting
from prefect import flow, runtime
from prefect.deployments import run_deployment
from prefect.flow_runs import wait_for_flow_run

WAIT_SECONDS = 60


@flow
async def parent(place: str) -> dict[str, Any]:
    within = await run_deployment(
        "steps/ours", parameters={"place": place, "n": 2}, timeout=WAIT_SECONDS, poll_interval=0.2
    )
    alone = await run_deployment(
        "steps/ours", parameters={"place": place}, timeout=0, as_subflow=False, tags=["alone"]
    )
    alone = await wait_for_flow_run(alone.id, timeout=WAIT_SECONDS, poll_interval=1)
    return {
        "parent": runtime.flow_run.id,
        "within": within.id,
        "alone": alone.id,
        "states": [within.state.name, alone.state.name],
    }


if __name__ == "__main__":
    reporting.write(asyncio.run(parent(sys.argv[1])))
