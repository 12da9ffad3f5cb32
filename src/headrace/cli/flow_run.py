"""`headrace flow-run …`."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import click

from headrace.cli import approval
from headrace.cli.documents import read_assignments, read_object
from headrace.cli.output import (
    OutputFormat,
    ago,
    done,
    hint,
    output_option,
    print_json,
    show,
    show_list,
)
from headrace.cli.root import FAILED
from headrace.cli.runs import (
    TERMINAL,
    follow,
    log_filter,
    parse_types,
    print_log,
    read_logs,
)
from headrace.cli.session import confirm, connect, may_ask
from headrace.client import Client, claims, flow_runs, flows
from headrace.errors import Conflict
from headrace.wire.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
    Operator,
)
from headrace.wire.flow_runs import (
    FlowRunResponse,
    FlowRunSort,
    ReadFlowRunsBody,
    SetFlowRunStateBody,
)
from headrace.wire.orchestration import SetStateStatus
from headrace.wire.states import StateCreate, StateType

PAGE = 200  # what the API gives at most in one list
DEFAULT_LOGS = 20


@click.group(name="flow-run")
def flow_run() -> None:
    """Watch, inspect, cancel and resume flow runs."""


@flow_run.command(name="ls")
@click.option("--flow-name", "flow_names", multiple=True, help="Only runs of this flow.")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@click.option("--state", "names", multiple=True, help="Only runs in the state of this name.")
@click.option("--state-type", "types", multiple=True, help="Only runs in a state of this type.")
@output_option
def list_(
    flow_names: tuple[str, ...],
    limit: int,
    names: tuple[str, ...],
    types: tuple[str, ...],
    output: OutputFormat,
) -> None:
    """List flow runs, the newest first."""
    client = connect()
    chosen = FlowRunFilterState(
        operator=Operator.OR,
        name=FlowRunFilterStateName(any_=list(names)) if names else None,
        type=FlowRunFilterStateType(any_=parse_types(types)) if types else None,
    )
    named = FlowFilter(name=FlowFilterName(any_=list(flow_names))) if flow_names else None
    found: list[FlowRunResponse] = []
    while len(found) < limit:
        size = min(PAGE, limit - len(found))
        body = ReadFlowRunsBody(
            flows=named,
            flow_runs=FlowRunFilter(state=chosen) if names or types else None,
            limit=size,
            offset=len(found),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        )
        page = flow_runs.list_flow_runs(client, body)
        found += page
        if len(page) < size:
            break
    flow_of = _flow_names(client, found)
    rows = [
        [r.name, flow_of.get(r.flow_id, ""), r.state_name, ago(r.expected_start_time), r.id]
        for r in found
    ]
    columns = ["run", "flow", "state", "when", "id"]
    show_list(columns, rows, output, whole=found, empty="No flow runs.")


def _flow_names(client: Client, runs: list[FlowRunResponse]) -> dict[UUID, str]:
    return {flow_id: flows.read_flow(client, flow_id).name for flow_id in {r.flow_id for r in runs}}


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@output_option
def inspect(run_id: UUID, output: OutputFormat) -> None:
    """Show one flow run, and what it waits for."""
    client = connect()
    run = flow_runs.read_flow_run(client, run_id)
    if output is OutputFormat.JSON:
        print_json(run)
        return
    show(
        {
            "name": run.name,
            "flow": flows.read_flow(client, run.flow_id).name,
            "state": run.state_name,
            "message": run.state.message if run.state else None,
            "waits for": _wait(client, run),
            "parameters": run.parameters,
            "tags": ", ".join(run.tags),
            "expected": run.expected_start_time,
            "started": run.start_time,
            "ended": run.end_time,
            "took": str(timedelta(seconds=round(run.total_run_time, 3))),
            "attempts": run.run_count,
            "work pool": run.work_pool_name,
            "work queue": run.work_queue_name,
            "infrastructure": run.infrastructure_pid,
            "id": run.id,
        },
        output,
    )


def _wait(client: Client, run: FlowRunResponse) -> str | None:
    if run.state_type in {*TERMINAL, StateType.RUNNING}:
        return None
    return claims.read_wait_reason(client, run.id).message


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--head", "-h", is_flag=True, help=f"The first {DEFAULT_LOGS} lines.")
@click.option("--tail", "-t", is_flag=True, help=f"The last {DEFAULT_LOGS} lines.")
@click.option("--num-logs", "-n", type=click.IntRange(min=1), help="How many lines.")
@click.option("--reverse", "-r", is_flag=True, help="The newest first.")
@output_option
def logs(
    run_id: UUID,
    *,
    head: bool,
    tail: bool,
    num_logs: int | None,
    reverse: bool,
    output: OutputFormat,
) -> None:
    """Print a flow run's logs."""
    client = connect()
    flow_runs.read_flow_run(client, run_id)
    if head and tail:
        message = "--head and --tail exclude each other"
        raise click.UsageError(message)
    limit = num_logs or (DEFAULT_LOGS if head or tail else None)
    entries = read_logs(
        client, log_filter(flow_run_id=run_id), limit=limit, newest_first=tail or reverse
    )
    if tail and not reverse:
        entries.reverse()
    if output is OutputFormat.JSON:
        print_json(entries)
        return
    for entry in entries:
        print_log(entry)


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--timeout", type=click.IntRange(min=0), help="Seconds to watch at most.")
def watch(run_id: UUID, timeout: int | None) -> None:
    """Follow a flow run until it ends; exit code 1 when it did not complete."""
    client = connect()
    run = follow(client, run_id, seconds=timeout)
    if run.state_type not in TERMINAL:
        message = f"run {run.name} is still {run.state_name} after {timeout} s"
        raise click.ClickException(message)
    if run.state_type is not StateType.COMPLETED:
        raise click.exceptions.Exit(FAILED)


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
def cancel(run_id: UUID) -> None:
    """Stop a flow run and its infrastructure."""
    client = connect()
    run = flow_runs.read_flow_run(client, run_id)
    if run.state_type in TERMINAL:
        message = f"run {run.name} has ended already: {run.state_name}"
        raise Conflict(message)
    state = StateCreate(type=StateType.CANCELLING)
    result = flow_runs.set_flow_run_state(client, run_id, SetFlowRunStateBody(state=state))
    if result.status in {SetStateStatus.ABORT, SetStateStatus.WAIT}:
        message = f"run {run.name} was not cancelled: {getattr(result.details, 'reason', '')}"
        raise Conflict(message)
    now = result.state.name if result.state else "changed"
    done(f"run {run.name} is {now}")


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(run_id: UUID, *, yes: bool) -> None:
    """Delete a flow run with its tasks and logs."""
    client = connect()
    run = flow_runs.read_flow_run(client, run_id)
    confirm(f"Delete the flow run {run.name} with its task runs and logs?", is_agreed=yes)
    flow_runs.delete_flow_run(client, run_id)
    done(f"flow run {run.name} deleted")


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@click.option("--input", "-i", "fields", multiple=True, metavar="NAME=VALUE", help="One answer.")
@click.option("--inputs", metavar="JSON", help="All answers as a JSON object; '-' reads them.")
def resume(run_id: UUID, fields: tuple[str, ...], inputs: str | None) -> None:
    """Let a paused run go on; asks for the input that it waits for."""
    client = connect()
    run = flow_runs.read_flow_run(client, run_id)
    answers: dict[str, Any] | None = read_object(inputs, "--inputs") if inputs else None
    if fields:
        answers = {**(answers or {}), **read_assignments(fields, "--input")}
    text, schema = approval.asked_of(client, run)
    if answers is None and schema is not None:
        answers = _ask_for(text, schema)
    approval.resume(client, run, answers)
    done(f"run {run.name} goes on")


def _ask_for(text: str | None, schema: approval.Schema) -> dict[str, Any]:
    if not may_ask():
        names = " ".join(f"--input {name}=…" for name in schema.get("properties", {}))
        message = f"the run waits for input, and there is no terminal to ask at: give it as {names}"
        raise click.UsageError(message)
    if text:
        hint(text)
    return approval.ask(schema)
