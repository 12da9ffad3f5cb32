"""What a job may use of the machine: memory and processors.

They are kept by a control group where the worker has some of its own. Elsewhere by what the system keeps
for each process: then every process of the job has the memory for itself, and processors are whole ones.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final

from headrace.errors import InfrastructureError
from headrace.infrastructure.process.groups import enter_group

if sys.platform != "win32":
    import resource

MEBIBYTE: Final = 2**20
LEAST_MEMORY: Final = 64
"""MiB: an interpreter with the engine needs most of it."""

MEMORY_VARIABLE: Final = "HEADRACE__MEMORY_LIMIT"
"""Tells the engine of a run how much memory it may have, MiB, where running out raises `MemoryError`."""

# Above the limit a process is given this much more once it has run out, bytes: to say so.
_RESERVE: Final = 64 * MEBIBYTE
_POLITE: Final = 10  # niceness of what may have less than one whole processor


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use.

    Args:
        memory: MiB; None is all there is.
        processors: How many, also parts of one; None is all there are.
    """

    memory: int | None = None
    processors: float | None = None

    def __bool__(self) -> bool:
        return self.memory is not None or self.processors is not None


def read_limits(configuration: Mapping[str, object]) -> Limits:
    """The limits in a job configuration.

    Raises:
        InfrastructureError: One is no number or not possible, or this system keeps none.
    """
    memory = configuration.get("memory_limit")
    processors = configuration.get("cpu_limit")
    if memory is not None and (
        isinstance(memory, bool) or not isinstance(memory, int) or memory < LEAST_MEMORY
    ):
        message = (
            f"the job's 'memory_limit' is {memory!r}; give it as a whole number of MiB, "
            f"{LEAST_MEMORY} or more"
        )
        raise InfrastructureError(message)
    if processors is not None and (
        isinstance(processors, bool)
        or not isinstance(processors, int | float)
        or not 0 < processors < float("inf")
    ):
        message = (
            f"the job's 'cpu_limit' is {processors!r}; give it as a number of processors above 0, "
            "as 2 or 0.5"
        )
        raise InfrastructureError(message)
    limits = Limits(memory, None if processors is None else float(processors))
    if limits and sys.platform != "linux":
        message = (
            f"the job has a 'memory_limit' or 'cpu_limit', which {sys.platform} keeps for no process; "
            "leave them out, or run it in a container"
        )
        raise InfrastructureError(message)
    return limits


def limit_this_process(limits: Limits, group: str, place: int) -> None:
    """Keep this process, and each that it starts, within limits.

    Args:
        limits: The limits.
        group: The control group to make and to enter; empty where there are none.
        place: Which of the machine's processors come first, so that jobs do not all get the same.
    """
    if not limits or sys.platform != "linux":
        return
    if group and enter_group(group, limits.memory, limits.processors):
        return
    if limits.memory is not None:
        _limit_memory(limits.memory)
    if limits.processors is not None:
        _choose_processors(limits.processors, place)


if sys.platform == "linux":

    def _limit_memory(mebibytes: int) -> None:
        soft = mebibytes * MEBIBYTE
        _, hardest = resource.getrlimit(resource.RLIMIT_DATA)
        hard = soft + _RESERVE
        if hardest != resource.RLIM_INFINITY:
            soft, hard = min(soft, hardest), min(hard, hardest)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        os.environ[MEMORY_VARIABLE] = str(mebibytes)

    def _choose_processors(count: float, place: int) -> None:
        allowed = sorted(os.sched_getaffinity(0))
        whole = min(ceil(count), len(allowed))
        first = place * whole
        os.sched_setaffinity(0, {allowed[(first + n) % len(allowed)] for n in range(whole)})
        if count < 1:
            os.nice(_POLITE)


def use_reserve() -> None:
    """Give this process, which has run out of its memory, enough to say so."""
    if sys.platform != "win32":
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
