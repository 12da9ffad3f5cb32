"""Logging: loggers of Headrace and of the run that is running.

What is logged inside of a run is printed and sent to the API with the run's id, where it can be
read, filtered and followed.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from headrace.context import FlowRunContext, TaskRunContext, get_run_context
from headrace.engine.log_handlers import RUN_LOGGERS, configure_logging

if TYPE_CHECKING:
    from collections.abc import Generator, MutableMapping

    from headrace.context import RunContext

    Adapter = logging.LoggerAdapter[logging.Logger]
else:
    Adapter = logging.LoggerAdapter

__all__ = ["LogEavesdropper", "disable_run_logger", "get_logger", "get_run_logger"]

PREFIX = "headrace"

_is_silent: ContextVar[bool] = ContextVar("headrace_run_logger_silent", default=False)


class RunLogger(Adapter):
    """The logger of a run: each record carries the run's ids and names."""

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Add the run's ids to those that the caller gives."""
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs

    def getChild(self, suffix: str, extra: dict[str, Any] | None = None) -> RunLogger:  # noqa: N802  # as in `logging`
        """A logger below this one, of the same run."""
        return RunLogger(self.logger.getChild(suffix), {**(self.extra or {}), **(extra or {})})


def get_logger(name: str | None = None) -> logging.Logger:
    """A logger of Headrace's: `headrace`, or one below it.

    Args:
        name: Where below `headrace`; a name that begins with it is taken as it is.
    """
    configure_logging()
    if not name or name == PREFIX:
        return logging.getLogger(PREFIX)
    return logging.getLogger(name if name.startswith(f"{PREFIX}.") else f"{PREFIX}.{name}")


def get_run_logger(context: RunContext | None = None, **kwargs: Any) -> logging.Logger | RunLogger:
    """The logger of the run that is running here.

    Args:
        context: Another run's context, instead of the present one.
        **kwargs: More fields for every record.

    Raises:
        MissingContextError: No run is running here.
    """
    if _is_silent.get():
        return _silent_logger()
    configure_logging()
    found = context if context is not None else get_run_context()
    if isinstance(found, TaskRunContext):
        return RunLogger(logging.getLogger("headrace.task_runs"), _task_fields(found) | kwargs)
    assert isinstance(found, FlowRunContext)
    return RunLogger(logging.getLogger("headrace.flow_runs"), _flow_fields(found) | kwargs)


def _flow_fields(context: FlowRunContext) -> dict[str, Any]:
    return {
        "flow_run_id": context.flow_run_id,
        "flow_run_name": context.flow_run.name,
        "flow_name": context.flow_name,
    }


def _task_fields(context: TaskRunContext) -> dict[str, Any]:
    flow_run = FlowRunContext.get()
    fields: dict[str, Any] = {
        "flow_run_id": None,
        "task_run_id": context.task_run.id_text,
        "task_run_name": context.task_run.name,
        "task_name": context.task.name,
    }
    return fields | _flow_fields(flow_run) if flow_run is not None else fields


@contextmanager
def disable_run_logger() -> Generator[None]:
    """In this block run loggers say nothing, and can be had outside of runs.

    For tests that call the function of a flow or task by itself.
    """
    loggers = [logging.getLogger(name) for name in RUN_LOGGERS]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)
        for logger, was_disabled in zip(loggers, before, strict=True):
            logger.disabled = was_disabled


def _silent_logger() -> logging.Logger:
    logger = logging.getLogger("headrace.silent")
    logger.disabled = True
    return logger


class LogEavesdropper(logging.Handler):
    """Keeps what a logger says in a `with` block: to show it when something went wrong.

    Args:
        eavesdrop_on: The logger's name.
        level: The lowest level that is kept.
    """

    def __init__(self, eavesdrop_on: str, level: int = logging.NOTSET) -> None:
        super().__init__(level)
        self._target = eavesdrop_on
        self._lines: list[str] = []
        self.setFormatter(logging.Formatter("[%(levelname)s]: %(message)s"))

    def __enter__(self) -> LogEavesdropper:
        logger = logging.getLogger(self._target)
        self._level_before = logger.level
        logger.setLevel(self.level or logging.DEBUG)
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger = logging.getLogger(self._target)
        logger.removeHandler(self)
        logger.setLevel(self._level_before)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self._lines.append(self.format(record))

    def text(self) -> str:
        """All that was said, a line each."""
        return "\n".join(self._lines)
