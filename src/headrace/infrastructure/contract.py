"""What an infrastructure kind is: four methods around a handle that can be stored.

Claims, leases, cancellation, state reports and restarts live once, in the worker's loop; a kind only
starts a job, says how it is, stops it, and shows what it printed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

import msgspec

from headrace.core.sdks import Sdk

NAME: Final = "name"
"""In a handle's details: what people find the attempt by. It is noted on the run."""


def _always() -> bool:
    return True


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
        is_wanted: Whether the attempt shall still be launched: a kind whose launch takes long asks
            between its steps, and raises when it shall not.
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
    is_wanted: Callable[[], bool] = _always

    def handle(self, kind: str, details: Mapping[str, str | int]) -> "Handle":
        """What finds this attempt again, once a kind knows more of it than its run and epoch."""
        return Handle(
            kind=kind, run_id=self.run_id, epoch=self.epoch, sdk=self.sdk, details=dict(details)
        )


class Handle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What finds the attempt again: JSON that is stored, so that another process can take over.

    A handle with no `details` is valid: it is stored before launch. The kind then finds what belongs
    to run and epoch by its own labels, or proves that there is nothing.
    """

    kind: str
    run_id: str
    epoch: int
    sdk: Sdk = Sdk.HEADRACE
    details: dict[str, str | int] = {}

    def extended(self, details: Mapping[str, str | int]) -> "Handle":
        """The same attempt, of which more is known."""
        return msgspec.structs.replace(self, details={**self.details, **details})

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
Write = Callable[[bytes], object]


class Infrastructure(Protocol):
    """A kind of infrastructure. Its methods may block for as long as a request to it takes."""

    kind: str

    def launch(self, job: Job) -> Handle:
        """Start the attempt. It may still be starting when this returns.

        Launching the same attempt again finds what was launched first.

        Raises:
            InfrastructureUnavailable: It may work in a moment; nothing was started.
            InfrastructureError: It will not work; nothing was started.
        """
        ...

    def poll(self, handle: Handle) -> Status:
        """How the attempt is now.

        Raises:
            InfrastructureUnavailable: Nobody can say now. Nothing follows for the attempt.
        """
        ...

    def stop(self, handle: Handle, grace: float) -> None:
        """Ask it to end, and end it all after `grace` seconds; 0 means at once. Returns at once.

        May be called again, with another grace. What cannot be reached now is stopped when it can.
        """
        ...

    def logs(self, handle: Handle) -> list[str]:
        """The last lines it printed, as far as they are kept. Raises nothing."""
        ...


# What a kind may do besides; each is found by its method.


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


@runtime_checkable
class Listing(Protocol):
    """A kind that looks at many attempts with one request."""

    def poll_all(self, handles: Sequence[Handle]) -> Iterable[tuple[Handle, Status]]:
        """How each is now, beside its handle; with more details where more is known.

        Raises:
            InfrastructureUnavailable: Nobody can say now. Nothing follows for the attempts.
        """
        ...


@runtime_checkable
class Streaming(Protocol):
    """A kind that can tell what attempts print while they run."""

    def show(self, handle: Handle, write: Write, *, is_over: bool) -> None:
        """Write what is new, up to the last line break; all of it when the attempt is over.

        Called about five times a second for each attempt, so it waits for nothing.

        Raises:
            OSError: `write` did.
        """
        ...


@runtime_checkable
class Adopting(Protocol):
    """A kind that has to do something to take over what an earlier process of the worker left.

    Of the other kinds the stored handle is polled.
    """

    def adopt(self, handle: Handle, slot: int) -> tuple[Handle, Status] | None:
        """Take over an attempt; None where it was never started, for certain.

        Args:
            handle: As it was stored last; without details where its launch may not have begun.
            slot: Its place in the worker's ledger.
        """
        ...


@runtime_checkable
class Reconciling(Protocol):
    """A kind that finds this worker's attempts by their labels, whether or not anybody knows of them."""

    def attempts(self) -> Iterable[tuple[Handle, Status]]:
        """All of this worker's attempts of which the infrastructure has anything left, and how they are.

        Those that run and are held by nobody are stopped, those that ended are released: again and
        again while they are there, so a kind may keep them for a while.

        Raises:
            InfrastructureUnavailable: Nobody can say now.
        """
        ...


@runtime_checkable
class Closing(Protocol):
    """A kind that holds something open."""

    def close(self) -> None:
        """Launch nothing more. What runs goes on."""
        ...
