"""What a scene needs of the place where its jobs live."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

RUN_VARIABLE = "HEADRACE__FLOW_RUN_ID"


class Ground(Protocol):
    """Where jobs live.

    Args:
        kind: The kind of pool.
        victims: What can be struck.
        lease_seconds: How long leases are: short, so that what waits for their end ends within a trial,
            and longer than a worker takes to start again.
    """

    kind: str
    victims: Sequence[str]
    lease_seconds: float

    @property
    def worker_environment(self) -> Mapping[str, str]:
        """What its worker must know."""
        ...

    def job_variables(self, directory: Path, traces: Path) -> dict[str, Any]:
        """What its jobs must know."""
        ...

    @property
    def engine_pid(self) -> int | None:
        """The engine's process."""
        ...

    def revive(self) -> None:
        """Start the engine again if it is dead."""
        ...

    def left(self, runs: Sequence[str]) -> list[str]:
        """What is left of these runs beside processes: containers, objects."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


def processes_of(runs: Sequence[str]) -> dict[int, str]:
    """The live processes that were told of one of these runs, and which; oldest first.

    Those of containers too: a machine sees what runs in its namespaces.
    """
    wanted = set(runs)
    found: list[tuple[float, int, str]] = []
    for process in psutil.process_iter():
        try:
            run = process.environ().get(RUN_VARIABLE)
            if run in wanted and process.status() != psutil.STATUS_ZOMBIE:
                found.append((process.create_time(), process.pid, run))
        except psutil.Error:
            continue
    return {pid: run for _, pid, run in sorted(found)}
