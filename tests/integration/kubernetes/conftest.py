"""The kubernetes kind on a stand-in cluster that really runs its pods."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster
from tests.waiting import wait_until

from headrace.core.templates import Layer, resolve
from headrace.infrastructure.contract import Handle, Job, Phase, Status
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.kubernetes.kind import KubernetesInfrastructure
from headrace.infrastructure.templates import DEFAULT_TEMPLATES


@pytest.fixture
def cluster(stand_in_cluster: StandInCluster) -> StandInCluster:
    """The cluster, well and with no requests counted."""
    stand_in_cluster.heal()
    stand_in_cluster.requests()
    return stand_in_cluster


@dataclass
class Site:
    """A worker's kind on a cluster."""

    cluster: StandInCluster
    directory: Path
    owner: str = field(default_factory=lambda: f"w@{uuid4()}")
    interval: float = 1.0  # seconds between lists: what takes its time in earnest is not waited for
    kinds: list[KubernetesInfrastructure] = field(default_factory=list)

    def worker(self) -> KubernetesInfrastructure:
        """What a process of the worker makes."""
        context = KindContext(self.owner, "w", "p", self.directory)
        made = KubernetesInfrastructure(context, self.interval)
        self.kinds.append(made)
        return made

    def job(self, command: list[str] | str = "true", epoch: int = 1, **variables: Any) -> Job:
        """An attempt of a new run, through the template."""
        own = {"image": IMAGE, "namespace": "jobs", "command": command}
        own["cluster_config"] = {"config": self.cluster.kubeconfig, "context_name": "here"}
        template = {**DEFAULT_TEMPLATES["kubernetes"]}
        resolved = resolve(template, [Layer("run", {**own, **variables})], lambda _: None)
        return Job(str(uuid4()), epoch, "A run", resolved.configuration)


@pytest.fixture
def site(cluster: StandInCluster, tmp_path: Path) -> Iterator[Site]:
    made = Site(cluster, tmp_path)
    yield made
    for kind in made.kinds:
        kind.close()


def python(code: str) -> list[str]:
    return ["python", "-c", code]


def ended(kind: KubernetesInfrastructure, handle: Handle) -> Status:
    wait_until(lambda: kind.poll(handle).exited)
    return kind.poll(handle)


def running(kind: KubernetesInfrastructure, handle: Handle) -> None:
    wait_until(lambda: kind.poll(handle).phase is Phase.RUNNING)
