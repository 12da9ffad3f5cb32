"""Jobs as processes beside the worker."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil


class ProcessGround:
    """The worker's own machine. What starts its processes, a warm parent, stands for the engine.

    Args:
        worker_pid: The worker's process.
    """

    kind = "process"
    victims = ("server", "worker", "engine", "job")
    lease_seconds = 6.0

    def __init__(self, worker_pid: Callable[[], int]) -> None:
        self._worker_pid = worker_pid

    worker_environment: Mapping[str, str] = {}

    def job_variables(self, directory: Path, traces: Path) -> dict[str, Any]:  # noqa: ARG002  # as the worker
        return {}

    @property
    def engine_pid(self) -> int | None:
        try:
            children = psutil.Process(self._worker_pid()).children(recursive=True)
        except psutil.NoSuchProcess:
            return None
        for child in children:
            try:
                if "warm.program" in " ".join(child.cmdline()):
                    return child.pid
            except psutil.Error:
                continue
        return None

    def revive(self) -> None:
        """The worker starts another parent itself."""

    def left(self, runs: Sequence[str]) -> list[str]:  # noqa: ARG002  # processes are looked at for all kinds
        return []

    def close(self) -> None:
        """The worker took all with it."""
