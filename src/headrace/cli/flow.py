"""`headrace flow …`."""

from datetime import timedelta

import click

from headrace._bindings import load
from headrace.cli.groups import Group
from headrace.cli.moments import parse_moment
from headrace.cli.output import OutputFormat, ago, output_option, show_list
from headrace.cli.session import connect
from headrace.client import flows
from headrace.client.pages import read_pages
from headrace.schedules import Schedule
from headrace.wire.flows import FlowSort, ReadFlowsBody


@click.group(cls=Group)
def flow() -> None:
    """List and serve flows."""


@flow.command(name="ls")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@output_option
def list_(limit: int, output: OutputFormat) -> None:
    """List flows, the newest first."""
    client = connect()
    found = read_pages(
        lambda size, at: flows.list_flows(
            client, ReadFlowsBody(limit=size, offset=at, sort=FlowSort.CREATED_DESC)
        ),
        limit,
    )
    rows = [[f.name, ago(f.created), f.id] for f in found]
    empty = "There are no flows yet: run one, or deploy one."
    show_list(["name", "created", "id"], rows, output, whole=found, empty=empty)


@flow.command()
@click.argument("entrypoint")
@click.option("--name", "-n", required=True, help="The deployment's name.")
@click.option("--description", "-d", help="For people; by default the flow's.")
@click.option("--version", "-v", help="A text of yours; by default the flow's.")
@click.option("--tag", "-t", "tags", multiple=True, help="A tag of the deployment; repeatable.")
@click.option("--cron", help="When it runs by itself: a cron expression.")
@click.option("--interval", type=click.IntRange(min=1), help="Seconds between its runs.")
@click.option("--anchor-date", metavar="MOMENT", help="Where counting of the interval begins.")
@click.option("--rrule", help="When it runs by itself: an RRULE of RFC 5545.")
@click.option("--timezone", help="The schedule's time zone, as Europe/Berlin.")
@click.option(
    "--pause-on-shutdown/--no-pause-on-shutdown",
    default=True,
    help="Whether its schedules make no runs while it is not served.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Runs at one time, of this process.")
@click.option("--global-limit", type=click.IntRange(min=1), help="Runs at one time, of all.")
def serve(
    entrypoint: str,
    name: str,
    description: str | None,
    version: str | None,
    tags: tuple[str, ...],
    cron: str | None,
    interval: int | None,
    anchor_date: str | None,
    rrule: str | None,
    timezone: str | None,
    limit: int | None,
    global_limit: int | None,
    *,
    pause_on_shutdown: bool,
) -> None:
    """Make a flow (path/file.py:name) a deployment, and run what is scheduled of it until Ctrl-C."""
    load("headrace.flows:load_flow_from_entrypoint")(entrypoint).serve(
        name,
        description=description,
        version=version,
        tags=list(tags),
        schedule=_schedule(interval, anchor_date, cron, rrule, timezone),
        pause_on_shutdown=pause_on_shutdown,
        limit=limit,
        global_limit=global_limit,
    )


def _schedule(
    interval: int | None,
    anchor_date: str | None,
    cron: str | None,
    rrule: str | None,
    timezone: str | None,
) -> Schedule | None:
    if interval is None and cron is None and rrule is None:
        return None
    try:
        return Schedule(
            interval=None if interval is None else timedelta(seconds=interval),
            cron=cron,
            rrule=rrule,
            timezone=timezone,
            anchor_date=parse_moment(anchor_date) if anchor_date else None,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
