"""Bundles: packed code that a deployment's runs fetch."""

from __future__ import annotations

from msgspec import Raw

from headrace.client.http import Client
from headrace.errors import ObjectNotFound

TRANSFER_TIME = 300.0  # seconds for one bundle either way: 48 MiB at 160 KiB/s


def keep_bundle(client: Client, sha256: str) -> bool:
    """Whether the server has a bundle; it stays then until a deployment is made that names it."""
    try:
        client.call("POST", f"/headrace/bundles/{sha256}/keep", is_idempotent=True)
    except ObjectNotFound:
        return False
    return True


def upload_bundle(client: Client, sha256: str, content: bytes) -> None:
    """Give a bundle to the server.

    Raises:
        Unprocessable: It is larger than the server takes.
    """
    client.call("PUT", f"/headrace/bundles/{sha256}", content, timeout=TRANSFER_TIME)


def download_bundle(client: Client, sha256: str) -> bytes:
    """A bundle's content.

    Raises:
        ObjectNotFound: The server does not have it (any more).
    """
    path = f"/headrace/bundles/{sha256}"
    return bytes(client.call("GET", path, answer=Raw, timeout=TRANSFER_TIME))
