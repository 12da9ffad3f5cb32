"""Logs of runs and workers."""

from __future__ import annotations

from headrace.client.http import Client
from headrace.wire.logs import Log, LogCreate, ReadLogsBody


def create_logs(
    client: Client,
    logs: list[LogCreate] | bytes,
    *,
    timeout: float | None = None,
    attempts: int | None = None,
) -> None:
    """Add log records.

    Args:
        client: The API.
        logs: The records, or an encoded list of them.
        timeout: Seconds for one attempt.
        attempts: Repetitions at most.
    """
    client.call("POST", "/logs/", logs, timeout=timeout, attempts=attempts)


def list_logs(client: Client, body: ReadLogsBody) -> list[Log]:
    """Log records that pass the filter."""
    return client.call("POST", "/logs/filter", body, answer=list[Log], is_idempotent=True)
