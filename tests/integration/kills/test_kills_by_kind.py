"""Whatever is struck, runs in containers and pods end once, for the right reason, and leave nothing.

A sample: `bench/soak --kind` plays many more.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bench.kills.grounds.docker import DockerGround
from bench.kills.grounds.kubernetes import KubernetesGround
from bench.kills.links import Links, lay_links
from bench.kills.scene import LIMIT, Scene, scene
from bench.kills.trial import play
from tests.docker_engine import DockerEngine
from tests.stand_ins.kubernetes.cluster import StandInCluster

pytestmark = [pytest.mark.kill, pytest.mark.timeout(900)]

SEED = 12  # its kills are repaired at once, its cut lasts half a lease


@pytest.fixture(scope="module")
def links(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Links]:
    made = lay_links(tmp_path_factory.mktemp("links"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def in_containers(
    tmp_path_factory: pytest.TempPathFactory,
    links: Links,
    docker_engine: DockerEngine,
    runs_image: str,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("containers")

    def make(links: Links, directory: Path) -> DockerGround:
        return DockerGround(links, directory, docker_engine)

    with scene(folder / "scene", str(folder / "db"), links=links, make_ground=make) as built:
        yield built


@pytest.fixture(scope="module")
def in_pods(
    tmp_path_factory: pytest.TempPathFactory, links: Links, stand_in_cluster: StandInCluster
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("pods")
    stand_in_cluster.heal()

    def make(links: Links, directory: Path) -> KubernetesGround:
        return KubernetesGround(links, directory, stand_in_cluster)

    with scene(folder / "scene", str(folder / "db"), links=links, make_ground=make) as built:
        yield built


def test_containers_outlive_their_worker(in_containers: Scene):
    """Killed while a container starts, and started again."""
    trial = play(in_containers, SEED, "starting", LIMIT + 1, ("worker", "kill"))
    assert not trial.problems, str(trial)


@pytest.mark.parametrize(
    ("step", "victim", "act"), [("pending", "worker", "kill"), ("running", "engine", "cut")]
)
def test_pods_outlive_what_happens(in_pods: Scene, step: str, victim: str, act: str):
    """The worker killed before it had launched; the cluster's API cut off from it."""
    trial = play(in_pods, SEED, step, LIMIT + 1, (victim, act))
    assert not trial.problems, str(trial)
