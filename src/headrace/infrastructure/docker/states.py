"""What an engine tells of a container, as the status of an attempt. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from headrace.infrastructure.contract import Phase, Status
from headrace.infrastructure.exits import describe_exit

_STARTING: Final = frozenset({"created"})
_OVER: Final = frozenset({"exited", "dead"})
_FIRST_SIGNAL = 128  # an exit code above it is that of a process that a signal ended
_LAST_SIGNAL = 64

GONE: Final = Status(
    Phase.EXITED,
    reason="is gone: somebody removed its container before its end was seen",
    proven=True,
)
"""There was a container, and this engine has it no more."""

NEVER: Final = Status(
    Phase.EXITED, reason="was never put into a container", proven=True, never_ran=True
)
"""There is none, and nobody knows of one."""

ELSEWHERE: Final = Status(
    Phase.EXITED,
    reason="was left on another Docker engine than the one that the worker reaches now",
)
"""It was made on another engine, of which this one says nothing."""


def phase_of(word: str) -> Phase:
    """The phase of a container whose state an engine calls so."""
    if word in _STARTING:
        return Phase.STARTING
    return Phase.EXITED if word in _OVER else Phase.RUNNING


def status_of(container: Mapping[str, Any]) -> Status:
    """The status of a container as `inspect` tells it."""
    state: Mapping[str, Any] = container["State"]
    phase = phase_of(str(state["Status"]))
    if phase is not Phase.EXITED:
        return Status(phase)
    number = int(state["ExitCode"])
    is_signal = _FIRST_SIGNAL < number <= _FIRST_SIGNAL + _LAST_SIGNAL
    code = _FIRST_SIGNAL - number if is_signal else number
    return Status(Phase.EXITED, code=code, reason=_reason(container, code), proven=True)


def _reason(container: Mapping[str, Any], code: int) -> str:
    state: Mapping[str, Any] = container["State"]
    if state.get("OOMKilled") and code != 0:
        limit = int(container.get("HostConfig", {}).get("Memory") or 0)
        bound = f"its container's limit of {limit // 2**20} MB" if limit else "the machine's memory"
        return f"was killed because it needed more memory than {bound}; raise 'mem_limit'"
    error = str(state.get("Error") or "")
    return f"{describe_exit(code)}: {error}" if error else describe_exit(code)
