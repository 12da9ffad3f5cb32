"""`headrace work-queue …`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, output_option, show, show_list
from headrace.cli.runs import show_due
from headrace.cli.session import confirm, connect
from headrace.client import work_pools, work_queues
from headrace.client.pages import read_pages
from headrace.settings import settings
from headrace.wire.work_pools import GetScheduledFlowRunsBody
from headrace.wire.work_queues import (
    ReadWorkQueueConcurrencyStatusBody,
    ReadWorkQueueRunsBody,
    ReadWorkQueuesBody,
    WorkQueueCreate,
    WorkQueueResponse,
    WorkQueueUpdate,
)


def _pool(_context: click.Context, _option: click.Parameter, value: str | None) -> str:
    pool = value or settings().deployments_default_work_pool_name
    if not pool:
        message = "name the work pool with --pool"
        raise click.UsageError(message)
    return pool


_pool_option = click.option(
    "--pool",
    "-p",
    metavar="NAME",
    callback=_pool,
    help="The work pool; by default the default one.",
)


@click.group(name="work-queue", cls=Group)
def work_queue() -> None:
    """Work with the queues of work pools."""


@work_queue.command()
@click.argument("name")
@_pool_option
@click.option("--limit", "-l", type=click.IntRange(min=0), help="Runs live at one time.")
@click.option("--priority", "-q", type=click.IntRange(min=1), help="1 is served first.")
@output_option
def create(
    name: str, pool: str, limit: int | None, priority: int | None, output: OutputFormat
) -> None:
    """Add a queue to a work pool."""
    body = WorkQueueCreate(name=name, concurrency_limit=limit, priority=priority)
    _card(work_queues.create_work_queue(connect(), pool, body), output)


def _card(queue: WorkQueueResponse, output: OutputFormat) -> None:
    fields = {
        "name": queue.name,
        "pool": queue.work_pool_name,
        "priority": queue.priority,
        "limit": "none" if queue.concurrency_limit is None else queue.concurrency_limit,
        "status": queue.status,
        "last polled": queue.last_polled,
        "id": queue.id,
    }
    show(fields, output, whole=queue)


@work_queue.command(name="ls")
@_pool_option
@click.option("--verbose", "-v", is_flag=True, help="Show ids as well.")
@click.option("--match", "-m", help="Only queues whose names begin like this.")
@output_option
def list_(pool: str, match: str | None, *, verbose: bool, output: OutputFormat) -> None:
    """List the queues of a work pool, the first served first."""
    client = connect()
    found = read_pages(
        lambda size, at: work_queues.list_work_queues(
            client, pool, ReadWorkQueuesBody(limit=size, offset=at)
        )
    )
    found = [queue for queue in found if queue.name.startswith(match or "")]
    found.sort(key=lambda queue: queue.priority)
    columns = ["name", "priority", "limit", "status", "last polled"]
    rows: list[list[Any]] = [
        [q.name, q.priority, q.concurrency_limit, q.status, ago(q.last_polled)] for q in found
    ]
    if verbose:
        columns.append("id")
        rows = [[*row, q.id] for row, q in zip(rows, found, strict=True)]
    show_list(columns, rows, output, whole=found, empty=f"Work pool {pool} has no queues.")


@work_queue.command()
@click.argument("name")
@_pool_option
@output_option
def inspect(name: str, pool: str, output: OutputFormat) -> None:
    """Show one queue."""
    _card(work_queues.read_work_queue(connect(), pool, name), output)


@work_queue.command()
@click.argument("name")
@_pool_option
def pause(name: str, pool: str) -> None:
    """Deliver nothing from a queue until it is resumed."""
    work_queues.update_work_queue(connect(), pool, name, WorkQueueUpdate(is_paused=True))
    done(f"work queue {name} paused")


@work_queue.command()
@click.argument("name")
@_pool_option
def resume(name: str, pool: str) -> None:
    """Deliver work from a paused queue again."""
    work_queues.update_work_queue(connect(), pool, name, WorkQueueUpdate(is_paused=False))
    done(f"work queue {name} resumed")


@work_queue.command(name="set-concurrency-limit")
@click.argument("name")
@click.argument("limit", type=click.IntRange(min=0))
@_pool_option
def set_limit(name: str, limit: int, pool: str) -> None:
    """Bound how many runs of a queue are live at one time."""
    work_queues.update_work_queue(connect(), pool, name, WorkQueueUpdate(concurrency_limit=limit))
    done(f"work queue {name}: at most {limit} runs at one time")


@work_queue.command(name="clear-concurrency-limit")
@click.argument("name")
@_pool_option
def clear_limit(name: str, pool: str) -> None:
    """Take the bound away."""
    work_queues.update_work_queue(connect(), pool, name, WorkQueueUpdate(concurrency_limit=None))
    done(f"work queue {name}: no limit")


@work_queue.command()
@click.argument("name")
@_pool_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, pool: str, *, yes: bool) -> None:
    """Delete a queue."""
    client = connect()
    work_queues.read_work_queue(client, pool, name)
    confirm(f"Delete the work queue {name} of pool {pool}?", is_agreed=yes)
    work_queues.delete_work_queue(client, pool, name)
    done(f"work queue {name} deleted")


@work_queue.command()
@click.argument("name")
@_pool_option
@click.option("--hours", "-h", type=click.IntRange(min=0), default=1, help="How far ahead.")
@output_option
def preview(name: str, pool: str, hours: int, output: OutputFormat) -> None:
    """List the runs that a queue will deliver next."""
    until = datetime.now(UTC) + timedelta(hours=hours)
    body = GetScheduledFlowRunsBody(scheduled_before=until, work_queue_names=[name])
    found = work_pools.read_scheduled_flow_runs(connect(), pool, body)
    show_due(found, f"work queue {name}", hours, output)


@work_queue.command()
@click.argument("name")
@_pool_option
@output_option
def slots(name: str, pool: str, output: OutputFormat) -> None:
    """Show which runs hold a queue's slots."""
    client = connect()
    queue = work_queues.read_work_queue(client, pool, name)
    body = ReadWorkQueueConcurrencyStatusBody()
    status = work_queues.read_work_queue_concurrency(client, queue.id, body)
    if output is OutputFormat.TEXT:
        limit = "no limit" if status.concurrency_limit is None else f"of {status.concurrency_limit}"
        click.echo(f"{status.active_slots} live, {limit}")
    rows = [[r.name, r.state_name, r.id] for r in status.flow_runs]
    empty = f"No run holds a slot of work queue {name}."
    show_list(["run", "state", "id"], rows, output, whole=status, empty=empty)


@work_queue.command(name="read-runs")
@click.argument("name")
@_pool_option
@output_option
def read_runs(name: str, pool: str, output: OutputFormat) -> None:
    """List the runs that a worker of this queue would be given now."""
    client = connect()
    queue = work_queues.read_work_queue(client, pool, name)
    found = work_queues.read_work_queue_runs(client, queue.id, ReadWorkQueueRunsBody())
    rows = [[r.name, r.state_name, ago(r.next_scheduled_start_time), r.id] for r in found]
    empty = f"Nothing is due in work queue {name}."
    show_list(["run", "state", "due", "id"], rows, output, whole=found, empty=empty)
