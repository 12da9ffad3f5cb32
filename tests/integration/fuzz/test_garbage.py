"""A sample of garbage in fields, bodies, paths, queries and headers of every operation gets an answer."""

import gc
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from headrace.server.api.operations import Operation
from tests.integration.fuzz import garbage
from tests.integration.fuzz.caller import Caller
from tests.integration.fuzz.catalogue import OPERATIONS, label
from tests.integration.fuzz.contents import digest
from tests.integration.fuzz.garbage import Garbage, Kind, some
from tests.integration.fuzz.refusals import complain
from tests.integration.fuzz.rights import is_taking
from tests.integration.fuzz.world import World


def ask(
    server: Any, operations: Iterable[Operation], kinds: list[Kind]
) -> list[tuple[Operation, Garbage, int]]:
    """Send garbage; what was sent and the status. No answer may be the server's fault."""
    sent: list[tuple[Operation, Garbage, int]] = []
    found: list[str] = []
    with closing(Caller(server.port)) as caller:
        world = World(caller).fill()
        for operation in sorted(operations, key=is_taking):
            for one in (one for kind in kinds for one in kind(world, operation)):
                reply = caller.call(operation.method, one.path, one.body, **one.headers)
                sent.append((operation, one, reply.status))
                what = None if operation.unfinished and reply.status == 501 else complain(reply)
                if what is not None:
                    found.append(f"{label(operation)} {one.path[:100]} {one.body!r:.200}: {what}")
    assert not found, "\n".join(found[:20])
    return sent


def test_garbage_gets_an_answer_and_changes_nothing_where_it_is_refused(
    server: Any, database_url: str
):
    """In each field of a body; instead of a body. What was refused, sent again, changes no row."""
    kinds = [some(garbage.spoilt_fields, 200), some(garbage.bad_bodies, 12)]
    sent = ask(server, OPERATIONS, kinds)
    refused = [each for each in sent if each[2] >= 400][::4]
    before = digest(database_url)
    with closing(Caller(server.port)) as caller:
        again = [caller.call(each.method, one.path, one.body).status for each, one, _ in refused]
    assert all(status >= 400 for status in again)
    assert digest(database_url) == before


def test_garbage_in_addresses_and_headers_gets_an_answer(sqlite_server: Any):
    """In each part of a path, in the query, in headers."""
    kinds = [some(garbage.bad_addresses, 12), some(garbage.bad_headers, 12)]
    ask(sqlite_server, OPERATIONS, kinds)


def test_large_bodies_get_an_answer(sqlite_server: Any):
    """Ten megabytes of each kind."""
    some = [each for each in OPERATIONS if label(each) == "POST /flow_runs/filter"]
    sent = ask(sqlite_server, some, [garbage.large_bodies])
    assert {status for _, _, status in sent} <= {200, 201, 204, 422}


def test_a_history_that_leaves_the_calendar_is_refused(sqlite_server: Any):
    """By its interval, or by where it begins."""
    for start, seconds in (("2026-01-01T00:00:00Z", 2**63), ("9999-12-31T23:00:00Z", 86400)):
        span = {"history_start": start, "history_end": "9999-12-31T23:59:59Z"}
        body = {**span, "history_interval_seconds": seconds}
        assert sqlite_server.post("/flow_runs/history", body).status == 422


def test_what_a_refused_body_held_is_let_go_at_once(sqlite_server: Any):
    """Without waiting for the collector, which seldom looks at objects that have grown old."""
    lists = {"flows": {"id": {"any_": [[] for _ in range(100_000)]}}}
    sqlite_server.post("/flows/filter", lists)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(3):
            assert sqlite_server.post("/flows/filter", lists).status == 422
        assert len(gc.get_objects()) < before + 100_000
    finally:
        gc.enable()
