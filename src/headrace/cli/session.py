"""What commands share: the client, and whether a person can be asked."""

import sys

import click

from headrace._bindings import load
from headrace.client import Client
from headrace.client.default import default_client
from headrace.settings import settings


def connect() -> Client:
    """A client of the configured API, or of this machine's embedded server."""
    return default_client()


def open_page(client: Client, path: str = "") -> str:
    """Open a page of the server in a browser; its address.

    Raises:
        click.ClickException: There is no browser here.
    """
    base = settings().ui_url or client.url.removesuffix("/api")
    url = f"{base.rstrip('/')}/{path}"
    if not load("webbrowser:open")(url):
        message = f"no browser could be opened here; the page is at {url}"
        raise click.ClickException(message)
    return url


def may_ask() -> bool:
    """Whether a prompt may be shown: as the option or setting says, else only at a terminal."""
    chosen = settings().cli_prompt
    return sys.stdin.isatty() and sys.stdout.isatty() if chosen is None else chosen


def confirm(question: str, *, is_agreed: bool) -> None:
    """Ask before something that cannot be undone; without a terminal `--yes` must have been given."""
    if is_agreed:
        return
    if not may_ask():
        message = f"{question} Say so with --yes: there is no terminal to ask at."
        raise click.UsageError(message)
    if not click.confirm(question):
        raise click.Abort
