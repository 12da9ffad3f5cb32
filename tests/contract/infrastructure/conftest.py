"""The kinds that the contract's suite runs on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.infrastructure.benches import (
    Bench,
    DockerBench,
    KubernetesBench,
    ProcessBench,
    WarmBench,
    find_stand_in,
)
from tests.stand_ins.kubernetes.cluster import StandInCluster


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


@pytest.fixture
def kubernetes_bench(tmp_path: Path, stand_in_cluster: StandInCluster) -> Bench:
    return KubernetesBench(tmp_path, stand_in_cluster)


@pytest.fixture(params=["spawn", "warm", "docker", "kubernetes"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Each kind. One more is one more fixture `<name>_bench` and its name here."""
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    yield made
    made.close()
