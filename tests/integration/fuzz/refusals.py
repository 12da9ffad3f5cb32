"""The forms in which a request is refused."""

import json

from tests.integration.fuzz.caller import Reply

_FAULT = {"type": str, "loc": list, "msg": str}


def complain(reply: Reply) -> str | None:
    """What is wrong about an answer; None where nothing is."""
    if reply.status >= 500:
        return f"{reply.status}: {reply.body[:300]!r}"
    if reply.status < 400:
        return None if 200 <= reply.status < 300 else f"{reply.status} is no answer"
    if reply.media_type != "application/json":
        return f"{reply.status} as {reply.media_type!r}: {reply.body[:300]!r}"
    try:
        answer = json.loads(reply.body)
    except ValueError:
        return f"{reply.status} is no JSON: {reply.body[:300]!r}"
    if not isinstance(answer, dict) or not _says_why(answer):
        return f"{reply.status} does not say why: {reply.body[:300]!r}"
    return None


def _says_why(answer: dict[str, object]) -> bool:
    """One sentence, or every bad field."""
    faults = answer.get("exception_detail")
    if faults is None:
        return isinstance(answer.get("detail", answer.get("exception_message")), str)
    return (
        isinstance(answer["exception_message"], str)
        and "request_body" in answer
        and isinstance(faults, list)
        and bool(faults)
        and all(
            isinstance(fault.get(name), kind) for fault in faults for name, kind in _FAULT.items()
        )
        and all("input" in fault for fault in faults)
    )
