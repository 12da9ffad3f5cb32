"""`headrace api METHOD PATH`: any request, with the configured address and credentials."""

import sys
from pathlib import Path

import click
import msgspec

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
    body = _body(data)
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


def _body(data: str | None) -> bytes | None:
    if data is None:
        return None
    try:
        if data == "-":
            raw = sys.stdin.buffer.read()
        else:
            raw = Path(data[1:]).read_bytes() if data.startswith("@") else data.encode()
        msgspec.json.decode(raw)
    except OSError as error:
        message = f"cannot read {data[1:]}: {error.strerror}"
        raise click.UsageError(message) from error
    except msgspec.DecodeError as error:
        message = f"--data is no JSON: {error}"
        raise click.UsageError(message) from error
    return raw
