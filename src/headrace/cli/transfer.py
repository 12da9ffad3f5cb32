"""`headrace transfer`: copy configuration from one server to another."""

import click

from headrace import profiles
from headrace.cli.groups import Command
from headrace.cli.output import done
from headrace.cli.root import FAILED
from headrace.client import Client
from headrace.client.http import client_of
from headrace.client.transfer import transfer as copy_everything
from headrace.settings import Settings, settings


@click.command(cls=Command)
@click.option("--from", "source", required=True, metavar="PROFILE", help="Whose server to read.")
@click.option("--to", "target", required=True, metavar="PROFILE", help="Whose server to add to.")
def transfer(source: str, target: str) -> None:
    """Copy what one server keeps to another: pools, blocks, variables, limits, deployments.

    Runs are not copied. What is there already stays as it is. Blocks are copied with their secrets.
    """
    reading, writing = _client(source), _client(target)
    if reading.url == writing.url:
        message = f"profiles {source} and {target} name the same server, {reading.url}"
        raise click.UsageError(message)
    counts = {"copied": 0, "there already": 0, "not copied": 0}
    for outcome in copy_everything(reading, writing):
        word = "copied" if outcome.is_new else "there already"
        colour = "green" if outcome.is_new else None
        if outcome.problem:
            word, colour = "not copied", "red"
        counts[word] += 1
        why = f": {outcome.problem}" if outcome.problem else ""
        click.echo(f"{click.style(f'{word:<13}', fg=colour)}  {outcome.kind} {outcome.name}{why}")
    done(", ".join(f"{count} {word}" for word, count in counts.items()))
    if counts["not copied"]:
        raise click.exceptions.Exit(FAILED)


def _client(profile: str) -> Client:
    """A client of the server that a profile names, with the profile's own credentials."""
    values = profiles.inspect_profile(profile, show_secrets=True)
    url = values.get("HEADRACE_API_URL")
    if not url:
        message = f"profile {profile} names no server: it has no HEADRACE_API_URL"
        raise click.UsageError(message)
    own = {
        "api_url": url,
        "api_key": values.get("HEADRACE_API_KEY"),
        "api_auth_string": values.get("HEADRACE_API_AUTH_STRING"),
    }
    return client_of(Settings(**(dict(settings().items()) | own)), url)
