"""`headrace task-run …`."""

from uuid import UUID

import click

from headrace.cli.output import (
    OutputFormat,
    ago,
    output_option,
    print_json,
    show,
    show_list,
)
from headrace.cli.runs import log_filter, parse_types, print_log, read_logs
from headrace.cli.session import connect
from headrace.client import task_runs
from headrace.wire.filters import (
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterName,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from headrace.wire.task_runs import ReadTaskRunsBody, TaskRun, TaskRunSort

PAGE = 200  # what the API gives at most in one list


@click.group(name="task-run")
def task_run() -> None:
    """Inspect task runs."""


@task_run.command(name="ls")
@click.option("--flow-run", "flow_run_id", type=click.UUID, help="Only tasks of this flow run.")
@click.option("--task-run-name", "names", multiple=True, help="Only runs of this name.")
@click.option("--state-type", "types", multiple=True, help="Only runs in a state of this type.")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@output_option
def list_(
    flow_run_id: UUID | None,
    names: tuple[str, ...],
    types: tuple[str, ...],
    limit: int,
    output: OutputFormat,
) -> None:
    """List task runs, the newest first."""
    client = connect()
    state = TaskRunFilterState(type=TaskRunFilterStateType(any_=parse_types(types)))
    chosen = TaskRunFilter(
        flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]) if flow_run_id else None,
        name=TaskRunFilterName(any_=list(names)) if names else None,
        state=state if types else None,
    )
    found: list[TaskRun] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        body = ReadTaskRunsBody(
            task_runs=chosen,
            limit=size,
            offset=len(found),
            sort=TaskRunSort.EXPECTED_START_TIME_DESC,
        )
        page = task_runs.list_task_runs(client, body)
        found += page
        if len(page) < size:
            break
    rows = [[t.name, t.state_name, ago(t.expected_start_time), t.run_count, t.id] for t in found]
    columns = ["task run", "state", "when", "attempts", "id"]
    show_list(columns, rows, output, whole=found, empty="No task runs.")


@task_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@output_option
def inspect(run_id: UUID, output: OutputFormat) -> None:
    """Show one task run."""
    run = task_runs.read_task_run(connect(), run_id)
    fields = {
        "name": run.name,
        "state": run.state_name,
        "message": run.state.message if run.state else None,
        "flow run": run.flow_run_id,
        "started": run.start_time,
        "ended": run.end_time,
        "attempts": run.run_count,
        "tags": ", ".join(run.tags),
        "id": run.id,
    }
    show(fields, output, whole=run)


@task_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--num-logs", "-n", type=click.IntRange(min=1), help="How many lines.")
@click.option("--reverse", "-r", is_flag=True, help="The newest first.")
@output_option
def logs(run_id: UUID, *, num_logs: int | None, reverse: bool, output: OutputFormat) -> None:
    """Print a task run's logs."""
    client = connect()
    task_runs.read_task_run(client, run_id)
    entries = read_logs(
        client, log_filter(task_run_id=run_id), limit=num_logs, newest_first=reverse
    )
    if output is OutputFormat.JSON:
        print_json(entries)
        return
    for entry in entries:
        print_log(entry)
