"""`headrace worker …`."""

from pathlib import Path

import click

from headrace._bindings import load
from headrace.cli.documents import read_document
from headrace.cli.groups import Group
from headrace.cli.session import connect
from headrace.client.http import client_of
from headrace.settings import settings

INSTALL_POLICIES = ("always", "if-not-present", "never", "prompt")


@click.group(cls=Group)
def worker() -> None:
    """Start workers."""


@worker.command()
@click.option("--pool", "-p", metavar="NAME", help="The work pool; by default the default one.")
@click.option("--name", "-n", help="The worker's name; by default one made from kind and machine.")
@click.option("--work-queue", "-q", "queues", multiple=True, help="Only this queue; repeatable.")
@click.option("--type", "-t", "kind", help="The kind of infrastructure; by default the pool's.")
@click.option("--limit", "-l", type=click.IntRange(min=1), help="Runs at one time.")
@click.option(
    "--prefetch-seconds", type=click.IntRange(min=0), help="Take runs this far ahead of their time."
)
@click.option("--run-once", is_flag=True, help="Take what is due, and leave when it has ended.")
@click.option("--with-healthcheck", is_flag=True, help="Answer GET /health and /metrics.")
@click.option(
    "--install-policy",
    type=click.Choice(INSTALL_POLICIES),
    default="prompt",
    help="Whether to install what the kind needs. Prompt asks; without a terminal it is never.",
)
@click.option(
    "--base-job-template",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The template of a pool that is made.",
)
@click.option(
    "--create-pool-if-not-found/--no-create-pool-if-not-found",
    "create_pool",
    default=True,
    help="Make the pool when there is none.",
)
def start(
    pool: str | None,
    name: str | None,
    queues: tuple[str, ...],
    kind: str | None,
    limit: int | None,
    prefetch_seconds: int | None,
    base_job_template: Path | None,
    install_policy: str,
    *,
    run_once: bool,
    with_healthcheck: bool,
    create_pool: bool,
) -> None:
    """Take runs of a work pool and run them, until Ctrl-C."""
    current = settings()
    wanted = pool or current.deployments_default_work_pool_name
    if not wanted:
        message = "name the work pool with --pool"
        raise click.UsageError(message)
    template = read_document(str(base_job_template)) if base_job_template else None
    ahead = current.worker_prefetch_seconds if prefetch_seconds is None else prefetch_seconds
    asked = load("headrace.worker.start:PoolWorker")(
        pool=wanted,
        name=name,
        queues=queues,
        kind=kind,
        limit=limit,
        prefetch_seconds=float(ahead),
        run_once=run_once,
        create_pool=create_pool,
        base_job_template=template,
        health_port=current.worker_webserver_port if with_healthcheck else None,
        install=load("headrace.worker.installing:InstallPolicy")(install_policy),
    )
    url = connect().url  # starts this machine's embedded server where no other is configured
    load("headrace.worker.start:work_for_pool")(
        asked, current, lambda: client_of(current, url), click.echo
    )
