"""The client of the API: requests with retries, over a pool of keep-alive connections.

Thread-safe: a connection belongs to one request at a time and goes back to the pool afterwards.
Safe after a fork: the child closes its copies and opens its own.
"""

from __future__ import annotations

import os
from base64 import b64encode
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar, overload
from weakref import WeakSet

from headrace.client.answers import decode, error_of
from headrace.client.connection import Answer, ConnectionFailed
from headrace.client.encoding import encode
from headrace.client.pool import Pool, Request
from headrace.client.retries import RetryRule
from headrace.client.routes import Route
from headrace.errors import RequestTimedOut, ServerUnreachable
from headrace.wire.admin import CsrfToken

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from headrace.settings import Settings

T = TypeVar("T")

REQUEST_TIMEOUT = 60.0  # seconds, where no settings are given
CONNECT_TIMEOUT = 10.0  # seconds, as above
IDEMPOTENT = frozenset({"GET", "PUT", "DELETE", "PATCH"})
USER_AGENT = "headrace/0.1.0"


class Client:
    """Sends requests to one API."""

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        auth_string: str | None = None,
        request_timeout: float = REQUEST_TIMEOUT,
        connect_timeout: float = CONNECT_TIMEOUT,
        retry: RetryRule | None = None,
        headers: Mapping[str, str] | None = None,
        certificates: str | None = None,
        is_unverified: bool = False,
        relocate: Callable[[], str] | None = None,
        fetches_csrf_tokens: bool = True,
    ) -> None:
        """Describe the way to the API; nothing is sent yet.

        Args:
            url: The API's address, as `http://127.0.0.1:4200/api`.
            key: API key, sent as a bearer token.
            auth_string: `user:password` for basic authentication; used where there is no key.
            request_timeout: Seconds for one attempt at a request.
            connect_timeout: Seconds for making a connection.
            retry: When and how often a request is repeated.
            headers: More headers for every request.
            certificates: Path of a file of certificates to trust.
            is_unverified: Do not verify the server's certificate.
            relocate: Called when nothing answers; returns the address the API has now. The embedded
                server moves when it is started anew.
            fetches_csrf_tokens: Get the token that a server protected against forgery asks for.

        Raises:
            InvalidSetting: `url` is not an address of an API.
        """
        self.token = key or auth_string
        """What a WebSocket sends in its first frame."""
        self.identity = url if relocate is None else "embedded"
        """Which API this is, also when its address changes."""
        self.authorization = _authorization(key, auth_string)
        self._request_timeout = request_timeout
        self._connect_timeout = connect_timeout
        self._retry = retry or RetryRule()
        self._custom = {name.lower(): value for name, value in (headers or {}).items()}
        self._certificates = certificates
        self._is_unverified = is_unverified
        self._relocate = relocate
        self._fetches_csrf_tokens = fetches_csrf_tokens
        self._csrf: dict[str, str] = {}
        self._aim(url)
        _clients.add(self)

    def _aim(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.route = Route(
            self.url,
            os.environ,
            certificates=self._certificates,
            is_unverified=self._is_unverified,
        )
        headers = {"user-agent": USER_AGENT, **self.authorization, **self._custom}
        self._pool = Pool(self.route, self._connect_timeout, headers)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections. The client can still be used; it opens new ones."""
        self._pool.close()

    def interrupt(self) -> None:
        """Have every request that waits for its answer fail now, with `ServerUnreachable`.

        One that the server may have acted on is not sent again, unless it is idempotent.
        """
        self._pool.interrupt()

    @overload
    def call(
        self,
        method: str,
        path: str,
        body: object = ...,
        *,
        is_idempotent: bool | None = ...,
        headers: Mapping[str, str] | None = ...,
        timeout: float | None = ...,
        attempts: int | None = ...,
    ) -> None: ...

    @overload
    def call(
        self,
        method: str,
        path: str,
        body: object = ...,
        *,
        answer: type[T],
        is_idempotent: bool | None = ...,
        headers: Mapping[str, str] | None = ...,
        timeout: float | None = ...,
        attempts: int | None = ...,
    ) -> T: ...

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        answer: Any = None,
        is_idempotent: bool | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        attempts: int | None = None,
    ) -> Any:
        """Send a request and return the object in its answer.

        Args:
            method: `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
            path: Below the API's address, as `/flow_runs/`; a query string may follow.
            body: What msgspec encodes as JSON; `bytes` are sent as they are; None sends no body.
            answer: The type of the answer's object; None where it has none.
            is_idempotent: Sending it twice does no harm. By default what the method says.
            headers: More headers, for this request.
            timeout: Seconds for one attempt, instead of the client's.
            attempts: Repetitions at most, instead of the client's rule.

        Raises:
            ServerUnreachable: No answer came.
            RequestTimedOut: The server took the request and no answer came in time.
            UnexpectedAnswer: The answer is not of the type.
            HeadraceError: The class that the server's answer stands for.
        """
        request = Request(
            method,
            path,
            b"" if body is None else body if isinstance(body, bytes) else encode(body),
            {**self._csrf, **(headers or {})},
            timeout=self._request_timeout if timeout is None else timeout,
            is_idempotent=method in IDEMPOTENT if is_idempotent is None else is_idempotent,
        )
        rule = self._retry if attempts is None else self._retry.with_attempts(attempts)
        got = self._send(request, rule)
        if got.status == 403 and self._fetches_csrf_tokens and b"CSRF" in got.body:
            self._csrf = self._csrf_headers()
            request.headers = {**self._csrf, **(headers or {})}
            got = self._send(request, rule)
        what = f"{method} {self.url}{path}"
        if got.status >= 300:
            raise error_of(got, what)
        return None if answer is None else decode(answer, got, what)

    def _send(self, request: Request, rule: RetryRule) -> Answer:
        attempt = 0
        while True:
            try:
                got = self._pool.exchange(request)
            except ConnectionFailed as failed:
                delay = rule.delay_after_failure(
                    attempt, _draw(), was_sent=failed.was_sent, is_idempotent=request.is_idempotent
                )
                error = self._unanswered(request, failed)
                if self._relocate is not None and not failed.timed_out:
                    self._move(self._relocate())  # also for the next call, if this is the last try
                if delay is None:
                    raise error from failed
            else:
                if got.status < 300:
                    return got
                asked = _seconds(got.headers.get("retry-after"))
                delay = rule.delay_after_status(
                    attempt, got.status, asked, _draw(), is_idempotent=request.is_idempotent
                )
                if delay is None:
                    return got
            attempt += 1
            sleep(delay)

    def _move(self, url: str) -> None:
        if url.rstrip("/") != self.url:
            self._pool.close()
            self._aim(url)

    def _unanswered(self, request: Request, failed: ConnectionFailed) -> ServerUnreachable:
        if failed.timed_out and failed.was_sent:
            message = f"{request.method} {self.url}{request.path} got {failed}"
            return RequestTimedOut(message)
        message = f"the API at {self.url} does not answer ({failed}); is the server running?"
        return ServerUnreachable(message)

    def _csrf_headers(self) -> dict[str, str]:
        client = f"headrace-{os.getpid()}-{id(self):x}"
        token = self.call("GET", f"/csrf-token?client={client}", answer=CsrfToken)
        return {"prefect-csrf-token": token.token, "prefect-csrf-client": token.client}


def _authorization(key: str | None, auth_string: str | None) -> dict[str, str]:
    if key:
        return {"authorization": f"Bearer {key}"}
    if auth_string:
        return {"authorization": f"Basic {b64encode(auth_string.encode()).decode()}"}
    return {}


def _draw() -> float:
    """A number from 0 to 1. `random` would cost 5 ms to import for this alone."""
    return int.from_bytes(os.urandom(4), "big") / 2**32


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:  # the form with a date: the rule's own delay serves as well
        return None


def client_of(settings: Settings, url: str, relocate: Callable[[], str] | None = None) -> Client:
    """A client for an address, with everything else as the settings say."""
    certificates = settings.api_ssl_cert_file
    return Client(
        url,
        key=settings.api_key,
        auth_string=settings.api_auth_string,
        request_timeout=settings.api_request_timeout,
        connect_timeout=min(settings.api_connect_timeout, settings.api_request_timeout),
        retry=RetryRule(
            settings.client_max_retries,
            settings.client_retry_jitter_factor,
            settings.client_retry_extra_codes,
        ),
        headers=settings.client_custom_headers,
        certificates=str(certificates) if certificates else None,
        is_unverified=settings.api_tls_insecure_skip_verify,
        relocate=relocate,
        fetches_csrf_tokens=settings.client_csrf_support_enabled,
    )


_clients: WeakSet[Client] = WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
