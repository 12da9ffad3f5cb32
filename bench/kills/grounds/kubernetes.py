"""Jobs as Jobs of the stand-in cluster."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster

from bench.kills.links import Gate, Links
from headrace.infrastructure.kubernetes.names import RUN


class KubernetesGround:
    """A cluster. Its API is reached through a gate, which is what is struck: as with a real one, objects
    and pods outlive the process that answers for them.

    Args:
        links: The network.
        directory: Where files may go.
        given: A cluster that others use too.
    """

    kind = "kubernetes"
    victims = ("server", "worker", "engine", "job")
    lease_seconds = 10.0

    def __init__(self, links: Links, directory: Path, given: StandInCluster | None = None) -> None:
        self._own = given is None
        host = links.jobs_host if links.is_cable and self._own else "127.0.0.1"
        self._cluster = given or StandInCluster(host=host, inside=links.inside("jobs"))
        self._gate = Gate(links, f"{host}:{self._cluster.port}", directory)
        config = self._cluster.kubeconfig
        config["clusters"][0]["cluster"]["server"] = f"http://{self._gate.address}"
        self._kubeconfig = directory / "kubeconfig"
        self._cluster.write_kubeconfig(self._kubeconfig, config)

    @property
    def worker_environment(self) -> Mapping[str, str]:
        return {"KUBECONFIG": str(self._kubeconfig)}

    def job_variables(self, directory: Path, traces: Path) -> dict[str, Any]:  # noqa: ARG002  # one file system
        return {
            "image": IMAGE,
            "namespace": "jobs",
            "finished_job_ttl": 1,
            "env": {"KILLS_DIRECTORY": str(traces)},
        }

    @property
    def engine_pid(self) -> int | None:
        return self._gate.pid

    def revive(self) -> None:
        self._gate.revive()

    def left(self, runs: Sequence[str]) -> list[str]:
        return [
            f"{resource[:-1]} {one['metadata']['name']}"
            for resource in ("jobs", "pods", "secrets")
            for one in self._cluster.all(resource)
            if one["metadata"].get("labels", {}).get(RUN) in runs
        ]

    def close(self) -> None:
        self._gate.close()
        if self._own:
            self._cluster.close()
