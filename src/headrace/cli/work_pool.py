"""`headrace work-pool …`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from headrace import profiles
from headrace.cli.documents import read_document
from headrace.cli.groups import Group
from headrace.cli.output import (
    OutputFormat,
    done,
    hint,
    json_text,
    output_option,
    print_json,
    show,
    show_list,
)
from headrace.cli.runs import show_due
from headrace.cli.session import confirm, connect, may_ask
from headrace.client import work_pools
from headrace.client.pages import read_pages
from headrace.errors import ObjectAlreadyExists
from headrace.infrastructure.templates import DEFAULT_TEMPLATES
from headrace.wire.work_pools import (
    GetScheduledFlowRunsBody,
    ReadWorkPoolConcurrencyStatusBody,
    ReadWorkPoolsBody,
    WorkPoolCreate,
    WorkPoolResponse,
    WorkPoolUpdate,
)

TEMPLATE_BY_WORKER = frozenset(
    {
        "azure-container-instance",
        "cloud-run",
        "cloud-run-v2",
        "docker",
        "ecs",
        "kubernetes",
        "vertex-ai",
    }
)
"""Types of the contract whose worker brings the pool's template when it first starts."""


@click.group(name="work-pool", cls=Group)
def work_pool() -> None:
    """Work with work pools."""


@work_pool.command()
@click.argument("name")
@click.option("--type", "-t", "kind", help="What runs the work; asked for when left out.")
@click.option("--base-job-template", metavar="FILE", help="A JSON file; '-' reads standard input.")
@click.option("--paused", is_flag=True, help="Deliver nothing until it is resumed.")
@click.option("--set-as-default", is_flag=True, help="Deploy to this pool when none is named.")
@click.option("--overwrite", is_flag=True, help="Change the pool if there is one of this name.")
@output_option
def create(
    name: str,
    kind: str | None,
    base_job_template: str | None,
    *,
    paused: bool,
    set_as_default: bool,
    overwrite: bool,
    output: OutputFormat,
) -> None:
    """Make a work pool."""
    client = connect()
    template = read_document(base_job_template) if base_job_template else None
    kind = kind or _ask_type()
    if template is None:
        template = _template_of(kind)
    body = WorkPoolCreate(name=name, type=kind, base_job_template=template, is_paused=paused)
    try:
        pool = work_pools.create_work_pool(client, body)
    except ObjectAlreadyExists:
        if not overwrite:
            raise
        change = WorkPoolUpdate(base_job_template=template, is_paused=paused)
        work_pools.update_work_pool(client, name, change)
        pool = work_pools.read_work_pool(client, name)
    if set_as_default:
        profiles.set_in_profile({"HEADRACE_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME": name})
    _card(pool, output)
    hint(f"Start a worker for it: headrace worker start --pool {name}")


def _template_of(kind: str) -> dict[str, Any]:
    if kind in DEFAULT_TEMPLATES or kind in TEMPLATE_BY_WORKER:
        return DEFAULT_TEMPLATES.get(kind, {})
    known = ", ".join(sorted({*DEFAULT_TEMPLATES, *TEMPLATE_BY_WORKER}))
    message = f"{kind!r} is none of the types {known}; for one of your own give --base-job-template"
    raise click.UsageError(message)


def _ask_type() -> str:
    kinds = sorted(DEFAULT_TEMPLATES)
    if not may_ask():
        message = f"say what runs the work with --type: one of {', '.join(kinds)}"
        raise click.UsageError(message)
    return click.prompt("What runs the work?", type=click.Choice(kinds), default="process")


def _card(pool: WorkPoolResponse, output: OutputFormat) -> None:
    fields = {
        "name": pool.name,
        "type": pool.type,
        "status": pool.status,
        "description": pool.description,
        "limit": "none" if pool.concurrency_limit is None else pool.concurrency_limit,
        "id": pool.id,
        "created": pool.created,
    }
    show(fields, output, whole=pool)


@work_pool.command(name="ls")
@click.option("--verbose", "-v", is_flag=True, help="Show ids and descriptions as well.")
@output_option
def list_(*, verbose: bool, output: OutputFormat) -> None:
    """List work pools."""
    client = connect()
    found = read_pages(
        lambda size, at: work_pools.list_work_pools(
            client, ReadWorkPoolsBody(limit=size, offset=at)
        )
    )
    columns = ["name", "type", "status", "limit"]
    rows: list[list[Any]] = [[p.name, p.type, p.status, p.concurrency_limit] for p in found]
    if verbose:
        columns += ["id", "description"]
        rows = [[*row, p.id, p.description] for row, p in zip(rows, found, strict=True)]
    empty = "There are no work pools. Make one: headrace work-pool create NAME --type process"
    show_list(columns, rows, output, whole=found, empty=empty)


