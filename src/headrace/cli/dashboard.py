"""`headrace dashboard …`."""

import click

from headrace.cli.groups import Group
from headrace.cli.output import done
from headrace.cli.session import connect, open_page


@click.group(cls=Group)
def dashboard() -> None:
    """The web page of the server."""


@dashboard.command(name="open")
def open_() -> None:
    """Open the server's page in a browser."""
    done(f"opened {open_page(connect())}")
