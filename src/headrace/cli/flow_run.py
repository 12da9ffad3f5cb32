"""`headrace flow-run …`."""

import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click

from headrace._bindings import load
from headrace.cli import approval
from headrace.cli.documents import read_assignments, read_object
from headrace.cli.groups import Group
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
    LogChoice,
    follow,
    log_filter,
    log_options,
    parse_types,
    print_state,
    show_logs,
)
from headrace.cli.session import confirm, connect, may_ask, open_page
from headrace.client import Client, claims, flow_runs, flows
from headrace.client.pages import read_pages
from headrace.errors import Conflict, ObjectNotFound
from headrace.wire.filters import (
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterName,
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
from headrace.wire.jobs import JobPart
from headrace.wire.orchestration import SetStateStatus
from headrace.wire.states import StateCreate, StateDetails, StateType


@click.group(name="flow-run", cls=Group)
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
    found = read_pages(
        lambda size, at: flow_runs.list_flow_runs(
            client,
            ReadFlowRunsBody(
                flows=named,
                flow_runs=FlowRunFilter(state=chosen) if names or types else None,
                limit=size,
                offset=at,
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            ),
        ),
        limit,
    )
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
@click.option("--web", is_flag=True, help="Open its page in a browser.")
@output_option
def inspect(run_id: UUID, output: OutputFormat, *, web: bool) -> None:
    """Show one flow run, and what it waits for."""
    client = connect()
    run = flow_runs.read_flow_run(client, run_id)
    if web:
        open_page(client, f"runs/flow-run/{run.id}")
        return
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


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@output_option
def job(run_id: UUID, output: OutputFormat) -> None:
    """Show what a flow run's job is made of: each value, and who gave it.

    It is told from the work pool, the deployment, the variables and the blocks as they are now.
    Secrets are masked.
    """
    account = claims.read_job(connect(), run_id)
    if output is OutputFormat.JSON:
        print_json(account)
        return
    rows = [[part.path, _value_of(part), ", ".join(part.sources)] for part in account.parts]
    nothing = "Its job cannot be made." if account.problems else "It has no work pool, so no job."
    show_list(["value", "is", "from"], rows, output, whole=account, empty=nothing)
    for line in account.problems:
        click.echo(line, err=True)
    for name in account.unknown:
        giver, _, variable = name.partition(": ")
        hint(
            f"The template has no variable {variable!r}, which the {giver} gives: it does nothing."
        )


def _value_of(part: JobPart) -> Any:
    return "(known to the worker)" if part.sources == ["worker settings"] else part.value


def _wait(client: Client, run: FlowRunResponse) -> str | None:
    if run.state_type in {*TERMINAL, StateType.RUNNING}:
        return None
    return claims.read_wait_reason(client, run.id).message


@flow_run.command()
@click.argument("run_id", type=click.UUID, metavar="ID")
@log_options
@output_option
def logs(run_id: UUID, wanted: LogChoice, output: OutputFormat) -> None:
    """Print a flow run's logs."""
    client = connect()
    flow_runs.read_flow_run(client, run_id)
    show_logs(client, log_filter(flow_run_id=run_id), wanted, output)


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
@click.argument("run", metavar="ID_OR_NAME")
@click.option(
    "--entrypoint",
    "-e",
    help="Where the flow is, path/file.py:name: of a run that no deployment made. It runs here.",
)
def retry(run: str, entrypoint: str | None) -> None:
    """Run a run that has ended once more: by its deployment, or here by its --entrypoint."""
    client = connect()
    found = _by_id_or_name(client, run)
    if found.state_type not in TERMINAL:
        message = f"run {found.name} has not ended: it is {found.state_name}"
        raise Conflict(message)
    if found.deployment_id is None and entrypoint is None:
        message = (
            f"no deployment made the run {found.name}, so nothing but this machine can run it: "
            "say where its flow is with --entrypoint path/file.py:name"
        )
        raise click.UsageError(message)
    state = StateCreate(
        type=StateType.SCHEDULED,
        name="AwaitingRetry",
        state_details=StateDetails(scheduled_time=datetime.now(UTC)),
    )
    body = SetFlowRunStateBody(state=state, force=True)
    result = flow_runs.set_flow_run_state(client, found.id, body)
    if result.status is not SetStateStatus.ACCEPT:
        message = f"run {found.name} stays as it is: {getattr(result.details, 'reason', '')}"
        raise Conflict(message)
    if entrypoint is None:
        done(f"run {found.name} is scheduled to run again")
        hint(f"Follow it: headrace flow-run watch {found.id}")
        return
    load("headrace.engine.execute:execute_flow_of_run")(found, entrypoint)
    last = flow_runs.read_flow_run(client, found.id)
    print_state(last)
    if last.state_type is not StateType.COMPLETED:
        raise click.exceptions.Exit(FAILED)


def _by_id_or_name(client: Client, text: str) -> FlowRunResponse:
    """The run of an id, or the only one of a name."""
    with suppress(ValueError):
        return flow_runs.read_flow_run(client, UUID(text))
    only = FlowRunFilter(name=FlowRunFilterName(any_=[text]))
    found = flow_runs.list_flow_runs(client, ReadFlowRunsBody(flow_runs=only, limit=2))
    if not found:
        message = f"there is no flow run of the id or name {text!r}"
        raise ObjectNotFound(message)
    if len(found) > 1:
        message = f"several flow runs are called {text!r}; give the id of one"
        raise Conflict(message)
    return found[0]


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


@flow_run.command()
@click.argument("run_id", type=click.UUID, required=False, metavar="[ID]")
@click.option("--id", "named", type=click.UUID, help="The same as an option.")
def execute(run_id: UUID | None, named: UUID | None) -> None:
    """Run a flow run in this process, as a container does; without an ID the environment's."""
    wanted = run_id or named
    sys.exit(load("headrace.engine.execute:main")(str(wanted) if wanted else None))
