"""From a job configuration to what a starter needs to start a process."""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Job
from headrace.infrastructure.process.engines import has_own_settings, require_engine
from headrace.infrastructure.process.identity import ProcessId
from headrace.infrastructure.process.limits import Limits, read_limits

# Variables that an interpreter or the loader reads before any of our code runs, or that decide how
# native libraries set themselves up: a job that sets one of them gets an interpreter of its own.
_EARLY = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_", "OMP_", "MKL_", "OPENBLAS_", "LC_")
_EARLY_NAMES = frozenset({"PATH", "HOME", "USER", "LANG", "VIRTUAL_ENV", "CONDA_PREFIX"})

# What a server's own environment holds and no run may see.
_SERVER_ONLY = "HEADRACE_SERVER_"


_UNLIMITED = Limits()


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start.

    Args:
        key: Names the attempt: run id and epoch.
        command: What to execute; None runs the claimed flow by the engine of its SDK.
        environment: All of its environment, less `identity`.
        identity: What differs from run to run: ids.
        fresh: It must have an interpreter of its own, made under `environment`.
        working_dir: Where it runs.
        output: The file that its output is appended to.
        payload: The claim, JSON.
        slot: The attempt's place in the worker's ledger.
        user: Who it runs as; None is who the starter is.
        sdk: Whose engine runs the flow, where no command is given.
        limits: What it may use of the machine.
        group: The control group that keeps the limits; empty where there is none.
    """

    key: str
    command: tuple[str, ...] | None
    environment: Mapping[str, str]
    identity: Mapping[str, str]
    fresh: bool
    working_dir: str
    output: Path
    payload: bytes
    slot: int
    user: str | None = None
    sdk: Sdk = Sdk.HEADRACE
    limits: Limits = _UNLIMITED
    group: str = ""


class Watch(Protocol):
    """What a starter tells of its processes, from any thread."""

    def started(self, key: str, process: ProcessId) -> None:
        """It runs."""
        ...

    def exited(self, key: str, code: int | None, *, reported: bool) -> None:
        """It ended, with all of its group."""
        ...

    def not_started(self, key: str, why: str) -> None:
        """It could not be started and never will be."""
        ...


class Starter(Protocol):
    """What makes processes."""

    def start(self, launch: Launch, watch: Watch) -> None:
        """Start one; its beginning and end are told to `watch`.

        Raises:
            InfrastructureUnavailable: Nothing was started; it may work in a moment.
            InfrastructureError: Nothing was started.
        """
        ...

    def close(self) -> None:
        """Start nothing more. What runs goes on."""
        ...


def plan_launch(job: Job, base: Mapping[str, str], directory: Path, home: str) -> Launch:
    """What to start for a job of the process kind.

    Args:
        job: The job; its configuration is that of the `process` template.
        base: The worker's own environment, which the job's is laid over.
        directory: Where outputs are kept.
        home: Where a job runs that names no directory.

    Raises:
        InfrastructureError: The configuration has a value that cannot be used, or the working
            directory does not exist, or the flow's SDK is not installed here.
    """
    configuration = job.configuration
    own = _environment(configuration.get("env"))
    environment = {k: v for k, v in base.items() if not k.startswith(_SERVER_ONLY)}
    environment |= job.settings
    for name, value in own.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
    command = _command(configuration.get("command"))
    if command is None:
        require_engine(job.sdk)
    working_dir = _directory(_text(configuration, "working_dir") or home)
    user = _text(configuration, "user")
    key = f"{job.run_id}.{job.epoch}"
    return Launch(
        key=key,
        command=command,
        environment=environment,
        identity=job.environment,
        fresh=command is not None
        or user is not None
        or any(map(_is_early, own))
        or has_own_settings(job.sdk, Path(working_dir)),
        working_dir=working_dir,
        output=directory / f"{key}.log",
        payload=job.payload,
        slot=job.slot,
        user=user,
        sdk=job.sdk,
        limits=read_limits(configuration),
    )


def _is_early(name: str) -> bool:
    return name in _EARLY_NAMES or name.startswith(_EARLY)


def _environment(value: object) -> dict[str, str | None]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        message = f"the job's 'env' is {value!r}; give it as names and values"
        raise InfrastructureError(message)
    items = cast("Mapping[object, object]", value)
    return {str(k): None if v is None else str(v) for k, v in items.items()}


def _command(value: object) -> tuple[str, ...] | None:
    if not value:
        return None
    if isinstance(value, list):
        return tuple(str(part) for part in cast("list[object]", value))
    try:
        return tuple(shlex.split(str(value), posix=os.name == "posix"))
    except ValueError as error:
        message = f"the job's 'command' {value!r} cannot be split into words: {error}"
        raise InfrastructureError(message) from None


def _text(configuration: Mapping[str, object], name: str) -> str | None:
    value = configuration.get(name)
    return None if value is None or value == "" else str(value)


def _directory(value: str) -> str:
    if not Path(value).is_dir():
        message = f"the job's working directory {value!r} does not exist on this machine; create it"
        raise InfrastructureError(message)
    return value
