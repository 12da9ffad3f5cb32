"""What an answer means: the object it carries, or the error class that its status and body stand for."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from headrace import errors
from headrace.errors import HeadraceError, UnexpectedAnswer, ValidationFailed

if TYPE_CHECKING:
    from headrace.client.connection import Answer

T = TypeVar("T")

BY_STATUS: dict[int, type[HeadraceError]] = {
    400: errors.Conflict,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.ObjectNotFound,
    405: errors.NotImplementedYet,
    409: errors.Conflict,
    413: errors.Conflict,
    410: errors.LeaseGone,
    423: errors.SlotsTaken,
    429: errors.TooBusy,
    501: errors.NotImplementedYet,
    503: errors.TooBusy,
}
SHOWN = 500  # characters of a body that is not ours shown in a message


def _by_code() -> dict[str, type[HeadraceError]]:
    found: dict[str, type[HeadraceError]] = {}
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, HeadraceError):
            found[value.code] = value
    return found


BY_CODE = _by_code()


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def decode(kind: type[T], answer: Answer, what: str) -> T:
    """The object of type `kind` in a successful answer; `Raw` is the body as it came.

    Raises:
        UnexpectedAnswer: The body is not of that form.
    """
    if kind is msgspec.Raw:
        return cast("T", msgspec.Raw(answer.body))
    try:
        return _decoder(kind).decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        shown = answer.body[:SHOWN].decode("utf-8", "replace")
        message = f"{what} answered something else than {_name(kind)} ({error}): {shown}"
        raise UnexpectedAnswer(message) from None


def _name(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def error_of(answer: Answer, what: str) -> HeadraceError:
    """The error that an unsuccessful answer stands for, with the server's message."""
    body = _body(answer)
    message = _message(body, answer)
    kind = BY_CODE.get(answer.headers.get("x-headrace-error", "")) or BY_STATUS.get(answer.status)
    if answer.status == 422 and (kind is None or kind is ValidationFailed):
        return _invalid(body, message)
    if kind is None:
        kind = errors.ServerFault if answer.status >= 500 else UnexpectedAnswer
    if answer.status == 409 and kind is errors.Conflict and "already exists" in message:
        kind = errors.ObjectAlreadyExists  # the contract has one status and no code for both
    if kind is ValidationFailed:
        return _invalid(body, message)
    text = f"{what}: {message} (status {answer.status})"
    if kind is errors.SlotsTaken:
        return errors.SlotsTaken(text, _seconds(answer.headers.get("retry-after")))
    return kind(text)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else max(0.0, float(text))
    except ValueError:  # the form with a date, which this API does not use
        return None


def _body(answer: Answer) -> dict[str, object]:
    try:
        body = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return cast("dict[str, object]", body) if isinstance(body, dict) else {}


def _message(body: dict[str, object], answer: Answer) -> str:
    for key in ("detail", "exception_message"):
        if body.get(key):
            return str(body[key])
    return answer.body[:SHOWN].decode("utf-8", "replace") or "no message"


def _invalid(body: dict[str, object], message: str) -> ValidationFailed:
    details = body.get("exception_detail") or body.get("detail")
    if isinstance(details, list) and details:
        return ValidationFailed(cast("list[dict[str, object]]", details))
    return ValidationFailed([{"loc": ["body"], "msg": message, "type": "value_error"}])
