"""`headrace concurrency-limit …`: how many task runs of a tag may run at once."""

import click

from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, output_option, show, show_list
from headrace.cli.session import confirm, connect
from headrace.client import concurrency_limits
from headrace.wire.concurrency_limits import (
    ConcurrencyLimitCreate,
    ReadConcurrencyLimitsBody,
    ResetConcurrencyLimitByTagBody,
)


@click.group(name="concurrency-limit", cls=Group)
def concurrency_limit() -> None:
    """Limit how many task runs of a tag run at once."""


@concurrency_limit.command()
@click.argument("tag")
@click.argument("concurrency_limit", type=click.IntRange(min=0), metavar="CONCURRENCY_LIMIT")
def create(tag: str, concurrency_limit: int) -> None:
    """Let at most so many task runs of a tag run at once; changes the limit if there is one."""
    body = ConcurrencyLimitCreate(tag=tag, concurrency_limit=concurrency_limit)
    concurrency_limits.create_tag_limit(connect(), body)
    done(f"tag {tag}: at most {concurrency_limit} task runs at one time")


@concurrency_limit.command()
@click.argument("tag")
@output_option
def inspect(tag: str, output: OutputFormat) -> None:
    """Show a tag's limit, and which task runs hold its slots."""
    found = concurrency_limits.read_tag_limit(connect(), tag)
    fields = {
        "tag": found.tag,
        "limit": found.concurrency_limit,
        "held by": ", ".join(map(str, found.active_slots)),
        "updated": found.updated,
        "id": found.id,
    }
    show(fields, output, whole=found)


@concurrency_limit.command(name="ls")
@click.option("--limit", type=click.IntRange(min=1), default=15, help="How many at most.")
@click.option("--offset", type=click.IntRange(min=0), default=0, help="How many to pass over.")
@output_option
def list_(limit: int, offset: int, output: OutputFormat) -> None:
    """List the limits of tags."""
    body = ReadConcurrencyLimitsBody(limit=limit, offset=offset)
    found = concurrency_limits.list_tag_limits(connect(), body)
    rows = [[c.tag, c.concurrency_limit, len(c.active_slots), ago(c.updated)] for c in found]
    empty = "No tag has a limit. Set one: headrace concurrency-limit create TAG LIMIT"
    show_list(["tag", "limit", "live", "updated"], rows, output, whole=found, empty=empty)


@concurrency_limit.command()
@click.argument("tag")
def reset(tag: str) -> None:
    """Free all slots of a tag, whoever holds them."""
    concurrency_limits.reset_tag_limit(connect(), tag, ResetConcurrencyLimitByTagBody())
    done(f"tag {tag}: all slots are free")


@concurrency_limit.command()
@click.argument("tag")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(tag: str, *, yes: bool) -> None:
    """Take a tag's limit away."""
    client = connect()
    concurrency_limits.read_tag_limit(client, tag)
    confirm(f"Delete the limit of the tag {tag}?", is_agreed=yes)
    concurrency_limits.delete_tag_limit(client, tag)
    done(f"tag {tag} has no limit")
