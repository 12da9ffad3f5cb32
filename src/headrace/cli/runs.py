"""What the groups for flow runs and task runs share: state filters, and following a run."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import wraps
from typing import NamedTuple
from uuid import UUID

import click

from headrace.cli.output import STATE_COLOURS, OutputFormat, ago, print_json, show_list
from headrace.client import Client, flow_runs, logs
from headrace.client.pages import PAGE, read_pages
from headrace.wire.flow_runs import FlowRunResponse
from headrace.wire.logs import (
    Log,
    LogFilter,
    LogFilterFlowRunId,
    LogFilterTaskRunId,
    LogSort,
    ReadLogsBody,
)
from headrace.wire.states import StateType
from headrace.wire.work_pools import WorkerFlowRunResponse

DEFAULT_LOGS = 20  # lines of --head and --tail
TERMINAL = {StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED}
FOLLOW_SECONDS = 0.5  # between two looks at a run that is followed
LEVELS = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}
LEVEL_COLOURS = {30: "yellow", 40: "red", 50: "red"}


def parse_types(names: tuple[str, ...]) -> list[StateType]:
    """State types as a person writes them, in any case.

    Raises:
        click.UsageError: One is not a state type.
    """
    try:
        return [StateType(name.upper()) for name in names]
    except ValueError as error:
        message = f"{error}; state types are {', '.join(sorted(StateType))}"
        raise click.UsageError(message) from error


def show_due(
    found: Sequence[WorkerFlowRunResponse], where: str, hours: int, output: OutputFormat
) -> None:
    """The runs that a pool or queue will deliver within some hours."""
    columns = ("run", "state", "due", "id")
    runs = [one.flow_run for one in found]
    rows = [[r.name, r.state_name, ago(r.next_scheduled_start_time), r.id] for r in runs]
    empty = f"Nothing is due in {where} within {hours} h."
    show_list(columns, rows, output, whole=found, empty=empty)


def log_filter(*, flow_run_id: UUID | None = None, task_run_id: UUID | None = None) -> LogFilter:
    """The logs of one run."""
    return LogFilter(
        flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]) if flow_run_id else None,
        task_run_id=LogFilterTaskRunId(any_=[task_run_id]) if task_run_id else None,
    )


def read_logs(
    client: Client, chosen: LogFilter, *, limit: int | None, newest_first: bool = False
) -> list[Log]:
    """Logs in order of time, or the newest first."""
    sort = LogSort.TIMESTAMP_DESC if newest_first else LogSort.TIMESTAMP_ASC
    return read_pages(
        lambda size, at: logs.list_logs(
            client, ReadLogsBody(logs=chosen, limit=size, offset=at, sort=sort)
        ),
        limit,
    )


class LogChoice(NamedTuple):
    """Which lines of a run's logs are wanted: what `log_options` say."""

    head: bool
    tail: bool
    num_logs: int | None
    reverse: bool


def log_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of commands that print a run's logs; they come as one argument, `wanted`."""

    @wraps(command)
    def chosen(
        *, head: bool, tail: bool, num_logs: int | None, reverse: bool, **others: object
    ) -> None:
        command(wanted=LogChoice(head, tail, num_logs, reverse), **others)

    for option in (
        click.option("--reverse", "-r", is_flag=True, help="The newest first."),
        click.option("--num-logs", "-n", type=click.IntRange(min=1), help="How many lines."),
        click.option("--tail", "-t", is_flag=True, help=f"The last {DEFAULT_LOGS} lines."),
        click.option("--head", "-h", is_flag=True, help=f"The first {DEFAULT_LOGS} lines."),
    ):
        chosen = option(chosen)
    return chosen


def show_logs(client: Client, chosen: LogFilter, wanted: LogChoice, output: OutputFormat) -> None:
    """Print a run's logs.

    Raises:
        click.UsageError: Both the first and the last are asked for.
    """
    if wanted.head and wanted.tail:
        message = "--head and --tail exclude each other"
        raise click.UsageError(message)
    limit = wanted.num_logs or (DEFAULT_LOGS if wanted.head or wanted.tail else None)
    newest_first = wanted.tail or wanted.reverse
    entries = read_logs(client, chosen, limit=limit, newest_first=newest_first)
    if wanted.tail and not wanted.reverse:
        entries.reverse()
    if output is OutputFormat.JSON:
        print_json(entries)
        return
    for entry in entries:
        print_log(entry)


def print_log(entry: Log) -> None:
    """One line of log."""
    level = LEVELS.get(entry.level, str(entry.level))
    colour = LEVEL_COLOURS.get(entry.level)
    stamp = entry.timestamp.astimezone().strftime("%H:%M:%S.%f")[:-3]
    click.echo(
        f"{click.style(stamp, dim=True)} {click.style(f'{level:<8}', fg=colour)} {entry.message}"
    )


def print_state(run: FlowRunResponse, moment: datetime | None = None) -> None:
    """The run's state, as one line that stands out among its logs."""
    stamp = (moment or datetime.now().astimezone()).strftime("%H:%M:%S")
    name = run.state_name or "no state"
    colour = STATE_COLOURS.get(run.state_type.value if run.state_type else "")
    message = f": {run.state.message}" if run.state and run.state.message else ""
    click.echo(f"{click.style(stamp, dim=True)} {click.style(name, fg=colour, bold=True)}{message}")


def is_over(run: FlowRunResponse) -> bool:
    """Whether the run's state is its last."""
    return run.state_type in TERMINAL


def follow(
    client: Client,
    flow_run_id: UUID,
    *,
    on_log: Callable[[Log], None] = print_log,
    on_state: Callable[[FlowRunResponse], None] = print_state,
    until: Callable[[FlowRunResponse], bool] | None = None,
    seconds: float | None = None,
    pause: float | None = None,
    skip_logs: int = 0,
) -> FlowRunResponse:
    """Tell every new state and log of a run until it is terminal (or `until` holds).

    Args:
        client: Where to look.
        flow_run_id: The run.
        on_log: Called with each new log, in order.
        on_state: Called with the run at each change of its state.
        until: Stop when this holds; by default when the run is terminal.
        seconds: Stop after this long at the latest.
        pause: Seconds between two looks at it.
        skip_logs: How many of its logs were told already.

    Returns:
        The run as it was seen last.
    """
    stop = until or is_over
    deadline = None if seconds is None else time.monotonic() + seconds
    seen_logs = skip_logs
    seen_state: UUID | None = None
    while True:
        run = flow_runs.read_flow_run(client, flow_run_id)
        for entry in _logs_after(client, flow_run_id, seen_logs):
            seen_logs += 1
            on_log(entry)
        if run.state_id != seen_state:
            seen_state = run.state_id
            on_state(run)
        if stop(run):
            return run
        if deadline is not None and time.monotonic() > deadline:
            return run
        time.sleep(pause or FOLLOW_SECONDS)


def _logs_after(client: Client, flow_run_id: UUID, seen: int) -> Iterator[Log]:
    while True:
        body = ReadLogsBody(
            logs=log_filter(flow_run_id=flow_run_id),
            limit=PAGE,
            offset=seen,
            sort=LogSort.TIMESTAMP_ASC,
        )
        page = logs.list_logs(client, body)
        yield from page
        seen += len(page)
        if len(page) < PAGE:
            return
