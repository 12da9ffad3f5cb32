"""What an earlier process of a worker left: held at once, looked at when its infrastructure answers."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from headrace.infrastructure.contract import Handle, Job, Phase, Status
from headrace.worker.adoption import Adopter
from headrace.worker.holdings import Held, Holdings
from headrace.worker.ledger import Ledger


class Slow:
    """Infrastructure that tells what was held when it was asked."""

    kind = "slow"

    def __init__(self, holdings: Holdings, status: Status) -> None:
        self._holdings, self._status = holdings, status
        self.held_when_asked: list[int] = []

    def launch(self, job: Job) -> Handle:
        raise NotImplementedError

    def poll(self, handle: Handle) -> Status:
        self.held_when_asked.append(len(self._holdings))
        return self._status

    def stop(self, handle: Handle, grace: float) -> None:
        raise NotImplementedError

    def logs(self, handle: Handle) -> list[str]:
        return []


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "ledger")
    made.reset("me@here")
    yield made
    made.close()


def left(ledger: Ledger, count: int, handle: bytes | None = None) -> None:
    for slot in range(1, count + 1):
        run = str(uuid4())
        stored = handle or Handle(kind="slow", run_id=run, epoch=1).to_json()
        ledger.enter(slot, run, 1, stored, 10.0)


def adopter(ledger: Ledger, status: Status) -> tuple[Adopter, Slow, list[Held], list[Held]]:
    holdings = Holdings(None)
    slow = Slow(holdings, status)
    ended: list[Held] = []
    unwanted: list[Held] = []
    made = Adopter(ledger, holdings, slow, ended=ended.append, unwanted=unwanted.append)
    return made, slow, ended, unwanted


def test_everything_is_held_before_any_of_it_is_looked_at(ledger: Ledger):
    """So that all leases are kept, however slowly the infrastructure answers."""
    left(ledger, 3)
    made, slow, _, _ = adopter(ledger, Status(Phase.RUNNING))
    found = made.hold_all()
    assert len(found) == 3
    assert slow.held_when_asked == []
    assert made.take_over(found) == found
    assert slow.held_when_asked == [3, 3, 3]
    assert {held.status.phase for held in found} == {Phase.RUNNING}
    assert not any(held.is_launching for held in found)


def test_what_was_lost_meanwhile_is_stopped_once_it_is_known(ledger: Ledger):
    left(ledger, 2)
    made, _, ended, unwanted = adopter(ledger, Status(Phase.RUNNING))
    found = made.hold_all()
    found[0].lost = True
    made.take_over(found)
    assert unwanted == [found[0]]
    assert ended == []


def test_what_has_ended_is_told(ledger: Ledger):
    left(ledger, 1)
    made, _, ended, _ = adopter(ledger, Status(Phase.EXITED, code=1, reason="is over", proven=True))
    found = made.take_over(made.hold_all())
    assert ended == found


def test_a_handle_that_cannot_be_read_is_looked_for_by_run_and_attempt(ledger: Ledger):
    """Half of it was on disk when the machine went."""
    left(ledger, 1, b'{"kind":"sl')
    made, _, _, _ = adopter(ledger, Status(Phase.RUNNING))
    (held,) = made.hold_all()
    assert held.handle == Handle(kind="slow", run_id=held.run_id, epoch=1)


def test_what_was_never_started_goes_back_at_once(ledger: Ledger):
    """Its lease is given up, not waited for."""
    left(ledger, 1)
    made, slow, ended, _ = adopter(ledger, Status(Phase.STARTING))
    slow.adopt = lambda handle, slot: None  # type: ignore[attr-defined]
    held = made.hold_all()
    assert made.take_over(held) == []
    assert ended == held
    assert held[0].status.never_ran
