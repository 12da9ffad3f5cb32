"""Workers that share a pool keep its limits and serve its queues in their order."""

from pathlib import Path

import pytest
from bench.queues.history import problems
from bench.queues.scene import POOL_LIMIT, QUEUES, scene

WORKERS = 4
RUNS = 60
PATIENCE_SECONDS = 120.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_history_of_a_crowded_pool(
    dialect: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Three queues under a pool's limit, more workers than one: every run once, no limit passed."""
    database = str(tmp_path / "crowded.db")
    if dialect == "postgresql":
        database = request.getfixturevalue("postgresql_url")
    with scene(tmp_path / "scene", database, WORKERS) as crowded:
        runs = crowded.history(crowded.flood(5, RUNS), PATIENCE_SECONDS)
    assert problems(runs, QUEUES, POOL_LIMIT) == []