@work_pool.command()
@click.argument("name")
@output_option
def inspect(name: str, output: OutputFormat) -> None:
    """Show one work pool."""
    _card(work_pools.read_work_pool(connect(), name), output)


@work_pool.command()
@click.argument("name")
@click.option("--base-job-template", metavar="FILE", help="A JSON file; '-' reads standard input.")
@click.option("--concurrency-limit", type=click.IntRange(min=0), help="Runs live at one time.")
@click.option("--description", help="What the pool is for.")
def update(
    name: str,
    base_job_template: str | None,
    concurrency_limit: int | None,
    description: str | None,
) -> None:
    """Change a work pool; what is not named stays."""
    change = WorkPoolUpdate()
    if base_job_template is not None:
        change.base_job_template = read_document(base_job_template)
    if concurrency_limit is not None:
        change.concurrency_limit = concurrency_limit
    if description is not None:
        change.description = description
    if change == WorkPoolUpdate():
        message = "nothing to change: name an option"
        raise click.UsageError(message)
    work_pools.update_work_pool(connect(), name, change)
    done(f"work pool {name} changed")


@work_pool.command()
@click.argument("name")
def pause(name: str) -> None:
    """Deliver nothing from a pool until it is resumed."""
    work_pools.update_work_pool(connect(), name, WorkPoolUpdate(is_paused=True))
    done(f"work pool {name} paused")


@work_pool.command()
@click.argument("name")
def resume(name: str) -> None:
    """Deliver work from a paused pool again."""
    work_pools.update_work_pool(connect(), name, WorkPoolUpdate(is_paused=False))
    done(f"work pool {name} resumed")


@work_pool.command(name="set-concurrency-limit")
@click.argument("name")
@click.argument("limit", type=click.IntRange(min=0))
def set_limit(name: str, limit: int) -> None:
    """Bound how many runs of a pool are live at one time."""
    work_pools.update_work_pool(connect(), name, WorkPoolUpdate(concurrency_limit=limit))
    done(f"work pool {name}: at most {limit} runs at one time")


@work_pool.command(name="clear-concurrency-limit")
@click.argument("name")
def clear_limit(name: str) -> None:
    """Take the bound away."""
    work_pools.update_work_pool(connect(), name, WorkPoolUpdate(concurrency_limit=None))
    done(f"work pool {name}: no limit")


@work_pool.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, *, yes: bool) -> None:
    """Delete a work pool with its queues."""
    client = connect()
    work_pools.read_work_pool(client, name)
    confirm(f"Delete the work pool {name} and its queues?", is_agreed=yes)
    work_pools.delete_work_pool(client, name)
    done(f"work pool {name} deleted")


@work_pool.command()
@click.argument("name")
@click.option("--hours", "-h", type=click.IntRange(min=0), default=1, help="How far ahead.")
@output_option
def preview(name: str, hours: int, output: OutputFormat) -> None:
    """List the runs that a pool will deliver next."""
    until = datetime.now(UTC) + timedelta(hours=hours)
    body = GetScheduledFlowRunsBody(scheduled_before=until)
    found = work_pools.read_scheduled_flow_runs(connect(), name, body)
    show_due(found, f"work pool {name}", hours, output)


@work_pool.command()
@click.argument("name")
@output_option
def slots(name: str, output: OutputFormat) -> None:
    """Show who holds a pool's slots, queue by queue."""
    body = ReadWorkPoolConcurrencyStatusBody()
    status = work_pools.read_work_pool_concurrency(connect(), name, body)
    rows = [
        [
            q.queue_name,
            q.active_slots,
            q.concurrency_limit,
            ", ".join(s.name or "" for s in q.flow_runs),
        ]
        for q in status.queues
    ]
    if output is OutputFormat.TEXT:
        limit = "no limit" if status.concurrency_limit is None else f"of {status.concurrency_limit}"
        click.echo(f"{status.active_slots} live, {limit}")
    show_list(["queue", "live", "limit", "runs"], rows, output, whole=status, empty="No queues.")


@work_pool.command(name="get-default-base-job-template")
@click.option("--type", "-t", "kind", required=True, help="The kind of pool.")
@click.option(
    "--file", "-f", type=click.Path(dir_okay=False, path_type=Path), help="Write it here."
)
def default_template(kind: str, file: Path | None) -> None:
    """Print the template that pools of a kind start with."""
    if kind not in DEFAULT_TEMPLATES:
        message = f"there is no kind {kind!r}; there are {', '.join(sorted(DEFAULT_TEMPLATES))}"
        raise click.UsageError(message)
    if file is None:
        print_json(DEFAULT_TEMPLATES[kind])
        return
    file.write_text(f"{json_text(DEFAULT_TEMPLATES[kind])}\n", encoding="utf-8")
    done(f"written to {file}")
