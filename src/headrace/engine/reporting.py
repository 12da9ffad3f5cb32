"""Where the engine hands over what it has to tell: events and log lines, to the recorder."""

import logging
from typing import Any
from uuid import UUID

from headrace.client.encoding import encode
from headrace.client.flow_runs import end_flow_run
from headrace.engine.api import api, to_wire
from headrace.engine.delivery import EVENT, LOG
from headrace.engine.log_handlers import configure_logging
from headrace.engine.recorder import REQUEST_TIMEOUT, recorder
from headrace.engine.spool import Entry
from headrace.states import State
from headrace.wire.orchestration import OrchestrationResult

flow_logger = logging.getLogger("headrace.flow_runs")
task_logger = logging.getLogger("headrace.task_runs")


def report_event(event: Any) -> None:
    """Hand an event to the recorder: something with `encode() -> bytes`, called in its thread."""
    recorder().event(event)


def prepare_reporting() -> None:
    """Make sure that log lines of runs go where they should, before the first one."""
    configure_logging()


def report_end(flow_run_id: UUID, state: State, epoch: int | None) -> OrchestrationResult | None:
    """Tell all that was reported, and propose the state that a run ends in, in one request.

    Returns:
        The server's answer. None where that is not possible, or was not taken: reports and state are
        then to be sent one after the other. Repeating them does no harm.

    Raises:
        StaleWrite: Another attempt at the run has begun.
    """

    def send(entries: list[Entry]) -> OrchestrationResult:
        events = b",".join(entry.body for entry in entries if entry.kind == EVENT)
        logs = b",".join(entry.body for entry in entries if entry.kind == LOG)
        told = encode(to_wire(state, flow_run_id))
        body = b'{"state":%b,"events":[%b],"logs":[%b]}' % (told, events, logs)
        return end_flow_run(api(), flow_run_id, body, epoch, timeout=REQUEST_TIMEOUT)

    return recorder().hand_over(send)


def flush_reports(timeout: float) -> bool:
    """Wait until the server has acknowledged what was reported; False when it takes too long.

    Args:
        timeout: Seconds. What is left stays with the recorder, which spools it.
    """
    return recorder().flush(timeout)
