"""From an ASGI event to a handler and back: host, origin, credentials, path, body, answer.

It is one function deep on purpose: what happens to every request is read here from top to bottom
(the figures are in ADR 0007).
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from time import perf_counter
from typing import Any

from headrace.errors import HeadraceError
from headrace.server.api.errors import answer_error, refuse
from headrace.server.api.metrics import RequestMetrics
from headrace.server.api.operations import (
    Answer,
    Call,
    Operation,
    Operations,
    Result,
    SocketHandler,
)
from headrace.server.api.paths import PathTree, parameter_names, strip_prefix
from headrace.server.auth.credentials import Credentials
from headrace.server.auth.origins import OriginGuard
from headrace.server.auth.sockets import POLICY_VIOLATION, Socket, SocketClosed
from headrace.server.memory import clear_frames, give_back
from headrace.server.services.container import Services
from headrace.wire.decode import decode

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("headrace.server")

# Probes must work for who has no key: an orchestrator's health check, a client that looks for a server.
_OPEN_PATHS = frozenset({"/health", "/ready"})
# Prometheus looks here by convention.
_METRICS_PATH = "/metrics"

# The oldest API version whose requests are of the form that this server reads.
_OLDEST_API_VERSION = (0, 8, 0)
_API_VERSION = re.compile(rb"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")

# Bytes of a body above which reading it could take longer than 10 ms, where its sender is unkind.
_GIVE_BACK_SECONDS = 5.0  # longer than nearly every request of a large body takes
_LARGE_BYTES = 100_000

_NOT_FOUND = refuse(404, "Not Found")
_METHOD_NOT_ALLOWED = refuse(405, "Method Not Allowed")
_FORBIDDEN = refuse(
    403,
    "This server does not answer to this Host, or to pages of this Origin. "
    "Add the name to HEADRACE_SERVER_ALLOWED_HOSTS or HEADRACE_SERVER_API_CORS_ALLOWED_ORIGINS.",
)
_UNAUTHORIZED = refuse(
    401,
    "The credentials are missing or wrong: send 'Authorization: Bearer <API key>' "
    "or basic authentication.",
    (b"www-authenticate", b"Bearer"),
)
_TOO_LARGE = refuse(413, "The body is larger than this server takes.")
_BROKEN = Answer(500, b'{"exception_message":"Internal Server Error"}')


class _TooLarge(Exception):
    """The body passes the bound."""


class _Disconnected(Exception):
    """The caller went away while it was sending."""


class _Route:
    """An operation with what is computed from it once."""

    __slots__ = ("names", "operation", "times")

    def __init__(self, operation: Operation, metrics: RequestMetrics) -> None:
        self.operation = operation
        self.names = parameter_names(operation.path)
        self.times = metrics.operation(operation.method, operation.path)


class Gateway:
    """The ASGI application for everything but lifespan."""

    def __init__(
        self,
        services: Services,
        nouns: Iterable[Operations],
        metrics: RequestMetrics,
        pages: AsgiApp | None = None,
    ) -> None:
        """Lay out the routes.

        Args:
            services: Handed to every handler.
            nouns: The operations and sockets of every noun.
            metrics: Where requests are counted.
            pages: Answers GETs outside `/api`: the web UI.
        """
        self._services = services
        self._config = services.config
        self._credentials = Credentials(self._config.api_key, self._config.auth_string)
        self._guard = OriginGuard(self._config)
        self._metrics = metrics
        self._pages = pages
        self._large_bodies = asyncio.Lock()
        self._memory_kept = False
        self._routes: PathTree[dict[str, _Route]] = PathTree()
        self._sockets: PathTree[list[tuple[list[str], SocketHandler]]] = PathTree()
        for noun in nouns:
            for operation in noun.operations:
                methods = self._routes.place(operation.path, dict[str, _Route])
                if operation.method in methods:
                    message = f"{operation.method} {operation.path} is declared twice"
                    raise ValueError(message)
                methods[operation.method] = _Route(operation, metrics)
            for path, handler in noun.sockets.items():
                self._sockets.place(path, list).append((parameter_names(path), handler))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket."""
        self._metrics.begin()
        try:
            if scope["type"] == "websocket":
                await self._serve_socket(scope, receive, send)
            else:
                await self._serve_request(scope, receive, send)
        finally:
            self._metrics.end()

    async def _serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        path = _path_of(scope)
        if path is None:
            if self._pages is not None and self._guard.accept(headers):
                await self._pages(scope, receive, send)
                return
            answer = _NOT_FOUND if self._guard.accept(headers) else _FORBIDDEN
        elif not self._guard.accept(headers):
            answer = _FORBIDDEN
        elif self._guard.is_foreign(headers.get(b"origin")):
            answer = await self._answer_foreign(path, scope, headers, receive)
        else:
            answer = await self._answer(path, scope, headers, receive)
        if answer is not None:
            await _send(send, answer)

    async def _answer_foreign(
        self, path: str, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Answer | None:
        """The answer to a page of another site that may call: the same, with CORS headers."""
        allowed = (
            (b"access-control-allow-origin", headers[b"origin"]),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
        )
        if scope["method"] == "OPTIONS":
            wanted = headers.get(b"access-control-request-headers", b"*")
            return Answer(
                204,
                headers=(
                    *allowed,
                    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
                    (b"access-control-allow-headers", wanted),
                ),
            )
        answer = await self._answer(path, scope, headers, receive)
        return answer and answer._replace(headers=(*answer.headers, *allowed))

    async def _answer(
        self, path: str, scope: Scope, headers: dict[bytes, bytes], receive: Receive
    ) -> Answer | None:
        if path not in _OPEN_PATHS and not self._credentials.accept_header(
            headers.get(b"authorization")
        ):
            return _UNAUTHORIZED
        found = self._routes.find(path)
        if found is None:
            return _NOT_FOUND
        methods, parameters = found
        route = methods.get(scope["method"])
        if route is None:
            return _METHOD_NOT_ALLOWED
        started = perf_counter()
        answer = refuse_version(headers) or await self._run(
            route, parameters, scope, headers, receive
        )
        if answer is not None:
            route.times.record(answer.status, perf_counter() - started)
        return answer

    async def _run(
        self,
        route: _Route,
        parameters: list[str],
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
    ) -> Answer | None:
        operation = route.operation
        data = b""
        try:
            body: Any = None
            if operation.body is not None:
                data = await _read_body(headers, receive, self._config.max_body_bytes)
                body = await self._decode(operation.body, data)
            path = dict(zip(route.names, parameters, strict=True))
            call = Call(self._services, path, headers, scope["query_string"], body, receive)
            return _finish(operation, await operation.handler(call))
        except _Disconnected:
            return None
        except Exception as error:  # noqa: BLE001 - the edge of the server: it logs and goes on
            answer = _answer_exception(error, data, f"{scope['method']} {scope['path']}")
            clear_frames(error)
            return answer

    async def _decode(self, kind: Any, data: bytes) -> Any:
        """The body as an object. A large one is read in a thread, so that others are served meanwhile."""
        if kind is bytes:
            return data
        if len(data) <= _LARGE_BYTES:
            return decode(kind, data)
        # one at a time: what is made of it may be ten times as large
        async with self._large_bodies:
            try:
                return await asyncio.to_thread(decode, kind, data)
            finally:
                self._give_memory_back_soon()

    def _give_memory_back_soon(self) -> None:
        """Once for all large bodies of the next seconds: what was made of them is gone by then."""
        if self._memory_kept:
            return
        self._memory_kept = True
        asyncio.get_running_loop().call_later(_GIVE_BACK_SECONDS, self._give_memory_back)

    def _give_memory_back(self) -> None:
        self._memory_kept = False
        asyncio.get_running_loop().run_in_executor(None, give_back)

    async def _serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = Socket(scope, receive, send)
        path = _path_of(scope)
        found = None if path is None else self._sockets.find(path)
        if found is None or not self._guard.accept(socket.headers):
            await receive()
            await socket.close(POLICY_VIOLATION)
            return
        [(names, handler)], parameters = found
        try:
            if await socket.open(self._credentials):
                await handler(self._services, dict(zip(names, parameters, strict=True)), socket)
                await socket.close()
        except SocketClosed:
            pass
        except Exception:  # the edge of the server: one socket's defect must not end it
            logger.exception("WebSocket %s failed", scope["path"])
            await socket.close(1011, "internal error")


def refuse_version(headers: Mapping[bytes, bytes]) -> Answer | None:
    """The refusal of a client whose API version is too old or not a version; else None."""
    given = headers.get(b"x-prefect-api-version")
    if given is None:
        return None
    match = _API_VERSION.fullmatch(given)
    if match is None:
        text = given.decode("latin-1")
        return refuse(400, f"X-PREFECT-API-VERSION must be of the form x.y.z, and is {text!r}.")
    if (int(match[1]), int(match[2]), int(match[3])) < _OLDEST_API_VERSION:
        oldest = ".".join(map(str, _OLDEST_API_VERSION))
        return refuse(
            400, f"API version {given.decode()} is too old: this server needs {oldest} or newer."
        )
    return None


def _path_of(scope: Scope) -> str | None:
    """The path after `/api`, still percent-encoded; None for what lies elsewhere."""
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"] if raw is None else raw.decode("latin-1")
    if path == _METRICS_PATH:
        return path
    return strip_prefix(path)


async def _read_body(headers: Mapping[bytes, bytes], receive: Receive, limit: int) -> bytes:
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise _TooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _Disconnected
    data: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return data
    parts = [data]
    size = len(data)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Disconnected
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise _TooLarge
        parts.append(part)
    return b"".join(parts)


def _finish(operation: Operation, result: Result) -> Answer:
    if isinstance(result, bytes):
        return Answer(operation.status, result)
    if result is None:
        return Answer(operation.status, b"" if operation.status == 204 else b"null")
    return result


def _answer_exception(error: Exception, body: bytes, request: str) -> Answer:
    if isinstance(error, HeadraceError):
        return answer_error(error, body)
    if isinstance(error, _TooLarge):
        return _TOO_LARGE
    if isinstance(error, RecursionError):
        return refuse(422, "The body is nested too deeply.")
    # One request's defect must not end the server.
    logger.error("%s failed", request, exc_info=error)
    return _BROKEN


async def _send(send: Send, answer: Answer) -> None:
    body = answer.body
    if not isinstance(body, bytes):
        await _send_parts(send, answer, body)
        return
    headers: list[tuple[bytes, bytes]] = [(b"content-length", b"%d" % len(body))]
    if body:
        headers.append((b"content-type", answer.media_type))
    headers.extend(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_parts(send: Send, answer: Answer, parts: AsyncIterator[bytes]) -> None:
    headers = [(b"content-type", answer.media_type), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    async for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
