"""What the API's refusals mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec
from kubernetes.client.exceptions import ApiException

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.kubernetes.views import StatusView

EXPECTED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.GONE})
"""What callers decide about themselves."""

_TRANSIENT = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that is no success.

    Args:
        status: The HTTP status.
        body: What came with it.
        said: The same, read.
        after: Seconds after which the API wants to be asked again.
    """

    status: int
    body: bytes
    said: StatusView
    after: float

    @classmethod
    def of(cls, error: ApiException) -> "Refused":
        """What the client raised, read."""
        raised: Any = error  # its attributes have no types
        body = raised.body if isinstance(raised.body, bytes) else str(raised.body or "").encode()
        said = _read(body)
        if not said.message:
            said = msgspec.structs.replace(said, message=str(raised.reason or "no reason given"))
        return cls(int(raised.status or 0), body, said, _retry_after(raised.headers or {}))

    @property
    def is_transient(self) -> bool:
        """Whether the same request may work in a moment."""
        return self.status in _TRANSIENT or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def error(self) -> InfrastructureError:
        """What to raise for it."""
        said = self.said.message
        if self.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            message = (
                f"the cluster does not let this worker do that ({self.status}): {said}. Give its "
                "account the role of a worker"
            )
            return InfrastructureError(message)
        if self.is_transient:
            return InfrastructureUnavailable(f"the cluster's API answers {self.status}: {said}")
        return InfrastructureError(f"the cluster's API refuses it ({self.status}): {said}")


def _read(body: bytes) -> StatusView:
    try:
        return msgspec.json.decode(body, type=StatusView)
    except msgspec.MsgspecError:
        return StatusView(message=body.decode("utf-8", "replace").strip())


def _retry_after(headers: Mapping[str, str]) -> float:
    value = headers.get("Retry-After") or headers.get("retry-after") or ""
    return float(value) if value.isdigit() else 0.0
