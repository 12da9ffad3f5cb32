"""What a package registers to give workers one more kind of infrastructure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENTRY_POINTS: Final = "headrace.infrastructure"
"""The entry point group: each name is a kind's, each object a `KindSpec`."""

LAUNCHERS: Final = 4
"""Launches at one time: enough to hide an engine's latency, few enough not to flood it."""


@dataclass(frozen=True, slots=True)
class KindSpec:
    """A kind of infrastructure, as far as it is known before its own requirements are installed.

    The module that holds it must import nothing of `modules`.

    Args:
        name: The type of its work pools.
        template: `job_configuration` and `variables` of a pool that a worker makes.
        make: `module:function`, imported when a worker needs it. The function takes a `KindContext`
            and gives the `Infrastructure`.
        modules: Top-level modules that must be importable.
        requirement: What to install where they are not, as pip takes it: `headrace[docker]`.
        is_local: Its attempts are processes of the worker's machine and user: they inherit the
            worker's environment, and reach it on loopback. To others, everything they need to find
            the API is handed.
        launchers: Launches at one time, each in a thread of its own; 0 where launching takes
            microseconds and is done in turn.
    """

    name: str
    template: Mapping[str, object]
    make: str
    modules: tuple[str, ...] = ()
    requirement: str = ""
    is_local: bool = False
    launchers: int = LAUNCHERS


@dataclass(frozen=True, slots=True)
class KindContext:
    """For whom infrastructure is made.

    Args:
        owner: Under what name this worker holds its leases; the same after a restart. What belongs
            to its attempts can be labelled with it.
        worker: The worker's name.
        pool: Its work pool; None where it serves deployments.
        directory: The worker's own directory on this machine.
    """

    owner: str
    worker: str
    pool: str | None
    directory: Path
