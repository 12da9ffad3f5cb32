"""One table from error codes to HTTP, and the bodies of refusals."""

from http import HTTPStatus
from typing import cast

from headrace.errors import HeadraceError, SlotsTaken, ValidationFailed
from headrace.server.api.operations import Answer
from headrace.wire.decode import encode
from headrace.wire.faults import parse, scrub

# A client that gets one of the 503s keeps its data and comes back after `Retry-After`.
STATUS_OF_CODE: dict[str, int] = {
    "validation_failed": 422,
    "unprocessable": 422,
    "not_found": 404,
    "already_exists": 409,
    "conflict": 409,
    "bad_request": 400,
    "secrets_unreadable": 503,
    "slots_taken": 423,
    "lease_gone": 410,
    "unauthorized": 401,
    "forbidden": 403,
    "not_implemented": 501,
    "stale_write": 409,
    "unique_violation": 409,
    "foreign_key_violation": 409,
    "database_read_only": 503,
    "database_full": 503,
    "database_unavailable": 503,
    "database_not_ours": 503,
    "database_in_use": 503,
    "too_busy": 503,
}

# Seconds: a queue of writes empties in well under one; a disk or a database takes a person.
_RETRY_AFTER = {"too_busy": b"1"}
_RETRY_AFTER_OTHERS = b"5"

# Where the error's class is told: the contract's bodies have no place for it.
CODE_HEADER = b"x-headrace-error"


def refuse(status: int, detail: str, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer that says in one sentence why it is no."""
    return Answer(status, encode({"detail": scrub(detail)}), headers=headers)


def answer_error(error: HeadraceError, body: bytes) -> Answer:
    """The answer to a request that ended in this error.

    Args:
        error: What was raised.
        body: The request's body, which a 422 repeats.
    """
    status = STATUS_OF_CODE.get(error.code, 500)
    headers = [(CODE_HEADER, error.code.encode())]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", _RETRY_AFTER.get(error.code, _RETRY_AFTER_OTHERS)))
    if isinstance(error, SlotsTaken) and error.retry_after is not None:
        headers.append((b"retry-after", f"{error.retry_after:.3f}".encode()))
    if isinstance(error, ValidationFailed):
        return Answer(status, _explain(error, body), headers=tuple(headers))
    return refuse(status, str(error), *headers)


def _explain(error: ValidationFailed, body: bytes) -> bytes:
    return encode(
        {
            "exception_message": "Invalid request received.",
            "exception_detail": error.errors if len(body) <= _REPEATED_BYTES else _shorten(error),
            "request_body": _repeat(body),
        }
    )


# Bytes of a bad body that its answer repeats: enough for a person to recognise it.
_REPEATED_BYTES = 100_000


_SHOWN_CHARACTERS = 200


def _shorten(error: ValidationFailed) -> list[dict[str, object]]:
    """The faults of a large body, less the large values in it."""
    return [
        {**fault, "input": _shorten_value(fault["input"])} if "input" in fault else fault
        for fault in error.errors
    ]


def _shorten_value(value: object) -> object:
    if isinstance(value, str):
        return value[:_SHOWN_CHARACTERS]
    if isinstance(value, dict | list):
        return f"{len(cast('list[object] | dict[str, object]', value))} entries"
    return value


def _repeat(body: bytes) -> object:
    if not body:
        return None
    if len(body) <= _REPEATED_BYTES:
        try:
            return parse(body)
        except ValidationFailed:
            pass
    return scrub(body[:_REPEATED_BYTES].decode("utf-8", "replace"))
