"""`headrace image …`."""

import click

from headrace._bindings import load
from headrace.cli.groups import Command, Group
from headrace.cli.output import done, hint


@click.group(cls=Group)
def image() -> None:
    """Make images for container pools."""


@image.command(cls=Command)
@click.option("--base", metavar="IMAGE", help="Begin with this one; it needs Python with pip.")
@click.option("--tag", "-t", "name", metavar="NAME:TAG", help="What the image is called.")
@click.option("--extra", "extras", multiple=True, help="An extra of Headrace; repeatable.")
def build(base: str | None, name: str | None, extras: tuple[str, ...]) -> None:
    """Build the image of workers and runs from the Headrace that is installed here."""
    options = {"base": base} if base else {}
    made: str = load("headrace.deployments.own_image:build_own_image")(
        name, extras=extras, **options
    )
    done(f"Built the image {made}.")
    hint(f"Deploy with it: job variable image={made}")
