"""`headrace server …`."""

import signal
import sys
import time
from types import FrameType

import click

from headrace.cli import server_process
from headrace.cli.groups import LazyGroup
from headrace.cli.output import OutputFormat, done, hint, output_option, show
from headrace.cli.server_process import Launch
from headrace.client import embedded
from headrace.errors import ServerUnreachable
from headrace.settings import settings

LEVELS = ("debug", "info", "warning", "error")
LOOK_SECONDS = 0.25
COMMANDS = {
    "database": ("headrace.cli.server_database:database", "Look after the server's database."),
    "backup": ("headrace.cli.server_database:backup", "Copy the database while the server runs."),
    "renew-key": (
        "headrace.cli.server_keys:renew_key",
        "Put a new key before the one that secrets are stored with.",
    ),
    "services": ("headrace.cli.server_services:services", "Look after the background loops."),
    "restore": ("headrace.cli.server_database:restore", "Put a backup in the database's place."),
}


@click.group(cls=LazyGroup, commands_table=COMMANDS)
def server() -> None:
    """Start, stop and look after a server."""


@server.command()
@click.option("--host", help="Address to bind; beyond loopback an API key is required.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to bind; 0 takes a free one.")
@click.option("--database", metavar="URL", help="sqlite:///path, a path, or postgresql://…")
@click.option("--log-level", type=click.Choice(LEVELS, case_sensitive=False))
@click.option(
    "--background/--no-background", "-b", default=False, help="Leave it running and return."
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Processes; more than one needs PostgreSQL."
)
@click.option("--no-services", is_flag=True, help="Answer requests only: no background loops.")
@click.option(
    "--scheduler/--no-scheduler", default=True, help="Whether it plans runs of schedules."
)
@click.option("--late-runs/--no-late-runs", default=True, help="Whether it marks late runs.")
@click.option(
    "--keep-alive-timeout", type=click.IntRange(min=1), help="Seconds of idle connections."
)
@click.option("--analytics-on/--analytics-off", default=False, hidden=True)  # there are none
@click.option("--ui/--no-ui", default=True, hidden=True)  # of the contract
@output_option
def start(
    host: str | None,
    port: int | None,
    database: str | None,
    log_level: str | None,
    workers: int | None,
    keep_alive_timeout: int | None,
    output: OutputFormat,
    *,
    background: bool,
    no_services: bool,
    scheduler: bool,
    late_runs: bool,
    analytics_on: bool,
    ui: bool,
) -> None:
    """Start a server, until Ctrl-C or in the background."""
    del analytics_on, ui
    loops = [("scheduler", scheduler), ("late_runs", late_runs)]
    more = [
        *([] if workers is None else ["--workers", str(workers)]),
        *([] if keep_alive_timeout is None else ["--keep-alive-timeout", str(keep_alive_timeout)]),
        *(["--no-loops"] if no_services else []),
        *(word for name, wanted in loops if not wanted for word in ("--without-loop", name)),
    ]
    launch = Launch(host, port, database, log_level, tuple(more))
    if background:
        _start_in_background(launch, output)
        return
    process, note = server_process.start_here(launch)
    if note is None:
        raise click.exceptions.Exit(process.wait())

    def end(_number: int, _frame: FrameType | None) -> None:
        process.terminate()

    signal.signal(signal.SIGTERM, end)
    _announce(note, output)
    hint("Ctrl-C stops it.")
    try:
        code = process.wait()
    except KeyboardInterrupt:  # the terminal sent it to the server as well
        code = process.wait()
    sys.exit(code)


def _start_in_background(launch: Launch, output: OutputFormat) -> None:
    running = server_process.find(settings())
    if running is not None:
        message = f"a server runs already at {running.url}; stop it with: headrace server stop"
        raise ServerUnreachable(message)
    _announce(server_process.start_in_background(settings(), launch), output)
    hint("Stop it with: headrace server stop")


def _announce(note: server_process.Note, output: OutputFormat) -> None:
    if output is OutputFormat.JSON:
        show({}, output, whole=note)
        return
    done(f"server {note.version} at {note.url}")
    if settings().api_url != note.url:
        hint(f"Point commands and flows at it: headrace config set HEADRACE_API_URL={note.url}")


@server.command()
def stop() -> None:
    """Stop the server that runs in the background."""
    found = server_process.find(settings()) or _embedded()
    if found is None:
        message = "no server runs in the background"
        raise click.ClickException(message)
    server_process.stop(settings(), found)
    done(f"the server at {found.url} has stopped")


def _embedded() -> server_process.Note | None:
    found = embedded.find(settings())
    return None if found is None else server_process.Note(found.url, found.pid, found.version)


@server.command()
@click.option("--wait", is_flag=True, help="Wait until it answers.")
@click.option("--timeout", "-t", type=click.IntRange(min=0), default=60, help="Seconds to wait.")
@output_option
def status(*, wait: bool, timeout: int, output: OutputFormat) -> None:
    """Say whether a server answers; exit code 1 when none does."""
    deadline = time.monotonic() + timeout
    while True:
        found = _find()
        if found is not None or not wait or time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    if found is None:
        where = settings().api_url
        show({"status": "not running", **({"url": where} if where else {})}, output)
        raise click.exceptions.Exit(1)
    fields = {
        "status": "running",
        "url": found.url,
        "pid": found.pid or None,
        "version": found.version or None,
        "database": found.database or None,
        "log": found.log or None,
    }
    show({name: value for name, value in fields.items() if value is not None}, output)


def _find() -> server_process.Note | None:
    """The background server, the embedded one, or what answers at the configured address."""
    found = server_process.find(settings()) or _embedded()
    url = settings().api_url
    if url and (found is None or found.url != url):
        return server_process.Note(url, 0, "") if server_process.answers(settings(), url) else None
    return found
