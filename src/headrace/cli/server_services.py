"""`headrace server services …`: the background loops, apart from the API where that is wanted."""

import os
import signal
import subprocess
from types import FrameType

import click

from headrace.cli import server_process
from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, done, hint, output_option, show_list
from headrace.cli.server_process import Launch
from headrace.errors import ServerUnreachable
from headrace.server.config import read_config
from headrace.server.services.loops.catalogue import list_loops
from headrace.settings import settings

NAME = "services"
"""Of the log and the note of loops that run in the background."""


@click.group(cls=Group)
def services() -> None:
    """Background loops of the server, and running them without the API."""


@services.command(name="ls")
@output_option
def list_(output: OutputFormat) -> None:
    """List the loops, whether they are on, and the setting that says so."""
    found = list_loops(read_config(os.environ))
    rows = [[one.name, one.enabled, one.setting, one.description] for one in found]
    whole = [one._asdict() for one in found]
    show_list(["name", "enabled", "setting", "description"], rows, output, whole=whole, empty="")


@services.command()
@click.option("--background/--no-background", "-b", default=False, help="Leave them running.")
def start(*, background: bool) -> None:
    """Run the loops, and answer no requests: beside servers that are started with --no-services."""
    launch = Launch(more=("--loops-only",))
    if background:
        running = server_process.find_running(settings(), NAME)
        if running is not None:
            message = (
                f"they run in process {running.pid}; end it with: headrace server services stop"
            )
            raise ServerUnreachable(message)
        note = server_process.start_in_background(settings(), launch, NAME)
        done(f"background loops run in process {note.pid}")
        hint("Stop them with: headrace server services stop")
        return
    process = subprocess.Popen(launch.command(), stdout=subprocess.DEVNULL)  # noqa: S603  # our own

    def end(_number: int, _frame: FrameType | None) -> None:
        process.terminate()

    signal.signal(signal.SIGTERM, end)
    hint("Ctrl-C stops them.")
    try:
        code = process.wait()
    except KeyboardInterrupt:  # the terminal sent it to them as well
        code = process.wait()
    raise click.exceptions.Exit(code)


@services.command()
def stop() -> None:
    """Stop the loops that run in the background."""
    found = server_process.find_running(settings(), NAME)
    if found is None:
        message = "no loops run in the background"
        raise click.ClickException(message)
    server_process.stop(settings(), found, NAME)
    done("the background loops have stopped")
