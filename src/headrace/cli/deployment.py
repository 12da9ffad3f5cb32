"""`headrace deployment …`."""

from datetime import UTC, datetime
from typing import Any, cast

import click

from headrace.cli.deployment_names import find
from headrace.cli.deployment_schedule import schedule
from headrace.cli.documents import read_assignments, read_object
from headrace.cli.groups import Group
from headrace.cli.moments import parse_moment, parse_span
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
from headrace.cli.runs import follow
from headrace.cli.session import confirm, connect
from headrace.client import Client, deployments, flows
from headrace.client.pages import read_pages
from headrace.wire.deployments import (
    DeploymentFlowRunCreate,
    DeploymentResponse,
    DeploymentSort,
    ReadDeploymentsBody,
)
from headrace.wire.filters import FlowFilter, FlowFilterName
from headrace.wire.states import StateCreate, StateDetails, StateType


@click.group(cls=Group)
def deployment() -> None:
    """Work with deployments and run them."""


deployment.add_command(schedule)


@deployment.command(name="ls")
@click.argument("flow_name", required=False, nargs=-1)
@click.option("--flow-name", "flow_names", multiple=True, help="Only deployments of this flow.")
@click.option("--by-created", is_flag=True, help="The newest first, instead of by name.")
@output_option
def list_(
    flow_name: tuple[str, ...],
    flow_names: tuple[str, ...],
    *,
    by_created: bool,
    output: OutputFormat,
) -> None:
    """List deployments, all or those of some flows."""
    client = connect()
    wanted = [*flow_name, *flow_names]
    named = FlowFilter(name=FlowFilterName(any_=wanted)) if wanted else None
    sort = DeploymentSort.CREATED_DESC if by_created else DeploymentSort.NAME_ASC
    found = read_pages(
        lambda size, at: deployments.list_deployments(
            client, ReadDeploymentsBody(flows=named, limit=size, offset=at, sort=sort)
        )
    )
    flow_of = {i: flows.read_flow(client, i).name for i in {d.flow_id for d in found}}
    rows = [
        [f"{flow_of[d.flow_id]}/{d.name}", d.status, d.work_pool_name, _schedules(d), d.id]
        for d in found
    ]
    columns = ["deployment", "status", "pool", "schedules", "id"]
    empty = "There are no deployments. Make one: my_flow.deploy(name=…, work_pool_name=…)"
    show_list(columns, rows, output, whole=found, empty=empty)


def _schedules(found: DeploymentResponse) -> str:
    if not found.schedules:
        return ""
    active = 0 if found.paused else sum(s.active for s in found.schedules)
    return f"{active} of {len(found.schedules)} active"


@deployment.command()
@click.argument("name")
@output_option
def inspect(name: str, output: OutputFormat) -> None:
    """Show one deployment, by 'flow/deployment' or id."""
    found = find(connect(), name)
    fields = {
        "name": found.name,
        "description": found.description,
        "status": found.status,
        "paused": found.paused,
        "entrypoint": found.entrypoint,
        "path": found.path,
        "parameters": found.parameters,
        "work pool": found.work_pool_name,
        "work queue": found.work_queue_name,
        "job variables": found.job_variables,
        "schedules": _schedules(found),
        "tags": ", ".join(found.tags),
        "version": found.version,
        "id": found.id,
        "updated": found.updated,
    }
    show(fields, output, whole=found)


