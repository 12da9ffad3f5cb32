"""`headrace task-run …`."""

from uuid import UUID

import click

from headrace.cli.groups import Group
from headrace.cli.output import (
    OutputFormat,
    ago,
    output_option,
    show,
    show_list,
)
from headrace.cli.runs import LogChoice, log_filter, log_options, parse_types, show_logs
from headrace.cli.session import connect, open_page
from headrace.client import task_runs
from headrace.client.pages import read_pages
from headrace.wire.filters import (
    Operator,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterName,
    TaskRunFilterState,
    TaskRunFilterStateName,
    TaskRunFilterStateType,
)
from headrace.wire.task_runs import ReadTaskRunsBody, TaskRunSort


@click.group(name="task-run", cls=Group)
def task_run() -> None:
    """Inspect task runs."""


@task_run.command(name="ls")
@click.option("--flow-run", "flow_run_id", type=click.UUID, help="Only tasks of this flow run.")
@click.option("--task-run-name", "names", multiple=True, help="Only runs of this name.")
@click.option("--state", "states", multiple=True, help="Only runs in the state of this name.")
@click.option("--state-type", "types", multiple=True, help="Only runs in a state of this type.")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@output_option
def list_(
    flow_run_id: UUID | None,
    names: tuple[str, ...],
    states: tuple[str, ...],
    types: tuple[str, ...],
    limit: int,
    output: OutputFormat,
) -> None:
    """List task runs, the newest first."""
    client = connect()
    state = TaskRunFilterState(
        operator=Operator.OR,
        name=TaskRunFilterStateName(any_=list(states)) if states else None,
        type=TaskRunFilterStateType(any_=parse_types(types)) if types else None,
    )
    chosen = TaskRunFilter(
        flow_run_id=TaskRunFilterFlowRunId(any_=[flow_run_id]) if flow_run_id else None,
        name=TaskRunFilterName(any_=list(names)) if names else None,
        state=state if states or types else None,
    )
    found = read_pages(
        lambda size, at: task_runs.list_task_runs(
            client,
            ReadTaskRunsBody(
                task_runs=chosen,
                limit=size,
                offset=at,
                sort=TaskRunSort.EXPECTED_START_TIME_DESC,
            ),
        ),
        limit,
    )
    rows = [[t.name, t.state_name, ago(t.expected_start_time), t.run_count, t.id] for t in found]
    columns = ["task run", "state", "when", "attempts", "id"]
    show_list(columns, rows, output, whole=found, empty="No task runs.")


@task_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--web", is_flag=True, help="Open its page in a browser.")
@output_option
def inspect(run_id: UUID, output: OutputFormat, *, web: bool) -> None:
    """Show one task run."""
    client = connect()
    run = task_runs.read_task_run(client, run_id)
    if web:
        open_page(client, f"runs/task-run/{run.id}")
        return
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
@log_options
@output_option
def logs(run_id: UUID, wanted: LogChoice, output: OutputFormat) -> None:
    """Print a task run's logs."""
    client = connect()
    task_runs.read_task_run(client, run_id)
    show_logs(client, log_filter(task_run_id=run_id), wanted, output)
