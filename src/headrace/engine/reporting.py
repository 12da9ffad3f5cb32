"""Where the engine hands over what it has to tell: events and log lines, to the recorder."""

import logging
from typing import Any

from headrace.engine.log_handlers import configure_logging
from headrace.engine.recorder import recorder

flow_logger = logging.getLogger("headrace.flow_runs")
task_logger = logging.getLogger("headrace.task_runs")


def report_event(event: Any) -> None:
    """Hand an event to the recorder: something with `encode() -> bytes`, called in its thread."""
    recorder().event(event)


def prepare_reporting() -> None:
    """Make sure that log lines of runs go where they should, before the first one."""
    configure_logging()


def flush_reports(timeout: float) -> bool:
    """Wait until the server has acknowledged what was reported; False when it takes too long.

    Args:
        timeout: Seconds. What is left stays with the recorder, which spools it.
    """
    return recorder().flush(timeout)
