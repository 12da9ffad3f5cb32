"""Every pair of states, as a server of the contract answered and as ours does."""

from pathlib import Path

import pytest
from tests.integration.conftest import LiveServer

from headrace.server.config import ServerConfig
from headrace.testing.differential.state_cases import all_cases
from headrace.testing.differential.state_pairs import compare, load, record, sample, save

RECORDED = Path(__file__).parent / "data" / "state_pairs.json"
EVERY = {"sqlite": 20, "postgresql": 60}  # the whole takes a minute and is one command
CONNECTIONS = 4


@pytest.mark.parametrize("kind", EVERY)
def test_proposals_are_answered_as_the_contracts_server_did(
    kind: str, request: pytest.FixtureRequest
):
    """Status, verdict, resulting state, counters and times, but for the listed differences."""
    config = ServerConfig(loops_enabled=False)  # a loop would end pauses that are over
    server = LiveServer(request.getfixturevalue(f"{kind}_url"), config).start()
    try:
        url = f"http://127.0.0.1:{server.port}/api"
        found = record(url, sample(EVERY[kind], start=1), CONNECTIONS)
    finally:
        server.stop()
    theirs = load(RECORDED)
    assert sum(map(len, found.values())) > 150
    assert {label for row in found.values() for label in row} <= {
        label for row in theirs.values() for label in row
    }
    assert compare(theirs, found) == []


def test_the_recording_has_every_case():
    """Nothing is left out of the comparison for want of an answer."""
    theirs = load(RECORDED)
    missing = [case for case in all_cases() if case.proposed.label not in theirs.get(case.row, {})]
    assert missing == []


def test_a_recording_is_read_as_it_was_written(tmp_path: Path):
    """With rows of different proposals, and outcomes that several share."""
    recording = {
        "a": {"Running": "201 ACCEPT", "Failed": "200 ABORT"},
        "b": {"Running": "200 ABORT", "Failed": "200 ABORT"},
        "c": {"Pending": "201 ACCEPT"},
    }
    save(tmp_path / "recording.json", recording)
    assert load(tmp_path / "recording.json") == recording


def test_a_difference_is_told():
    """A case whose outcome is another one is named with both."""
    theirs = {"flow-run | no policy | Running": {"Completed": "201 ACCEPT"}}
    ours = {"flow-run | no policy | Running": {"Completed": "200 WAIT", "Unknown": "201"}}
    [line] = compare(theirs, ours)
    assert "Running → Completed" in line
    assert "200 WAIT" in line
