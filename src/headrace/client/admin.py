"""The server itself."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.wire.admin import ServerDefaultResultStorage
from headrace.wire.server import ServerInfo


def read_version(client: Client) -> str:
    """The version of the contract that the server speaks."""
    return client.call("GET", "/admin/version", answer=str)


def read_health(client: Client, timeout: float | None = None) -> bool:
    """True: the server answers. It is asked once, not again."""
    return client.call("GET", "/health", answer=bool, timeout=timeout, attempts=0)


def read_server(client: Client) -> ServerInfo:
    """What a Headrace server says of itself.

    Raises:
        ObjectNotFound: It is a server of another make.
    """
    return client.call("GET", "/headrace/server", answer=ServerInfo)


def read_settings(client: Client) -> dict[str, object]:
    """The server's settings, secrets masked."""
    return client.call("GET", "/admin/settings", answer=dict[str, object])


def read_default_storage(client: Client) -> ServerDefaultResultStorage:
    """The server's default place for results."""
    return client.call("GET", "/admin/storage", answer=ServerDefaultResultStorage)
