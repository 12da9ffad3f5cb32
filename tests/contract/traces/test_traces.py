"""Recorded traffic of the contract's own client, sent again: our server answers with the same values."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.traces.likeness import Likeness
from tests.contract.traces.replay import Replay
from tests.integration.conftest import LiveServer

DATA = Path(__file__).parent / "data"
# Traces that were recorded one after the other on one server.
SERVERS = (
    (
        "flow_with_tasks",
        "client_features",
        "background_tasks",
        "serve_pause_resume",
        "cli_and_worker",
    ),
    ("cancel_retry_limits_automation",),
    ("docker_worker",),
    ("errors",),
)
# Where Headrace means to answer otherwise, and why: patterns of differences. Nothing else may differ.
DELIBERATE = {
    r"(logo|documentation)_url: None": "We have no pictures and pages of another product.",
    r"aggregate-worker-metadata: .*\.(title|description): ": "Forms are labelled in our own words.",
    r"aggregate-worker-metadata: .*: not recorded$": "Pools of ours may have settings besides those.",
    r"\.concurrency_limit: '1', recorded 'None'": "A deployment tells its limit here as well.",
    r"/get_scheduled_flow_runs: \[0\]\.flow_run\.(state|work_(pool|queue)_\w+): ": (
        "A worker is told the run's whole state, its pool and its queue."
    ),
    r"\.run_count: '1', recorded '2'": "Going on after a pause is no second attempt: see core.progress.",
    r"^cancel_\w+ (115|232|308) .*: \d items, recorded ": (
        "A run that no slot is free for is not shown: it would be proposed in vain; and the time that "
        "passes until it is shown again does not pass here."
    ),
    r"deployment_concurrency_lease_id: 'None'|^cancel_\w+ 143 .*/renew": (
        "A run holds its deployment's slot as long as it lives: there is no lease to renew."
    ),
    r"/api/automations/: status 501|804728db.*: status 404": "Automations are stored, and do not fire yet.",
    r"e6c64785.*: status 404|^cancel_\w+ 272 ": "Its run is one that an automation would have made.",
    r"frame worker.ready.v1: .payload.(accepted_capabilities|effective_max_cleanup_concurrency)": (
        "No clean-up is delivered to workers over the channel."
    ),
    r"^cli_and_worker 67 .*: \.(last_polled|status): ": (
        "A deployment is ready before its poll is answered, not a moment after."
    ),
    r"^cli_and_worker 125 .*: 3 items, recorded 4": "The recording cut the ids that were asked for.",
    r"^errors 16 .*: \.(exception_detail|request_body)": (
        "A bad schedule is one fault with its sentence, not one for each kind that it might have been."
    ),
    r"^errors 17 .*: \.exception_detail\[0\]\.(loc|input)": "The bad parameter's own place is told.",
    r"^errors 30 .*: \.exception_detail": "Every missing field is named, not the first only.",
    r"^errors 34 .*: \.(exception_message|detail): ": "What does not exist is told of in one form.",
}
VERSION = "x-prefect-api-version"
HEADERS = {"errors": {37: {VERSION: "0.1.0"}, 38: {VERSION: "x"}}}


@pytest.mark.parametrize("traces", SERVERS, ids=lambda traces: traces[-1])
def test_traces_are_answered_as_recorded(
    traces: tuple[str, ...],
    serve: Callable[..., LiveServer],
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Statuses and values are equal but for ids, times, and what a server makes up."""
    # Nobody waits here for runs that do not come.
    monkeypatch.setattr("headrace.server.api.polls.HOLD_SECONDS", 0.05)
    replay = Replay(serve(database_url))
    found = [
        f"{trace} {what}"
        for trace in traces
        for what in replay.run(DATA / f"{trace}.jsonl.gz", HEADERS.get(trace, {}))
    ]
    unexplained = [one for one in found if not any(re.search(what, one) for what in DELIBERATE)]
    assert not unexplained, "\n".join(unexplained)


def test_a_difference_is_seen() -> None:
    """Another value, a missing or new field, a shorter list, another id or moment where one is known."""
    at = "2026-11-20T22:01:37.824146Z"
    known = {"id": "9ed23817-9a6c-4bb4-8424-4050a2b2bf8b", "n": 1, "at": at, "of": [1, 2]}
    for changed in (
        {"id": "00000000-0000-0000-0000-000000000001"},
        {"n": 2},
        {"n": True},
        {"n": None},
        {"at": "2026-11-20T22:01:38Z"},
        {"of": [1]},
        {"more": 1},
    ):
        likeness = Likeness()
        assert list(likeness.differences(known, known)) == []
        assert len(list(likeness.differences(known | changed, known))) == 1
        assert len(list(likeness.differences({}, known))) == len(known)
