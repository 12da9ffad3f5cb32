"""One cluster's API, by the official client: time-outs, retries, and answers as bytes.

Objects go in as JSON and come out as JSON: the client's own models cost milliseconds for each pod, which
a list of thousands cannot afford.
"""

import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.kubernetes.connection import Access, connect
from headrace.infrastructure.kubernetes.refusals import EXPECTED, Refused
from headrace.infrastructure.kubernetes.views import StatusView

CONNECT_SECONDS: Final = (
    5.0  # for a connection, TLS included: a cluster that is there answers in one
)
READ_SECONDS: Final = 30.0  # between bytes of an answer; a page of a list takes the API about one
_TRIES: Final = 4  # of a request that may work in a moment
_PAUSE_FIRST, _PAUSE_LONGEST = 0.25, 5.0  # seconds between tries
_CHUNK = 65_536  # bytes read of a stream at once


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said: a success, or one of the refusals that callers expect.

    Args:
        status: 2xx, 404, 409 or 410.
        body: JSON.
        skew: How far the cluster's clock is ahead of ours, seconds.
    """

    status: int
    body: bytes
    skew: float = 0.0
    refusal: StatusView = field(default_factory=StatusView)

    @property
    def is_ok(self) -> bool:
        """Whether it did what was asked."""
        return self.status < HTTPStatus.BAD_REQUEST


class Cluster:
    """Requests to one cluster. Thread-safe.

    Args:
        access: How it is reached.
        wait: Waits between tries for some seconds; whether to give up.
    """

    def __init__(
        self, access: Access, wait: Callable[[float], bool] | None = None, most: int = 64
    ) -> None:
        self.access = access
        self._wait = wait or threading.Event().wait
        self._most = most
        self._lock = threading.Lock()
        self._client: Any = None

    def jobs(self, verb: str, *arguments: object, tries: int = _TRIES, **options: object) -> Answer:
        """A request about jobs: `create`, `read`, `list`, `delete`.

        It is sent up to `tries` times where it may work in a moment: names are given, not made, so
        every request can be sent twice.

        Raises:
            InfrastructureUnavailable: It did not work now, and its effect is not known.
            InfrastructureError: It is refused for good.
        """
        return self._call("BatchV1Api", f"{verb}_namespaced_job", arguments, options, tries)

    def core(self, verb: str, *arguments: object, tries: int = _TRIES, **options: object) -> Answer:
        """A request about pods, secrets and events: `list_namespaced_pod` and so on. As `jobs`."""
        return self._call("CoreV1Api", verb, arguments, options, tries)

    def _call(
        self,
        api: str,
        method: str,
        arguments: tuple[object, ...],
        options: Mapping[str, object],
        tries: int,
    ) -> Answer:
        pause = _PAUSE_FIRST
        for left in range(tries - 1, -1, -1):
            try:
                return self._try(api, method, arguments, options)
            except _NotNow as error:
                if not left or self._wait(max(pause, min(error.after, _PAUSE_LONGEST))):
                    raise InfrastructureUnavailable(str(error)) from None
                pause = min(pause * 2, _PAUSE_LONGEST)
        raise AssertionError  # the last try answers or raises

    @contextlib.contextmanager
    def stream(
        self, method: str, *arguments: object, read_seconds: float, **options: object
    ) -> Generator[Iterator[bytes]]:
        """Read the lines of an answer as they come.

        Args:
            method: Of the core API.
            arguments: Its arguments.
            read_seconds: How long no byte may come.
            options: Its options.

        Raises:
            InfrastructureUnavailable: It does not answer, or stopped doing so.
            InfrastructureError: It is refused.
        """
        response = None
        try:
            send = self._method("CoreV1Api", method)
            response = send(
                *arguments,
                **options,
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, read_seconds),
            )
            yield _lines(response.stream(amt=_CHUNK, decode_content=False))
        except ApiException as error:
            raise Refused.of(error).error from None
        except (HTTPError, OSError) as error:
            raise InfrastructureUnavailable(_unreachable(error)) from None
        finally:
            if response is not None:
                response.close()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            made, self._client = self._client, None
        if made is not None:
            made.rest_client.pool_manager.clear()

    def _try(
        self, api: str, method: str, arguments: tuple[object, ...], options: Mapping[str, object]
    ) -> Answer:
        try:
            send = self._method(api, method)
            response = send(
                *arguments,
                **options,
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            return Answer(response.status, response.data, _skew(response.headers))
        except ApiException as error:
            return self._answer(Refused.of(error))
        except (HTTPError, OSError) as error:
            raise _NotNow(_unreachable(error)) from None

    def _answer(self, refused: Refused) -> Answer:
        if refused.status in EXPECTED:
            return Answer(refused.status, refused.body, refusal=refused.said)
        if refused.is_transient:
            raise _NotNow(str(refused.error), refused.after)
        if refused.status == HTTPStatus.UNAUTHORIZED:
            self.close()  # the next request reads the credentials anew
        raise refused.error

    def _method(self, api: str, method: str) -> Callable[..., Any]:
        with self._lock:
            if self._client is None:
                self._client = connect(self.access, self._most)
            made = self._client
        return getattr(getattr(client, api)(made), method)


class _NotNow(Exception):  # never leaves this module
    def __init__(self, message: str, after: float = 0.0) -> None:
        self.after = after
        super().__init__(message)


def _unreachable(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return f"the cluster's API does not answer: {reason}"


def _skew(headers: Mapping[str, str]) -> float:
    try:
        date = parsedate_to_datetime(headers.get("Date") or "")
    except ValueError:
        return 0.0
    return (date - datetime.now(UTC)).total_seconds() if date.tzinfo else 0.0


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if rest:
        yield rest