@deployment.command()
@click.argument("name", required=False)
@click.option("--id", "deployment_id", help="The deployment's id, instead of its name.")
@click.option("--param", "-p", "pairs", multiple=True, metavar="NAME=VALUE", help="One parameter.")
@click.option("--params", metavar="JSON", help="Parameters as a JSON object; '-' reads them.")
@click.option("--job-variable", "-jv", "variables", multiple=True, metavar="NAME=VALUE")
@click.option("--start-in", metavar="SPAN", help="How long from now, as 10m or '2 hours'.")
@click.option("--start-at", metavar="MOMENT", help="When, as '2026-11-21 14:00'.")
@click.option("--tag", "tags", multiple=True, help="A tag of the run; may be given several times.")
@click.option("--flow-run-name", help="The run's name.")
@click.option("--watch", is_flag=True, help="Follow the run until it ends.")
@click.option(
    "--watch-interval", type=click.IntRange(min=1), help="Seconds between two looks at the run."
)
@click.option("--watch-timeout", type=click.IntRange(min=1), help="Seconds to watch at most.")
@output_option
def run(
    name: str | None,
    deployment_id: str | None,
    pairs: tuple[str, ...],
    params: str | None,
    variables: tuple[str, ...],
    start_in: str | None,
    start_at: str | None,
    tags: tuple[str, ...],
    flow_run_name: str | None,
    *,
    watch: bool,
    watch_interval: int | None,
    watch_timeout: int | None,
    output: OutputFormat,
) -> None:
    """Run a deployment, now or later."""
    if (name is None) == (deployment_id is None):
        message = "name the deployment, as 'flow/deployment', or give its --id"
        raise click.UsageError(message)
    client = connect()
    found = find(client, name or str(deployment_id))
    parameters = {
        **(read_object(params, "--params") if params else {}),
        **read_assignments(pairs, "--param"),
    }
    _check_names(found, parameters)
    body = DeploymentFlowRunCreate(
        parameters=parameters,
        job_variables=read_assignments(variables, "--job-variable") or None,
        tags=list(tags),
        state=_scheduled(start_in, start_at),
    )
    if flow_run_name:
        body.name = flow_run_name
    made = deployments.create_flow_run_from_deployment(client, found.id, body)
    if output is OutputFormat.JSON and not watch:
        print_json(made)
        return
    done(f"run {made.name} ({made.id}) is {made.state_name}, due {ago(made.expected_start_time)}")
    if not watch:
        hint(f"Follow it: headrace flow-run watch {made.id}")
        return
    last = follow(client, made.id, seconds=watch_timeout, pause=watch_interval)
    if last.state_type is not StateType.COMPLETED:
        raise click.exceptions.Exit(FAILED)


def _check_names(found: DeploymentResponse, parameters: dict[str, Any]) -> None:
    """Refuse parameters that the flow does not have; what it has takes any value here."""
    schema = found.parameter_openapi_schema or {}
    known = schema.get("properties")
    if not isinstance(known, dict) or schema.get("additionalProperties"):
        return
    names = list(cast("dict[str, Any]", known))
    unknown = [name for name in parameters if name not in names]
    if unknown:
        has = f"it has: {', '.join(names)}" if names else "it has none"
        message = f"the flow of {found.name!r} has no parameter {', '.join(unknown)}; {has}"
        raise click.UsageError(message)


def _scheduled(start_in: str | None, start_at: str | None) -> StateCreate:
    if start_in and start_at:
        message = "--start-in and --start-at exclude each other"
        raise click.UsageError(message)
    moment = datetime.now(UTC)
    if start_in:
        moment += parse_span(start_in)
    if start_at:
        moment = parse_moment(start_at)
    return StateCreate(type=StateType.SCHEDULED, state_details=StateDetails(scheduled_time=moment))


@deployment.command()
@click.argument("name", required=False)
@click.option("--id", "deployment_id", help="The deployment's id, instead of its name.")
@click.option("--all", "every", is_flag=True, help="All deployments.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str | None, deployment_id: str | None, *, every: bool, yes: bool) -> None:
    """Delete a deployment, by 'flow/deployment' or id, or all."""
    if sum((name is not None, deployment_id is not None, every)) != 1:
        message = "name one deployment, give its --id, or say --all"
        raise click.UsageError(message)
    client = connect()
    if every:
        _delete_all(client, yes=yes)
        return
    named = name or str(deployment_id)
    found = find(client, named)
    confirm(f"Delete the deployment {named}?", is_agreed=yes)
    deployments.delete_deployment(client, found.id)
    done(f"deployment {named} deleted")


def _delete_all(client: Client, *, yes: bool) -> None:
    found = read_pages(
        lambda size, at: deployments.list_deployments(
            client, ReadDeploymentsBody(limit=size, offset=at)
        )
    )
    if found:
        confirm(f"Delete all {len(found)} deployment(s)?", is_agreed=yes)
    for each in found:
        deployments.delete_deployment(client, each.id)
    done(f"{len(found)} deployment(s) deleted")
