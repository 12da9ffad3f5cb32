"""`log_prints`: what user code prints goes to the log of the run that printed it."""

import builtins
import io
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.reporting import flow_logger, task_logger

_to_log: ContextVar[bool] = ContextVar("headrace_prints_to_log", default=False)
_print = builtins.print


@contextmanager
def prints_to_log() -> Generator[None]:
    """In this block, and in what it starts, `print` writes to the run's log."""
    builtins.print = _print_or_log  # stays: which of the two it does is decided at each call
    token = _to_log.set(True)
    try:
        yield
    finally:
        _to_log.reset(token)


def _print_or_log(*values: Any, **options: Any) -> None:
    """`print`, or a line in the run's log where the run asks for it and no file is named."""
    if not _to_log.get() or options.get("file") is not None:
        _print(*values, **options)
        return
    text = io.StringIO()
    _print(*values, sep=options.get("sep"), end=options.get("end"), file=text)
    flow_run, task_run = FlowRunContext.get(), TaskRunContext.get()
    ids = {
        "flow_run_id": flow_run.flow_run_id if flow_run is not None else None,
        "task_run_id": task_run.task_run.id_text if task_run is not None else None,
    }
    logger = flow_logger if task_run is None else task_logger
    logger.info("%s", text.getvalue().rstrip("\n"), extra=ids)
