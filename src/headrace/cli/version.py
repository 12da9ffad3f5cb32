"""`headrace version`."""

import platform

import apsw
import click

from headrace import __version__
from headrace.cli.output import OutputFormat, output_option, show


@click.command
@output_option
def version(output: OutputFormat) -> None:
    """Versions of Headrace and what it stands on."""
    facts = {
        "headrace": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "sqlite": apsw.sqlite_lib_version(),
    }
    show(facts, output)
