"""The kinds that the contract's suite runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.infrastructure.benches import (
    Bench,
    DockerBench,
    ProcessBench,
    WarmBench,
    find_stand_in,
)


@pytest.fixture
def spawn_bench(tmp_path: Path) -> Bench:
    return ProcessBench(tmp_path)


@pytest.fixture
def warm_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("PYTHONPATH", find_stand_in())
    return WarmBench(tmp_path)


@pytest.fixture
def docker_bench(tmp_path: Path, request: pytest.FixtureRequest) -> Bench:
    engine = request.getfixturevalue("docker_engine")
    return DockerBench(tmp_path, engine.url, request.getfixturevalue("base_image"))


@pytest.fixture(params=["spawn", "warm", "docker"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each kind. One more is one more fixture `<name>_bench` and its name here."""
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    yield made
    made.close()
