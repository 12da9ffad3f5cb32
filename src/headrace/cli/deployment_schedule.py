"""`headrace deployment schedule …`."""

from datetime import datetime
from typing import Any
from uuid import UUID

import click
import msgspec
from msgspec import UNSET

from headrace.cli.deployment_names import find
from headrace.cli.groups import Group
from headrace.cli.moments import parse_moment
from headrace.cli.output import OutputFormat, done, output_option, show_list
from headrace.cli.session import confirm, connect
from headrace.client import Client, schedules
from headrace.core.misfires import POLICIES, Policy
from headrace.deployments.project.changes import tell_misfire
from headrace.wire.deployments import (
    DeploymentSchedule,
    DeploymentScheduleCreate,
    DeploymentScheduleUpdate,
)
from headrace.wire.misfires import MisfireOptions, MisfirePolicy
from headrace.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

_yes_option = click.option("--yes", "--accept-yes", "-y", is_flag=True, help="Do not ask.")


@click.group(cls=Group)
def schedule() -> None:
    """Work with a deployment's schedules."""


@schedule.command(name="ls")
@click.argument("name")
@output_option
def list_(name: str, output: OutputFormat) -> None:
    """List the schedules of a deployment."""
    client = connect()
    found = schedules.list_schedules(client, find(client, name).id)
    rows = [[f"{_words(s)}{tell_misfire(s.misfire)}", s.active, s.slug, s.id] for s in found]
    empty = f"Deployment {name} has no schedules."
    show_list(["schedule", "active", "slug", "id"], rows, output, whole=found, empty=empty)


def _words(entry: DeploymentSchedule) -> str:
    fields: dict[str, Any] = msgspec.json.decode(entry.schedule)
    zone = fields.get("timezone") or "UTC"
    if "cron" in fields:
        return f"cron {fields['cron']} ({zone})"
    if "interval" in fields:
        return f"every {fields['interval']} s"
    return f"{fields.get('rrule')} ({zone})"


@schedule.command()
@click.argument("name")
@click.option("--interval", type=click.FloatRange(min=0, min_open=True), help="Seconds.")
@click.option("--anchor-date", metavar="MOMENT", help="Where counting of the interval begins.")
@click.option("--cron", help="A cron expression.")
@click.option("--day_or/--no-day_or", default=True, help="Cron: either of the two day fields.")
@click.option("--rrule", help="An RRULE of RFC 5545.")
@click.option("--timezone", help="A name as Europe/Berlin.")
@click.option("--active/--no-active", default=True, help="Whether it makes runs.")
@click.option("--slug", help="A name for the schedule, unique in the deployment.")
@click.option(
    "--misfire",
    type=click.Choice(POLICIES),
    help="What becomes of times that passed unused; without it, runs that were planned run late.",
)
@click.option(
    "--max-lateness",
    type=click.FloatRange(min=0),
    help="Seconds that a run may begin late, with --misfire.",
)
@click.option("--replace", is_flag=True, help="Take the other schedules away.")
@_yes_option
def create(
    name: str,
    interval: float | None,
    anchor_date: str | None,
    cron: str | None,
    rrule: str | None,
    timezone: str | None,
    slug: str | None,
    misfire: Policy | None,
    max_lateness: float | None,
    *,
    day_or: bool,
    active: bool,
    replace: bool,
    yes: bool,
) -> None:
    """Add a schedule to a deployment: --interval, --cron or --rrule."""
    if sum(given is not None for given in (interval, cron, rrule)) != 1:
        message = "give one of --interval, --cron and --rrule"
        raise click.UsageError(message)
    if max_lateness is not None and misfire is None:
        message = "--max-lateness belongs to a policy: give --misfire, too"
        raise click.UsageError(message)
    client = connect()
    deployment_id = find(client, name).id
    if replace:
        _clear(client, deployment_id, name, yes=yes)
    anchor = parse_moment(anchor_date) if anchor_date else None
    body = DeploymentScheduleCreate(
        schedule=_encode(interval, anchor, cron, rrule, timezone, day_or=day_or),
        active=active,
        slug=slug,
        misfire=UNSET
        if misfire is None
        else MisfireOptions(policy=MisfirePolicy(misfire), max_lateness=max_lateness),
    )
    made = schedules.create_schedules(client, deployment_id, [body])
    done(f"schedule {made[0].id} added to {name}")


def _encode(
    interval: float | None,
    anchor: datetime | None,
    cron: str | None,
    rrule: str | None,
    timezone: str | None,
    *,
    day_or: bool,
) -> msgspec.Raw:
    chosen: CronSchedule | IntervalSchedule | RRuleSchedule
    if interval is not None:
        chosen = IntervalSchedule(interval=interval, anchor_date=anchor or UNSET, timezone=timezone)
    elif cron is not None:
        chosen = CronSchedule(cron=cron, day_or=day_or, timezone=timezone)
    else:
        chosen = RRuleSchedule(rrule=str(rrule), timezone=timezone or "UTC")
    return msgspec.Raw(msgspec.json.encode(chosen))


@schedule.command()
@click.argument("deployment_name")
@click.argument("schedule_id", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="All schedules of the deployment.")
def pause(deployment_name: str, schedule_id: UUID | None, *, every: bool) -> None:
    """Have a schedule make no runs."""
    _switch(deployment_name, schedule_id, every=every, active=False)


@schedule.command()
@click.argument("deployment_name")
@click.argument("schedule_id", type=click.UUID, required=False)
@click.option("--all", "every", is_flag=True, help="All schedules of the deployment.")
def resume(deployment_name: str, schedule_id: UUID | None, *, every: bool) -> None:
    """Have a schedule make runs again."""
    _switch(deployment_name, schedule_id, every=every, active=True)


def _switch(name: str, schedule_id: UUID | None, *, every: bool, active: bool) -> None:
    if (schedule_id is None) != every:
        message = "name one schedule by its id, or all with --all"
        raise click.UsageError(message)
    client = connect()
    deployment_id = find(client, name).id
    ids = (
        [s.id for s in schedules.list_schedules(client, deployment_id)] if every else [schedule_id]
    )
    for each in ids:
        if each is not None:
            change = DeploymentScheduleUpdate(active=active)
            schedules.update_schedule(client, deployment_id, each, change)
    done(f"{len(ids)} schedule(s) of {name} {'resumed' if active else 'paused'}")


@schedule.command()
@click.argument("name")
@click.argument("schedule_id", type=click.UUID)
@_yes_option
def delete(name: str, schedule_id: UUID, *, yes: bool) -> None:
    """Take one schedule away."""
    client = connect()
    deployment_id = find(client, name).id
    confirm(f"Delete the schedule {schedule_id} of {name}?", is_agreed=yes)
    schedules.delete_schedule(client, deployment_id, schedule_id)
    done(f"schedule {schedule_id} deleted")


@schedule.command()
@click.argument("name")
@_yes_option
def clear(name: str, *, yes: bool) -> None:
    """Take all schedules of a deployment away."""
    client = connect()
    _clear(client, find(client, name).id, name, yes=yes)
    done(f"{name} has no schedules")


def _clear(client: Client, deployment_id: UUID, name: str, *, yes: bool) -> None:
    found = schedules.list_schedules(client, deployment_id)
    if found:
        confirm(f"Delete the {len(found)} schedule(s) of {name}?", is_agreed=yes)
    for each in found:
        schedules.delete_schedule(client, deployment_id, each.id)
