"""What containers are labelled with, so that they are found again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from headrace.infrastructure.contract import Handle

RUN, ATTEMPT = "headrace.flow-run-id", "headrace.attempt"
OWNER, WORKER, POOL = "headrace.owner", "headrace.worker", "headrace.work-pool"
KEEP: Final = "headrace.kept"
"""1 on containers that are kept for a while after their end; the same in a handle's details."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The labels of one worker's containers.

    Args:
        owner: Who holds their leases: unique to the worker and the same after its restart.
        worker: Its name.
        pool: Its work pool, if it has one.
    """

    owner: str
    worker: str
    pool: str | None

    @property
    def own(self) -> dict[str, str]:
        """What all of this worker's containers have."""
        return {OWNER: self.owner}

    def of(self, run_id: str, epoch: int) -> dict[str, str]:
        """What tells one attempt from all others."""
        return {**self.own, RUN: run_id, ATTEMPT: str(epoch)}

    def labels(self, run_id: str, epoch: int, *, kept: bool) -> dict[str, str]:
        """All of ours for a container."""
        pool = {POOL: self.pool} if self.pool else {}
        return {
            **self.of(run_id, epoch),
            WORKER: self.worker,
            KEEP: str(int(kept)),
            **pool,
        }

    @staticmethod
    def read(container: Mapping[str, Any]) -> tuple[str, int]:
        """Run and attempt of a container in a list."""
        labels: Mapping[str, str] = container["Labels"]
        return labels[RUN], int(labels[ATTEMPT])

    def handle(self, kind: str, container: Mapping[str, Any]) -> Handle:
        """The handle of a container in a list."""
        run_id, epoch = self.read(container)
        labels: Mapping[str, str] = container["Labels"]
        details: dict[str, str | int] = {"id": str(container["Id"]), KEEP: int(labels[KEEP])}
        return Handle(kind=kind, run_id=run_id, epoch=epoch, details=details)
