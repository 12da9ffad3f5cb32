"""What an infrastructure kind is: four methods around a handle that can be stored.

Claims, leases, cancellation, state reports and restarts live once, in the worker's loop; a kind only
starts a job, says how it is, stops it, and shows what it printed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, runtime_checkable

import msgspec

from headrace.core.sdks import Sdk


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt of one run, ready to be launched.

    Args:
        run_id: The flow run.
        epoch: Which attempt this is; with `run_id` it names the attempt for ever.
        name: For people: the run's name.
        configuration: The pool's job configuration, every placeholder resolved.
        environment: What the attempt must know whatever the template says (ids, where the API is).
        payload: The claim as it came, JSON; a kind that can hand it over saves the attempt requests.
        slot: Where the worker's ledger keeps this attempt; a kind on the worker's machine uses it.
        sdk: Whose engine runs it.
        settings: Environment that lets this SDK find the API; the template's goes over it.
    """

    run_id: str
    epoch: int
    name: str
    configuration: Mapping[str, object] = field(default_factory=dict[str, object])
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    payload: bytes = b""
    slot: int = 0
    sdk: Sdk = Sdk.HEADRACE
    settings: Mapping[str, str] = field(default_factory=dict[str, str])


class Handle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What finds the attempt again: JSON that is stored, so that another process can take over.

    A handle with no `details` is valid: it is stored before launch. The kind then finds what belongs
    to run and epoch by its own labels, or proves that there is nothing.
    """

    kind: str
    run_id: str
    epoch: int
    details: dict[str, str | int] = {}

    def to_json(self) -> bytes:
        """The form that is stored."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, raw: bytes) -> "Handle":
        """The handle that `to_json` stored."""
        return msgspec.json.decode(raw, type=cls)


class Phase(StrEnum):
    """How an attempt is, as far as its infrastructure can see."""

    STARTING = "starting"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class Status:
    """What is known about an attempt.

    Args:
        phase: Starting, running or exited.
        code: The exit code; negative is the signal that ended it; None when nobody saw it.
        reason: One sentence for people: why it ended, or why it does not start.
        proven: Nothing of this attempt runs any more, for certain. Only then may it be run again.
        reported: The attempt itself told the API its final state.
        never_ran: The attempt was not started at all.
    """

    phase: Phase
    code: int | None = None
    reason: str = ""
    proven: bool = False
    reported: bool = False
    never_ran: bool = False

    @property
    def exited(self) -> bool:
        """Whether it is over."""
        return self.phase is Phase.EXITED


Notify = Callable[[Handle, Status], None]


class Infrastructure(Protocol):
    """A kind of infrastructure. Its methods may block for as long as a request to it takes."""

    kind: str

    def launch(self, job: Job) -> Handle:
        """Start the attempt; return at once, it may still be starting.

        Raises:
            InfrastructureUnavailable: It may work in a moment; nothing was started.
            InfrastructureError: It will not work.
        """
        ...

    def poll(self, handle: Handle) -> Status:
        """How the attempt is now."""
        ...

    def stop(self, handle: Handle, grace: float) -> None:
        """Ask it to end, and end it all after `grace` seconds; 0 means at once. Returns at once."""
        ...

    def logs(self, handle: Handle) -> list[str]:
        """The last lines it printed, as far as they are kept."""
        ...


@runtime_checkable
class Notifying(Protocol):
    """A kind that tells of changes itself. A hint only: the loop polls as well, less often."""

    def notify(self, callback: Notify) -> None:
        """Call `callback` from any thread when an attempt starts or ends."""
        ...


@runtime_checkable
class Releasing(Protocol):
    """A kind that keeps something of an ended attempt until it is told to forget it."""

    def release(self, handle: Handle) -> None:
        """Forget an attempt that is over and reported."""
        ...
