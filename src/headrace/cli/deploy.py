"""`headrace deploy`."""

from pathlib import Path
from typing import Any

import click

from headrace._bindings import load
from headrace.cli.groups import Command

_PROJECT = "headrace.cli.deploy_project:"


@click.command(cls=Command)
@click.argument("entrypoint", required=False)
@click.option(
    "--name", "-n", "names", multiple=True, help="A deployment; `flow/name` or a pattern."
)
@click.option("--all", "every", is_flag=True, help="All deployments of the file.")
@click.option("--description", "-d", help="What it is for.")
@click.option("--version", help="A text of yours; the flow's version when left out.")
@click.option("--version-type", help="What the version is of, as vcs:git.")
@click.option("--tag", "-t", "tags", multiple=True, help="A tag of it and of its runs.")
@click.option("--concurrency-limit", "-cl", type=int, help="Runs at once.")
@click.option(
    "--collision-strategy",
    type=click.Choice(["ENQUEUE", "CANCEL_NEW"]),
    help="What becomes of a run beyond the limit.",
)
@click.option("--pool", "-p", help="The work pool that runs it.")
@click.option("--work-queue", "-q", "queue", help="The pool's queue; made if there is none.")
@click.option(
    "--job-variable",
    "-jv",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="A value for the pool's job template; or a JSON object of several.",
)
@click.option(
    "--cron", multiple=True, metavar="EXPRESSION", help="A schedule by a cron expression."
)
@click.option("--interval", type=int, multiple=True, help="A schedule by seconds between runs.")
@click.option("--anchor-date", metavar="MOMENT", help="What intervals are counted from.")
@click.option("--rrule", multiple=True, metavar="RULE", help="A schedule by a recurrence rule.")
@click.option("--timezone", help="Of the schedules, as Europe/Berlin.")
@click.option("--no-schedule", is_flag=True, help="Do not ask for a schedule.")
@click.option("--image", metavar="NAME[:TAG]", help="The image that runs start from.")
@click.option("--build/--no-build", default=None, help="Build that image, with the code in it.")
@click.option("--push/--no-push", default=None, help="Push the image that is built.")
@click.option(
    "--clone/--no-clone", default=None, help="Have runs clone this directory's repository."
)
@click.option("--save/--no-save", default=None, help="Write the deployment to the file.")
@click.option("--trigger", "triggers", multiple=True, help="JSON, or a file of JSON or YAML.")
@click.option("--param", "pairs", multiple=True, metavar="NAME=VALUE", help="One parameter.")
@click.option("--params", metavar="JSON", help="Parameters as a JSON object; '-' reads them.")
@click.option(
    "--enforce-parameter-schema/--no-enforce-parameter-schema",
    default=None,
    help="Whether runs whose parameters do not fit are refused.",
)
@click.option("--sla", multiple=True, help="Accepted; nothing watches service levels.")
@click.option(
    "--headrace-file",
    "--prefect-file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The deployment file; headrace.yaml or prefect.yaml here when left out.",
)
@click.pass_context
def deploy(ctx: click.Context, **given: Any) -> None:
    """Make deployments, from a deployment file or from what is given here.

    ENTRYPOINT is path/to/file.py:function. `headrace deploy init` is `headrace init`.
    """
    if given["entrypoint"] == "init":
        ctx.invoke(load("headrace.cli.init:init"), name=None, recipe=None, pairs=())
        return
    load(f"{_PROJECT}run")(**given)
