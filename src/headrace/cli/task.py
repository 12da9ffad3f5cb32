"""`headrace task …`."""

import click

from headrace._bindings import load
from headrace.cli.groups import Group


@click.group(cls=Group)
def task() -> None:
    """Serve background tasks."""


@task.command()
@click.argument("entrypoints", nargs=-1)
@click.option(
    "--module", "-m", "modules", multiple=True, help="Serve all tasks of this module; repeatable."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Runs at one time."
)
def serve(entrypoints: tuple[str, ...], modules: tuple[str, ...], limit: int) -> None:
    """Run what is handed to background workers of tasks, until stopped.

    ENTRYPOINTS are tasks as path/file.py:name.
    """
    places = (*entrypoints, *modules)
    if not places:
        raise click.UsageError("name the tasks to serve: path/file.py:name, or --module NAME")
    load_tasks = load("headrace.task_worker.loading:load_tasks")
    found = [one for place in places for one in load_tasks(place)]
    load("headrace.task_worker:serve")(*found, limit=limit)
