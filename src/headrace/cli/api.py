"""`headrace api METHOD PATH`: any request, with the configured address and credentials."""

import click
import msgspec

from headrace.cli.documents import read_value
from headrace.cli.groups import Command
from headrace.cli.output import json_text
from headrace.cli.session import connect

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@click.command(cls=Command)
@click.argument("method", type=click.Choice(METHODS, case_sensitive=False))
@click.argument("path")
@click.option(
    "--data", metavar="JSON|@FILE", help="The body; '@file' reads it, '-' standard input."
)
@click.option("--header", "-H", "lines", multiple=True, metavar="NAME: VALUE", help="A header.")
@click.option("--verbose", "-v", is_flag=True, help="Say what is sent.")
@click.option("--root", is_flag=True, help="Of the contract; paths begin at the API's address.")
@click.option("--account", is_flag=True, help="Of the contract; a server has one account.")
def api(
    method: str,
    path: str,
    data: str | None,
    lines: tuple[str, ...],
    *,
    verbose: bool,
    root: bool,
    account: bool,
) -> None:
    """Send a request to the API and print the answer.

    For example: headrace api POST /flow_runs/filter --data '{"limit": 3}'
    """
    del root, account
    client = connect()
    where = f"/{path.lstrip('/')}"
    body = None if data is None else read_value(data, "--data")
    if verbose:
        click.echo(f"> {method} {client.url}{where}", err=True)
        for line in lines:
            click.echo(f"> {line}", err=True)
    answer = client.call(method, where, body, answer=msgspec.Raw, headers=dict(map(_header, lines)))
    click.echo(_shown(bytes(answer)), nl=bool(bytes(answer)))


def _shown(body: bytes) -> str:
    try:
        return json_text(msgspec.json.decode(body)) if body else ""
    except msgspec.DecodeError:  # not everything is JSON: /metrics is text
        return body.decode("utf-8", "replace").rstrip("\n")


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        message = f"a header looks like 'Name: value', not {line!r}"
        raise click.UsageError(message)
    return name.strip(), value.strip()
