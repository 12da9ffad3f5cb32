"""`headrace global-concurrency-limit …`: limits by name, for whatever asks for their slots."""

from pathlib import Path

import click
from msgspec import UNSET

from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, json_text, output_option, show, show_list
from headrace.cli.session import confirm, connect
from headrace.client import concurrency_limits
from headrace.client.pages import read_pages
from headrace.wire.concurrency_limits import (
    ConcurrencyLimitV2Create,
    ConcurrencyLimitV2Update,
    ReadAllConcurrencyLimitsV2Body,
)


@click.group(name="global-concurrency-limit", cls=Group)
def global_concurrency_limit() -> None:
    """Limits by name, for runs and for code that asks for a slot."""


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--limit", "-l", type=click.IntRange(min=0), required=True, help="How many slots.")
@click.option("--disable", is_flag=True, help="Make it without effect for now.")
@click.option("--active-slots", type=click.IntRange(min=0), default=0, help="How many are taken.")
@click.option(
    "--slot-decay-per-second",
    type=click.FloatRange(min=0),
    default=0.0,
    help="How many slots free themselves a second: a rate limit.",
)
def create(
    name: str, limit: int, active_slots: int, slot_decay_per_second: float, *, disable: bool
) -> None:
    """Make a limit."""
    body = ConcurrencyLimitV2Create(
        name=name,
        limit=limit,
        active=not disable,
        active_slots=active_slots,
        slot_decay_per_second=slot_decay_per_second,
    )
    made = concurrency_limits.create_limit(connect(), body)
    done(f"limit {name} made, {limit} slot(s), id {made.id}")


@global_concurrency_limit.command(name="ls")
@output_option
def list_(output: OutputFormat) -> None:
    """List all limits."""
    client = connect()
    found = read_pages(
        lambda size, at: concurrency_limits.list_limits(
            client, ReadAllConcurrencyLimitsV2Body(limit=size, offset=at)
        )
    )
    rows = [
        [c.name, c.limit, c.active_slots, c.active, c.slot_decay_per_second or "", ago(c.updated)]
        for c in found
    ]
    columns = ["name", "limit", "live", "active", "freed a second", "updated"]
    empty = "There are no limits. Make one: headrace global-concurrency-limit create NAME --limit 1"
    show_list(columns, rows, output, whole=found, empty=empty)


@global_concurrency_limit.command()
@click.argument("name")
@output_option
@click.option(
    "--file", "-f", "path", type=click.Path(dir_okay=False, path_type=Path), help="Write JSON here."
)
def inspect(name: str, output: OutputFormat, path: Path | None) -> None:
    """Show one limit."""
    found = concurrency_limits.read_limit(connect(), name)
    if path is not None:
        path.write_text(json_text(found) + "\n", encoding="utf-8")
        done(f"written: {path}")
        return
    fields = {
        "name": found.name,
        "limit": found.limit,
        "live": found.active_slots,
        "active": found.active,
        "freed a second": found.slot_decay_per_second,
        "updated": found.updated,
        "id": found.id,
    }
    show(fields, output, whole=found)


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--enable", is_flag=True, help="Give it effect.")
@click.option("--disable", is_flag=True, help="Take its effect away.")
@click.option("--limit", "-l", type=click.IntRange(min=0), help="How many slots.")
@click.option("--active-slots", type=click.IntRange(min=0), help="How many are taken.")
@click.option("--slot-decay-per-second", type=click.FloatRange(min=0), help="Slots freed a second.")
def update(
    name: str,
    limit: int | None,
    active_slots: int | None,
    slot_decay_per_second: float | None,
    *,
    enable: bool,
    disable: bool,
) -> None:
    """Change a limit."""
    if enable and disable:
        message = "--enable and --disable exclude each other"
        raise click.UsageError(message)
    change = ConcurrencyLimitV2Update(
        active=enable if enable or disable else UNSET,
        limit=UNSET if limit is None else limit,
        active_slots=UNSET if active_slots is None else active_slots,
        slot_decay_per_second=UNSET if slot_decay_per_second is None else slot_decay_per_second,
    )
    if change == ConcurrencyLimitV2Update():
        message = "say what to change: --limit, --active-slots, --slot-decay-per-second, --enable"
        raise click.UsageError(message)
    concurrency_limits.update_limit(connect(), name, change)
    done(f"limit {name} changed")


@global_concurrency_limit.command()
@click.argument("name")
def enable(name: str) -> None:
    """Give a limit effect."""
    concurrency_limits.update_limit(connect(), name, ConcurrencyLimitV2Update(active=True))
    done(f"limit {name} has effect")


@global_concurrency_limit.command()
@click.argument("name")
def disable(name: str) -> None:
    """Take a limit's effect away; it keeps its slots."""
    concurrency_limits.update_limit(connect(), name, ConcurrencyLimitV2Update(active=False))
    done(f"limit {name} has no effect")


@global_concurrency_limit.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, *, yes: bool) -> None:
    """Delete a limit."""
    client = connect()
    concurrency_limits.read_limit(client, name)
    confirm(f"Delete the limit {name}?", is_agreed=yes)
    concurrency_limits.delete_limit(client, name)
    done(f"limit {name} deleted")
