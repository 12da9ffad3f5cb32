"""The client that this process uses where none is named: the configured API, or the embedded one."""

from __future__ import annotations

import os
from threading import Lock

from headrace._bindings import load
from headrace.client.http import Client, client_of
from headrace.errors import InvalidSetting
from headrace.settings import Settings, settings

DECISIVE = (
    "home",
    "api_url",
    "api_key",
    "api_auth_string",
    "api_request_timeout",
    "api_connect_timeout",
    "api_ssl_cert_file",
    "api_tls_insecure_skip_verify",
    "client_max_retries",
    "client_retry_jitter_factor",
    "client_retry_extra_codes",
    "client_custom_headers",
    "client_csrf_support_enabled",
    "server_ephemeral_enabled",
)
"""The settings that make a client what it is: two that agree in these share one."""


class _Default:
    settings: Settings | None = None
    client: Client | None = None
    made: dict[tuple[str, ...], Client] = {}  # noqa: RUF012  # of the process, not of an instance
    lock = Lock()


def default_client() -> Client:
    """The client for the present settings; the same one for as long as they stay the same.

    Without `HEADRACE_API_URL` it is a client of this machine's embedded server, which is started if
    it does not run.

    Raises:
        InvalidSetting: There is no address, and the embedded server is switched off.
        ServerUnreachable: The embedded server cannot be started.
    """
    current = settings()
    if _Default.settings is current and _Default.client is not None:
        return _Default.client
    with _Default.lock:
        if _Default.settings is not current or _Default.client is None:
            key = tuple(repr(getattr(current, name)) for name in DECISIVE)
            client = _Default.made.get(key) or _make(current)
            _Default.made[key] = client
            _Default.client = client
            _Default.settings = current
        return _Default.client


def _after_fork() -> None:
    _Default.lock = Lock()  # a thread that the child lacks may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _make(current: Settings) -> Client:
    if current.api_url:
        return client_of(current, current.api_url)
    if not current.server_ephemeral_enabled:
        raise InvalidSetting(
            "HEADRACE_API_URL is not set and HEADRACE_SERVER_EPHEMERAL_ENABLED is false: "
            "set the address of an API, or allow the embedded server"
        )
    locate = load("headrace.client.embedded:locate")
    return client_of(current, locate(current), relocate=lambda: locate(current))
