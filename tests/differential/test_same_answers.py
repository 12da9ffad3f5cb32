"""A sample of the differential comparison: the same load and the same questions to all servers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from tests.conftest import PostgresqlServer

from headrace.testing import peer
from headrace.testing.differential.answers import Answers
from headrace.testing.differential.comparison import compare, plan_load
from headrace.testing.differential.findings import Findings
from headrace.testing.differential.kept import KeptLoad
from headrace.testing.differential.schedule_dates import compare_schedules, explains, passes_over
from headrace.testing.differential.servers import Servers
from headrace.testing.differential.sides import Reply
from headrace.testing.differential.world import World

PEER = Path(__file__).parents[2] / ".peer"  # the interoperability tests install it there too


OURS = 1
SEED = 7  # others by `python -m headrace.testing.differential --seed`
RUNS = 30


@pytest.mark.timeout(600)
def test_all_answer_alike(postgresql_server: PostgresqlServer, tmp_path: Path) -> None:
    """What differs, beyond what is meant to, is a defect; and a peer that is kept is not loaded again."""
    servers = Servers(peer.install(PEER), postgresql_server.url("postgres"))
    findings = Findings()
    steps = plan_load(SEED, RUNS)
    keep = KeptLoad(tmp_path, SEED, steps)
    with servers.world(keep.home) as world:
        compare(world, SEED, steps, 150, findings, keep=keep)
        compare_schedules(world, SEED, 8, 30, findings)
    assert findings.differences == {}, f"seed {SEED}"
    assert findings.answered.total() > 140
    assert findings.loaded["flow_run"] == RUNS
    again = Findings()
    with servers.world(keep.home) as world:
        compare(world, SEED, steps, 20, again, keep=KeptLoad(tmp_path, SEED, steps))
    assert again.differences == {}, f"seed {SEED}, kept"
    assert again.answered.total() > 15


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Comparison over a world without objects."""
    with World([]) as world:
        world.labels = ({}, {})
        yield Answers(world)


def test_a_difference_is_seen(answers: Answers) -> None:
    """Another status, value, length or order of a list does not pass."""
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": 1}), OURS) == []
    assert answers.compare(Reply(200, {"a": 1}), Reply(404, {}), OURS) != []
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": 2}), OURS) != []
    assert answers.compare(Reply(200, {"a": 1}), Reply(200, {"a": True}), OURS) != []
    assert answers.compare(Reply(200, [1]), Reply(200, [1, 2]), OURS) != []
    assert answers.compare(Reply(200, {"lateness": 1}), Reply(200, {"lateness": 500}), OURS) != []
    rows = [{"id": "1", "n": 1}, {"id": "2", "n": 2}]
    assert answers.compare_lists(rows, rows, OURS, "n", cut=False) == []
    assert answers.compare_lists(rows, rows[::-1], OURS, "n", cut=False) != []
    tied = [{"id": str(uuid4()), "n": 1, "m": number} for number in range(3)]
    again = [one | {"id": str(uuid4())} for one in tied]
    assert answers.compare_lists(tied, again[::-1], OURS, "n", cut=False) == []


def days(*hours: int, month: int = 3) -> list[datetime]:
    """Dates of one year, in hours from the beginning of a month."""
    return [datetime(2027, month, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]


def test_dates_may_differ_only_where_the_clock_jumps() -> None:
    """An hour aside is explained on the days of a jump in that zone, and for intervals of days."""
    jump = 27 * 24  # in Berlin the night to the 28th of March
    cron: dict[str, object] = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    assert explains(cron, days(jump + 1, jump + 200), days(jump + 2, jump + 200))
    assert not explains(cron, days(100, jump + 200), days(101, jump + 200))
    assert not explains(cron | {"timezone": "UTC"}, days(jump + 1), days(jump + 2))
    daily: dict[str, object] = {"interval": 86_400, "timezone": "Europe/Berlin"}
    assert explains(daily, days(24, 48, month=5), days(25, 49, month=5))
    assert not explains(daily, days(24, 48, month=5), days(27, 51, month=5))
    assert not explains(daily, days(24, 48), [])


def test_days_that_the_peer_passes_over_are_explained() -> None:
    """Only days that the expression names, and only where nothing else differs."""
    nth = {"cron": "0 0 8 * 3#2", "timezone": "UTC"}
    eighth, wednesday = 7 * 24, 9 * 24
    assert passes_over(nth, days(eighth, wednesday), days(wednesday))
    assert not passes_over(nth, days(eighth + 24, wednesday), days(wednesday))
    assert not passes_over(nth, days(wednesday), days(eighth, wednesday))
    assert not passes_over({"cron": "0 0 8 * 3"}, days(eighth, wednesday), days(wednesday))
    steps = {"cron": "0 0 */6 * *"}
    assert passes_over(steps, days(0, 6 * 24), days(6 * 24))
    assert not passes_over(steps, days(0, 6 * 24, month=4), days(6 * 24, month=4))
