"""The kinds under test: each with what a worker does around it, and what tests need to know of it."""

import os
import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster
from tests.waiting import wait_until

from headrace.infrastructure.contract import (
    Closing,
    Handle,
    Infrastructure,
    Job,
    Notifying,
    Releasing,
    Status,
)
from headrace.infrastructure.docker.engine import Engine
from headrace.infrastructure.docker.kind import DockerInfrastructure
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.kubernetes.kind import KubernetesInfrastructure
from headrace.infrastructure.process.kind import ProcessInfrastructure
from headrace.infrastructure.process.spawn import SpawnStarter
from headrace.worker.ledger import Ledger
from headrace.worker.warm.preload import Preload
from headrace.worker.warm.starter import WarmStarter


class Bench(ABC):
    """A kind, and jobs for it.

    Args:
        directory: Of the test. Jobs see it under the same path.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kind = self.another()
        self.handles: list[Handle] = []
        self.told: list[Handle] = []  # the newest first
        if isinstance(self.kind, Notifying):
            self.kind.notify(lambda handle, _: self.told.insert(0, handle))

    @abstractmethod
    def another(self) -> Infrastructure:
        """The same infrastructure as a new process of the worker makes it."""

    def python(self, code: str) -> list[str]:
        """The command that runs Python code there."""
        return [sys.executable, "-c", code]

    def job(self, command: list[str], **configuration: object) -> Job:
        """One attempt of a new run; its environment has the run's id in RUN."""
        run = str(uuid4())
        configuration = {"command": command, **configuration}
        return Job(run, 1, "a run", configuration, {"RUN": run})

    def launch(self, command: list[str], **configuration: object) -> Handle:
        return self.again(self.job(command, **configuration))

    def again(self, job: Job) -> Handle:
        """Launch a job, perhaps not for the first time."""
        handle = self.kind.launch(job)
        self.handles.append(handle)
        return handle

    def ended(self, handle: Handle) -> Status:
        """How it ended."""
        wait_until(lambda: self.kind.poll(handle).exited)
        return self.kind.poll(handle)

    def close(self) -> None:
        for handle in self.handles:
            with suppress(Exception):  # the test has judged it; this only cleans up
                self.kind.stop(handle, 0)
                if isinstance(self.kind, Releasing):
                    self.kind.release(handle)
        if isinstance(self.kind, Closing):
            self.kind.close()


class ProcessBench(Bench):
    """Processes of this machine, each in an interpreter of its own."""

    def __init__(self, directory: Path) -> None:
        self.ledger = Ledger(directory / "ledger")
        self.ledger.reset("test")
        self._slot = 0
        super().__init__(directory)

    def another(self) -> ProcessInfrastructure:
        return ProcessInfrastructure(SpawnStarter(), self.directory / "output")

    def job(self, command: list[str], **configuration: object) -> Job:
        self._slot += 1
        made = super().job(command, **configuration)
        self.ledger.enter(self._slot, made.run_id, 1, b"", 0.0)
        return Job(made.run_id, 1, made.name, made.configuration, made.environment, slot=self._slot)


class WarmBench(ProcessBench):
    """Processes of this machine that warm parents start."""

    def another(self) -> ProcessInfrastructure:
        starter = WarmStarter(
            self.ledger, Preload(self.directory / "preload"), "stand_in_engine:execute_claim"
        )
        return ProcessInfrastructure(starter, self.directory / "output")


class DockerBench(Bench):
    """Containers of a real engine.

    Args:
        directory: Of the test.
        engine: Where the engine is.
        image: What their jobs run in.
    """

    def __init__(self, directory: Path, engine: str, image: str) -> None:
        self.engine = Engine({"DOCKER_HOST": engine})
        self.image = image
        self._context = KindContext(f"w@{uuid4()}", "w", "p", directory)
        super().__init__(directory)

    def another(self) -> DockerInfrastructure:
        return DockerInfrastructure(Engine({"DOCKER_HOST": self.engine.url}), self._context)

    def python(self, code: str) -> list[str]:
        return ["python", "-c", code]

    def job(self, command: list[str], **configuration: object) -> Job:
        shared = f"{self.directory}:{self.directory}"
        given = {"image": self.image, "volumes": [shared], "auto_remove": True, **configuration}
        return super().job(command, **given)


class KubernetesBench(Bench):
    """Jobs of a stand-in cluster, whose pods are processes of this machine.

    Args:
        directory: Of the test.
        cluster: The cluster.
    """

    def __init__(self, directory: Path, cluster: StandInCluster) -> None:
        self.cluster = cluster
        self._context = KindContext(f"w@{uuid4()}", "w", "p", directory)
        super().__init__(directory)

    def another(self) -> KubernetesInfrastructure:
        return KubernetesInfrastructure(self._context, interval=1.0)

    def python(self, code: str) -> list[str]:
        return ["python", "-c", code]

    def job(self, command: list[str], **configuration: object) -> Job:
        container = {"image": IMAGE, "args": command, "env": configuration.get("env")}
        manifest = {"spec": {"template": {"spec": {"containers": [container]}}}}
        reached = {"config": self.cluster.kubeconfig, "context_name": "here"}
        return super().job(command, job_manifest=manifest, cluster_config=reached)


STAND_IN = Path(__file__).parents[2] / "integration" / "worker"
"""Where the module is that warm parents run in place of the engine."""


def find_stand_in() -> str:
    """What PYTHONPATH must be for warm parents to find it."""
    return os.pathsep.join([str(STAND_IN), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
