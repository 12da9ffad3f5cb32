"""`headrace init`."""

from pathlib import Path
from typing import Any

import click

from headrace._bindings import load
from headrace.cli.groups import Command
from headrace.cli.output import done, hint
from headrace.cli.session import may_ask

_RECIPES = "headrace.deployments.project.recipes:RECIPES"
_INITIALIZE = "headrace.deployments.project.initializing:initialize_project"


@click.command(cls=Command)
@click.option("--name", help="The project's; this directory's when left out.")
@click.option("--recipe", help="Where runs get the code from; asked for when left out.")
@click.option(
    "--field", "-f", "pairs", multiple=True, metavar="NAME=VALUE", help="A value of the recipe's."
)
def init(name: str | None, recipe: str | None, pairs: tuple[str, ...]) -> None:
    """Begin a project: write its deployment file."""
    recipes: dict[str, Any] = load(_RECIPES)
    if recipe is None and may_ask():
        for number, (one, about) in enumerate(recipes.items(), 1):
            click.echo(f"  {number:>2}  {one:<12} {about.description}")
        kinds = click.IntRange(1, len(recipes))
        number = click.prompt("Where do runs get the code from?", type=kinds, default=1)
        recipe = list(recipes)[number - 1]
    read: Any = load("headrace.cli.documents:read_assignments")  # it needs what `--help` does not
    given = {key: str(value) for key, value in read(pairs, "--field").items()}
    if recipe in recipes and may_ask():
        for field in recipes[recipe].fields:
            if field.name not in given:
                given[field.name] = click.prompt(field.question, default=field.default)
    made: list[str] = load(_INITIALIZE)(name, recipe, given)
    if not made:
        done(f"nothing to do: {Path.cwd()} is a project already")
        return
    done(f"written: {', '.join(made)}")
    hint("Fill in a deployment, then: headrace deploy")
