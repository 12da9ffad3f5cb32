"""Whatever process is killed or stopped at whatever step, a run ends once and leaves nothing behind."""

from collections.abc import Iterator

import pytest
from bench.kills.scene import Scene, scene
from bench.kills.trial import STEPS, play

SEEDS = range(5)


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("kills")
    with scene(directory / "scene", str(directory / "kills.db")) as built:
        yield built


@pytest.mark.kill
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", STEPS)
def test_a_run_survives_or_ends_once(on_sqlite: Scene, step: str) -> None:
    """Server, worker or the run's process, killed or stopped, as the seed has it."""
    told = [play(on_sqlite, seed, step) for seed in SEEDS]
    wrong = [str(trial) for trial in told if trial.problems]
    assert not wrong, "\n".join(wrong)
