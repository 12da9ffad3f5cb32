"""Jobs as containers."""

import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.docker_engine import PROJECT, Daemon, DockerEngine
from tests.docker_images import make_base, make_runs

from bench.kills.links import Cables, Gate, Links
from bench.sides import free_port
from headrace.infrastructure.docker.labels import RUN

STATE = PROJECT / ".docker-engine-kills"


class DockerGround:
    """An engine: of our own, to be killed, or a given one behind a gate, which is what is struck.

    Args:
        links: The network.
        directory: Where files may go.
        given: An engine that others use too.
        survive: Containers outlive an engine of our own that is killed (its `live-restore`).
    """

    kind = "docker"
    victims = ("server", "worker", "engine", "job")
    lease_seconds = 10.0

    def __init__(
        self,
        links: Links,
        directory: Path,
        given: DockerEngine | None = None,
        *,
        survive: bool = True,
    ) -> None:
        self._links = links
        self.survive = survive
        self._own: Daemon | None = None
        self._gate: Gate | None = None
        if given is not None:
            self._gate = Gate(links, given.url.removeprefix("unix://"), directory)
            self._url = f"tcp://{self._gate.address}"
        else:
            self._url = f"tcp://{links.engine_host}:{free_port()}"
            options = [f"--host={self._url}"]
            if isinstance(links, Cables):
                options += [f"--bridge={links.bridge}", "--iptables=false", "--ip-masq=false"]
            if survive:
                options.append("--live-restore")
            given = self._own = Daemon(STATE, options)
            if self._own.pid is not None:
                message = f"another soak uses the engine in {STATE}; wait for it, or end it"
                raise RuntimeError(message)
            self._own.start()
        self._client = given.client()
        self._image = make_runs(self._client, make_base(self._client))

    @property
    def worker_environment(self) -> Mapping[str, str]:
        return {"DOCKER_HOST": self._url}

    def job_variables(self, directory: Path, traces: Path) -> dict[str, Any]:
        return {
            "image": self._image,
            "image_pull_policy": "Never",
            "auto_remove": True,
            "network_mode": "bridge" if self._own and self._links.is_cable else "host",
            "volumes": [f"{directory}:{directory}:ro", f"{traces}:{traces}"],
            "env": {"KILLS_DIRECTORY": str(traces)},
        }

    @property
    def engine_pid(self) -> int | None:
        return self._gate.pid if self._gate else self._own.pid if self._own else None

    def revive(self) -> None:
        if self._gate is not None:
            self._gate.revive()
        elif self._own is not None and self._own.pid is None:
            self._own.start()

    def left(self, runs: Sequence[str]) -> list[str]:
        found = self._client.containers(all=True, filters={"label": RUN})
        mine = [one for one in found if one["Labels"][RUN] in runs]
        return [f"container {one['Names'][0]} ({one['Status']})" for one in mine]

    def close(self) -> None:
        if self._gate is not None:
            self._gate.close()
        if self._own is not None:
            self.revive()
            for one in self._client.containers(all=True):
                self._client.remove_container(one["Id"], force=True)
            with contextlib.suppress(OSError, TypeError):
                os.kill(self._own.pid or 0, signal.SIGCONT)
            self._own.kill()
        self._client.close()
