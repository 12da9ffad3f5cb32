"""Whatever is sent to whichever operation, there is an answer, and it is not the server's fault."""

import http.client
import json
from typing import Any

import pytest

from headrace.server.app import NOUNS

NOBODY = "00000000-0000-0000-0000-000000000000"

BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"7",
    b"\xff\xfe",
    b"{",
    b"[" * 5000,
    b'{"a":' * 5000 + b"1" + b"}" * 5000,
    b'{"name":"\\u0000","tags":["\\ud800"]}',
    b'{"limit":9223372036854775808,"offset":18446744073709551616}',
    b'{"limit":1e999}',
    b'{"limit":NaN}',
    json.dumps({"name": "x" * 100_000}).encode(),
    json.dumps({"flows": {"name": {"like_": "%" * 100}}, "limit": "5"}).encode(),
    json.dumps({"flow_runs": {"id": {"any_": [NOBODY] * 2000}}}).encode(),
    json.dumps({"flow_runs": {"name": {"like_": "\ud800\x00"}}}).encode(),
]


def targets() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for noun in NOUNS:
        for operation in noun.operations:
            if operation.body is not None:
                path = operation.path
                while "{" in path:
                    before, _, rest = path.partition("{")
                    name, _, after = rest.partition("}")
                    path = before + (NOBODY if name.endswith(":uuid") else "x") + after
                found.append((operation.method, path))
    return found


@pytest.mark.parametrize("at", range(4))
def test_no_body_is_the_servers_fault(server: Any, at: int):
    """Every operation with a body, on both databases."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    failures: list[tuple[str, str, bytes, int, bytes]] = []
    for method, path in targets()[at::4]:
        for body in BODIES:
            connection.request(method, f"/api{path}", body=body)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 500:
                failures.append((method, path, body[:60], answer.status, text[:200]))
            elif text and answer.status >= 400:
                json.loads(text)
    connection.close()
    assert not failures


def test_a_history_that_leaves_the_calendar_is_refused(sqlite_server: Any):
    """By its interval, or by where it begins."""
    for start, seconds in (("2026-01-01T00:00:00Z", 2**63), ("9999-12-31T23:00:00Z", 86400)):
        span = {"history_start": start, "history_end": "9999-12-31T23:59:59Z"}
        body = {**span, "history_interval_seconds": seconds}
        assert sqlite_server.post("/flow_runs/history", body).status == 422
