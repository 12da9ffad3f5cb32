"""What an HTTP operation is: declared once beside its function, for routing and for the document."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

from headrace.errors import ValidationFailed
from headrace.server.auth.sockets import Socket
from headrace.server.services.container import Services
from headrace.wire.faults import make_fault

B = TypeVar("B")
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

JSON = b"application/json"


class Answer(NamedTuple):
    """An answer whose status or form is not the operation's usual one."""

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    """Whole, or in parts that are sent as they come."""
    media_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()


Result = Answer | bytes | None
"""Bytes are JSON with the declared status; None is an empty answer (204) or `null`."""


class Call(Generic[B]):
    """One request, as its handler sees it."""

    __slots__ = ("_query", "_receive", "body", "headers", "path", "query_string", "services")

    def __init__(  # noqa: PLR0917 - made once per request, by position because that is faster
        self,
        services: Services,
        path: dict[str, str],
        headers: dict[bytes, bytes],
        query_string: bytes,
        body: B,
        receive: Receive,
    ) -> None:
        self.services = services
        self.path = path
        """Values of the `{…}` parts of the path; a `uuid` part is in lower case with hyphens."""
        self.headers = headers
        """By lower-case name."""
        self.query_string = query_string
        self.body = body
        self._receive = receive
        self._query: dict[str, list[str]] | None = None

    def header(self, name: str) -> str | None:
        """A header's value; `name` in lower case."""
        value = self.headers.get(name.encode("latin-1"))
        return None if value is None else value.decode("latin-1")

    def query(self, name: str) -> str | None:
        """The first value of a query parameter."""
        if self._query is None:
            self._query = parse_qs(
                self.query_string.decode("utf-8", "replace"), keep_blank_values=True
            )
        values = self._query.get(name)
        return values[0] if values else None

    def query_uuid(self, name: str) -> str:
        """A query parameter that must be there and be a UUID. Raises `ValidationFailed`."""
        value = self.query(name)
        if value is None:
            raise ValidationFailed([make_fault("missing", ("query", name), "Field required", None)])
        try:
            return str(UUID(value))
        except ValueError as error:
            message = f"Input should be a valid UUID: {error}"
            raise ValidationFailed(
                [make_fault("uuid_parsing", ("query", name), message, value)]
            ) from error

    async def disconnected(self) -> None:
        """Return when the caller has gone: a call that is held open races against it."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


Handler = Callable[[Call[Any]], Awaitable[Result]]
SocketHandler = Callable[[Services, dict[str, str], Socket], Awaitable[None]]
H = TypeVar("H", bound=SocketHandler)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path."""

    method: str
    path: str
    handler: Handler
    body: Any = None
    """Type of the request's body; None where there is none."""
    returns: Any = None
    """Type of the answer's body, for the document."""
    status: int = 200
    """Status of an answer that does not name its own."""
    also: tuple[int, ...] = ()
    """Other statuses of success, for the document."""
    media_type: str = "application/json"
    """Of an answer that is a success, for the document."""
    unfinished: bool = False
    """Whether it answers 501 to requests for what this version does not do, for the document."""
    tag: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Types, for the document: of query parameters, and of parts of the path that are not any text."""
    optional: tuple[str, ...] = ()
    """Query parameters that may be left out."""


async def _unbound(_: Call[Any]) -> Result:
    """Stands where a decorator has not yet put the function it decorates."""
    raise NotImplementedError


class Operations:
    """The operations of one noun. A module of `server.api` has one and decorates its handlers.

    A path begins after `/api` and is written as in the contract. `{name}` takes one part of the path
    as it is, `{id:uuid}` only a UUID: other text there is an unknown path.
    """

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []
        self.sockets: dict[str, SocketHandler] = {}

    def get(
        self,
        path: str,
        *,
        returns: Any = None,
        status: int = 200,
        parameters: Mapping[str, Any] | None = None,
        optional: tuple[str, ...] = (),
        media_type: str = "application/json",
    ) -> Callable[[Callable[[Call[None]], Awaitable[Result]]], Handler]:
        """Declare a GET."""
        declared = Operation("GET", path, _unbound, None, returns, status)
        return self._declare(
            replace(declared, parameters=parameters or {}, optional=optional, media_type=media_type)
        )

    def delete(
        self, path: str, *, returns: Any = None, status: int = 204
    ) -> Callable[[Callable[[Call[None]], Awaitable[Result]]], Handler]:
        """Declare a DELETE."""
        return self._declare(Operation("DELETE", path, _unbound, None, returns, status))

    def post(
        self,
        path: str,
        body: type[B],
        *,
        returns: Any = None,
        status: int = 200,
        also: tuple[int, ...] = (),
        parameters: Mapping[str, Any] | None = None,
        unfinished: bool = False,
    ) -> Callable[[Callable[[Call[B]], Awaitable[Result]]], Handler]:
        """Declare a POST with a body."""
        declared = Operation("POST", path, _unbound, body, returns, status, also)
        return self._declare(replace(declared, parameters=parameters or {}, unfinished=unfinished))

    def post_empty(
        self, path: str, *, returns: Any = None, status: int = 200
    ) -> Callable[[Callable[[Call[None]], Awaitable[Result]]], Handler]:
        """Declare a POST that has no body; one that comes is not looked at."""
        return self._declare(Operation("POST", path, _unbound, None, returns, status))

    def put(
        self,
        path: str,
        body: type[B],
        *,
        returns: Any = None,
        status: int = 200,
        also: tuple[int, ...] = (),
    ) -> Callable[[Callable[[Call[B]], Awaitable[Result]]], Handler]:
        """Declare a PUT."""
        return self._declare(Operation("PUT", path, _unbound, body, returns, status, also))

    def put_bytes(self, path: str, *, status: int = 204) -> Callable[[Handler], Handler]:
        """Declare a PUT whose body is handed over as it came, which need not be JSON."""
        return self._declare(Operation("PUT", path, _unbound, bytes, None, status))

    def patch(
        self,
        path: str,
        body: type[B],
        *,
        returns: Any = None,
        status: int = 204,
        unfinished: bool = False,
    ) -> Callable[[Callable[[Call[B]], Awaitable[Result]]], Handler]:
        """Declare a PATCH."""
        declared = Operation("PATCH", path, _unbound, body, returns, status)
        return self._declare(replace(declared, unfinished=unfinished))

    def socket(self, path: str) -> Callable[[H], H]:
        """Declare a WebSocket. The handler gets it open and authenticated."""

        def register(handler: H) -> H:
            self.sockets[path] = handler
            return handler

        return register

    def _declare(self, operation: Operation) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.operations.append(replace(operation, handler=handler, tag=self.tag))
            return handler

        return register
