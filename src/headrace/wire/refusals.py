"""Wire objects of refusals."""

from typing import Any

import msgspec

from headrace.wire.objects import Wire


class Refusal(Wire, kw_only=True):
    """Why a request was refused, in one sentence."""

    detail: str


class Fault(Wire, kw_only=True):
    """One bad field."""

    type: str
    loc: list[str | int]
    msg: str
    input: Any = None
    ctx: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])


class InvalidRequest(Wire, kw_only=True):
    """Every bad field of a request."""

    exception_message: str
    exception_detail: list[Fault] = msgspec.field(default_factory=list[Fault])
    request_body: Any = None
