"""What a worker holds now: its attempts, its free capacity."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from headrace.infrastructure.contract import Handle, Phase, Status
from headrace.worker.ledger import SLOTS

_STARTING = Status(Phase.STARTING)


@dataclass(slots=True)
class Held:
    """An attempt whose lease this worker has.

    Args:
        run_id: The flow run.
        epoch: Which attempt.
        name: The run's name.
        slot: Its place in the ledger.
        deadline: The monotonic second at which its process must be dead.
        fenced: It must be dead before its lease can be over; else it may outlive a server that is
            away, for as long as this worker is there.
    """

    run_id: str
    epoch: int
    name: str
    slot: int
    deadline: float
    handle: Handle
    fenced: bool = True
    since: float = field(default_factory=time.monotonic)
    status: Status = _STARTING
    streams: bool = True
    is_launching: bool = False  # nothing can be said of it before that is done
    is_recorded: bool = False  # the run knows what its infrastructure calls it
    cancelling: bool = False
    lost: bool = False
    stopping: str = ""  # why the worker itself is stopping it
    tell_again_after: float = 0.0  # seconds

    @property
    def is_wanted(self) -> bool:
        """Whether nobody has asked for its end."""
        return not (self.cancelling or self.lost or self.stopping)


class Holdings:
    """The attempts of one worker. Thread-safe.

    Args:
        limit: Attempts at once; None is as many as the ledger has slots.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = min(limit if limit is not None else SLOTS, SLOTS)
        self._held: dict[tuple[str, int], Held] = {}
        self._slots = list(range(SLOTS, 0, -1))
        self._changed = threading.Condition()

    def take_slot(self) -> int:
        """A slot of the ledger that is nobody's."""
        with self._changed:
            return self._slots.pop()

    def occupy(self, slot: int) -> None:
        """A slot is in use since before this process."""
        with self._changed:
            self._slots.remove(slot)

    def give_back(self, slot: int) -> None:
        """A slot is nobody's again."""
        with self._changed:
            self._slots.append(slot)

    def add(self, held: Held) -> None:
        """Hold an attempt."""
        with self._changed:
            self._held[held.run_id, held.epoch] = held

    def drop(self, held: Held) -> None:
        """Hold it no more; its slot is free."""
        with self._changed:
            if self._held.pop((held.run_id, held.epoch), None) is not None:
                self._slots.append(held.slot)
            self._changed.notify_all()

    def find(self, handle: Handle) -> Held | None:
        """The attempt that a handle is of."""
        return self._held.get((handle.run_id, handle.epoch))

    def find_run(self, run_id: str) -> Iterable[Held]:
        """The attempts of a run; more than one when an old one is not gone yet."""
        with self._changed:
            return [held for held in self._held.values() if held.run_id == run_id]

    def all(self) -> list[Held]:
        """All attempts."""
        with self._changed:
            return list(self._held.values())

    @property
    def free(self) -> int:
        """How many more attempts there is room for."""
        with self._changed:
            return max(0, self.limit - len(self._held))

    def __len__(self) -> int:
        return len(self._held)

    def wait_for_room(self, timeout: float) -> bool:
        """Wait until there is room; False when `timeout` seconds pass first."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._held) < self.limit, timeout)

    def gather_room(self, timeout: float) -> None:
        """Wait until half of the room is free, or `timeout` seconds have passed."""
        with self._changed:
            self._changed.wait_for(lambda: 2 * len(self._held) <= self.limit, timeout)

    def wait_until_empty(self, timeout: float) -> bool:
        """Wait until nothing is held; False when `timeout` seconds pass first."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._held, timeout)

    def wake(self) -> None:
        """Have those who wait look again."""
        with self._changed:
            self._changed.notify_all()
