"""Logs of runs and workers."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.wire.logs import Log, LogCreate, ReadLogsBody


def create_logs(client: Client, logs: list[LogCreate] | bytes) -> None:
    """Add log records; bytes are an encoded list of them."""
    client.call("POST", "/logs/", logs)


def list_logs(client: Client, body: ReadLogsBody) -> list[Log]:
    """Log records that pass the filter."""
    return client.call("POST", "/logs/filter", body, answer=list[Log], is_idempotent=True)
