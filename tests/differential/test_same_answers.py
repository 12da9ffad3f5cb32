"""A sample of the differential comparison: the same load and the same questions to both servers."""

from pathlib import Path

import pytest

from headrace.testing import peer
from headrace.testing.differential.answers import Answers
from headrace.testing.differential.comparison import compare
from headrace.testing.differential.sides import Reply, headrace
from headrace.testing.differential.sides import peer as peer_server
from headrace.testing.differential.world import World

PEER = Path(__file__).parents[2] / ".peer"  # the interoperability tests install it there too


@pytest.mark.timeout(600)
def test_both_answer_alike(tmp_path: Path) -> None:
    """What differs, beyond what is meant to, is a defect; the seed in the message repeats it."""
    seed = 7  # others by `python -m headrace.testing.differential SEED`
    python = peer.install(PEER)
    with (
        headrace(tmp_path / "ours", str(tmp_path / "headrace.db")) as ours,
        peer_server(python, tmp_path / "peers") as peers,
    ):
        findings = compare(ours, peers, seed, runs=40, reads=300)
    assert findings.differences == {}, f"seed {seed}"
    assert findings.answered.total() > 250


@pytest.fixture
def answers() -> Answers:
    """Comparison over a world in which each side has one object."""
    world = World.__new__(World)
    world.labels = ({}, {})
    return Answers(world)


def test_a_difference_is_seen(answers: Answers) -> None:
    """Another status, value, length or order of a list does not pass."""
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": 1})) == []
    assert answers.compare(Reply(200, {"a": 1}), Reply(404, {})) != []
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": 2})) != []
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": True})) != []
    assert answers.compare(Reply(200, [1]), Reply(200, [1, 2])) != []
    rows = [{"id": "1", "n": 1}, {"id": "2", "n": 2}]
    assert answers.compare_lists(rows, rows, "n", cut=False) == []
    assert answers.compare_lists(rows, rows[::-1], "n", cut=False) != []
