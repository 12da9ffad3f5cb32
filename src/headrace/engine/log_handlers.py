"""Where log records go: those of runs to the recorder, all of Headrace's to the console."""

from __future__ import annotations

import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from headrace._bindings import load
from headrace.client.encoding import encode
from headrace.context import FlowRunContext, TaskRunContext
from headrace.engine.recorder import recorder
from headrace.errors import InvalidSetting, MissingContextError
from headrace.settings import settings

if TYPE_CHECKING:
    from pathlib import Path

RUN_LOGGERS = ("headrace.flow_runs", "headrace.task_runs")
RESET = "\x1b[0m"
COLORS = {
    logging.DEBUG: "\x1b[2m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[1;31m",
}


class LogLine:
    """A log record on its way to the API: its text is final, its JSON is made by the recorder."""

    __slots__ = ("created", "flow_run_id", "level", "message", "name", "task_run_id")

    def __init__(
        self,
        record: logging.LogRecord,
        message: str,
        flow_run_id: str | None,
        task_run_id: str | None,
    ) -> None:
        self.name = record.name
        self.level = record.levelno
        self.created = record.created
        self.message = message
        self.flow_run_id = flow_run_id
        self.task_run_id = task_run_id

    def encode(self) -> bytes:
        """The record as JSON, cut to the size that the API takes."""
        message = self.message
        bound = settings().logging_to_api_max_log_size
        if len(message) * 4 > bound:  # a character has at most four bytes
            size = len(message.encode("utf-8", "replace"))
            if size > bound:
                kept = message.encode("utf-8", "replace")[:bound].decode("utf-8", "ignore")
                message = f"{kept}… (cut: the record has {size} bytes, {bound} are kept)"
        return encode(
            {
                "name": self.name,
                "level": self.level,
                "message": message.replace("\x00", "�"),  # no database keeps a NUL in text
                "timestamp": datetime.fromtimestamp(self.created, UTC),
                "flow_run_id": self.flow_run_id and str(self.flow_run_id),
                "task_run_id": self.task_run_id and str(self.task_run_id),
            }
        )


class RunLogHandler(logging.Handler):
    """Hands records that belong to a run to the recorder.

    The run is the one that the record names (`extra={"flow_run_id": …}`), else the one that runs
    here. What to do with a record outside of any run, the setting
    `logging_to_api_when_missing_flow` says: `warn`, `error` or `ignore`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Hand one record over."""
        flow_run_id: str | None = getattr(record, "flow_run_id", None)
        task_run_id: str | None = getattr(record, "task_run_id", None)
        if flow_run_id is None and task_run_id is None:
            flow_run_id, task_run_id = _ids_here()
            if flow_run_id is None and task_run_id is None:
                _miss(record)
                return
        try:
            line = LogLine(record, self.format(record), flow_run_id, task_run_id)
            recorder().log(line)
        except Exception:  # noqa: BLE001  # as every handler: logging never breaks what it tells of
            self.handleError(record)


def _ids_here() -> tuple[str | None, str | None]:
    flow_run, task_run = FlowRunContext.get(), TaskRunContext.get()
    return (
        flow_run.flow_run_id if flow_run is not None else None,
        task_run.task_run.id_text if task_run is not None else None,
    )


def _miss(record: logging.LogRecord) -> None:
    choice = settings().logging_to_api_when_missing_flow
    message = (
        f"a record of the logger {record.name!r} is not sent to the API: no run is running here. "
        "Log inside of a flow, or set HEADRACE_LOGGING_TO_API_WHEN_MISSING_FLOW=ignore"
    )
    if choice == "error":
        raise MissingContextError(message)
    if choice == "warn":
        warnings.warn(message, stacklevel=8)  # the line that logged


class ConsoleHandler(logging.StreamHandler[TextIO]):
    """Writes to the present standard error, which may be another one than when it was made."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(ConsoleFormatter())

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


class ConsoleFormatter(logging.Formatter):
    """One line: the time of day, the level, whose record it is, the message."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__(datefmt="%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, with its traceback below."""
        message = super().format(record)
        time = f"{self.formatTime(record, self.datefmt)}.{int(record.msecs):03d}"
        line = f"{time} | {record.levelname:<7} | {_subject(record)} - {message}"
        color = COLORS.get(record.levelno) if _is_colored() else None
        return f"{color}{line}{RESET}" if color else line


def _subject(record: logging.LogRecord) -> str:
    """Whose record it is, for a person: the run's name where there is one, else the logger's."""
    task_run, flow_run = TaskRunContext.get(), FlowRunContext.get()
    if record.name == "headrace.task_runs" and task_run is not None:
        return f"Task run {task_run.task_run.name!r}"
    named: str | None = getattr(record, "flow_run_name", None)
    if named is None and flow_run is not None:
        named = str(flow_run.flow_run.name)
    return f"Flow run {named!r}" if record.name in RUN_LOGGERS and named else record.name


def _is_colored() -> bool:
    return sys.stderr.isatty() and settings().logging_colors


class _Configured:
    is_done = False


def configure_logging() -> None:
    """Put the handlers in place, once for the process.

    Headrace's own records end at its console handler; the root logger and its handlers are the
    program's own affair. `logging_config_path` names a file that takes the place of all this.

    Raises:
        InvalidSetting: That file cannot be used, or the level is not one.
    """
    if _Configured.is_done:
        return
    _Configured.is_done = True
    current = settings()
    if current.logging_config_path is not None:
        _configure_from(current.logging_config_path)
        return
    ours = logging.getLogger("headrace")
    ours.setLevel(_level(current.logging_level))
    ours.addHandler(ConsoleHandler())
    ours.propagate = False
    if current.logging_to_api_enabled:
        to_api = RunLogHandler()
        for name in (*RUN_LOGGERS, *current.logging_extra_loggers):
            logging.getLogger(name).addHandler(to_api)


def unconfigure_logging() -> None:
    """Take our handlers away, so that the next `configure_logging` follows other settings."""
    _Configured.is_done = False
    for logger in logging.getLogger().manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            for handler in logger.handlers[:]:
                if isinstance(handler, RunLogHandler | ConsoleHandler):
                    logger.removeHandler(handler)


def _level(name: str) -> int:
    level = logging.getLevelNamesMapping().get(name.upper())
    if level is None and name.isdecimal():
        level = int(name)
    if level is None:
        message = f"HEADRACE_LOGGING_LEVEL is {name!r}; it must be DEBUG, INFO, WARNING, ERROR or CRITICAL"
        raise InvalidSetting(message)
    return level


def _configure_from(path: Path) -> None:
    if path.suffix == ".json":
        read = load("json:loads")
    elif path.suffix == ".toml":
        read = load("tomllib:loads")
    else:
        message = f"HEADRACE_LOGGING_CONFIG_PATH names {path}; it must be a .toml or .json file"
        raise InvalidSetting(message)
    try:
        content = read(path.read_text(encoding="utf-8"))
        load("logging.config:dictConfig")({"disable_existing_loggers": False, **content})
    except (OSError, ValueError, TypeError, AttributeError, ImportError) as error:
        message = f"{path} (HEADRACE_LOGGING_CONFIG_PATH) cannot be used: {error}"
        raise InvalidSetting(message) from error
