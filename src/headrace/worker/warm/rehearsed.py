"""The flow that a warm parent rehearses: what most runs do."""

from headrace.flows import flow
from headrace.logging import get_run_logger
from headrace.tasks import task


@task
def step(number: int) -> int:
    """One step."""
    return number + 1


@flow(name="rehearsed")
def rehearsed(number: int = 0) -> int:
    """Three steps and a line of log."""
    get_run_logger().info("rehearsing %d", number)
    return step(step(step(number)))
