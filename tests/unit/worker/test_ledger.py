import time
from pathlib import Path
from uuid import uuid4

import pytest

from headrace.infrastructure.process.identity import ProcessId
from headrace.worker.home import WorkerHome
from headrace.worker.ledger import Ledger, Stage

RUN = str(uuid4())


def opened(path: Path) -> Ledger:
    ledger = Ledger(path / "ledger")
    ledger.reset("me@here")
    return ledger


def test_an_attempt_is_read_back_by_another_process_as_it_was_written(tmp_path: Path):
    """What one mapping writes another one reads, through every stage."""
    ledger = opened(tmp_path)
    other = Ledger(tmp_path / "ledger")
    assert not other.is_new
    assert other.owner == "me@here"
    ledger.enter(7, RUN, 3, b'{"kind":"process"}', 12.5)
    ledger.name_parent(7, ProcessId(11, 22))
    entry = other.read(7)
    assert (entry.stage, entry.run_id, entry.epoch) == (Stage.LAUNCHING, RUN, 3)
    assert (entry.handle, entry.parent) == (b'{"kind":"process"}', ProcessId(11, 22))
    assert other.deadline(7) == 12.5
    other.mark_started(7, ProcessId(33, 2**40))
    assert ledger.read(7).process == ProcessId(33, 2**40)
    other.mark_exited(7, -9, reported=True)
    assert [(e.slot, e.code, e.reported) for e in ledger.entries()] == [(7, -9, True)]


def test_a_freed_slot_is_nobody_s_and_takes_a_new_attempt_without_the_old_one_s_facts(
    tmp_path: Path,
):
    ledger = opened(tmp_path)
    ledger.enter(1, RUN, 1, b"{}", 5.0)
    ledger.mark_started(1, ProcessId(1, 1))
    ledger.mark_exited(1, 0, reported=True)
    ledger.free(1)
    assert list(ledger.entries()) == []
    ledger.enter(1, str(uuid4()), 2, b"", 6.0)
    entry = ledger.read(1)
    assert (entry.process.pid, entry.code, entry.reported) == (0, None, False)


def test_only_the_attempt_that_a_slot_waits_for_may_start(tmp_path: Path):
    ledger = opened(tmp_path)
    ledger.enter(1, RUN, 1, b"", 0.0)
    assert ledger.is_for(1, RUN, 1)
    assert not ledger.is_for(1, RUN, 2)
    assert not ledger.is_for(1, str(uuid4()), 1)
    ledger.mark_started(1, ProcessId(1, 1))
    assert not ledger.is_for(1, RUN, 1)


def test_a_handle_that_does_not_fit_is_refused(tmp_path: Path):
    ledger = opened(tmp_path)
    with pytest.raises(ValueError, match="does not fit"):
        ledger.enter(1, RUN, 1, b"x" * 2000, 0.0)


def boot_elsewhere(path: Path) -> None:
    """As if the machine had booted, or the directory had come to another one."""
    raw = bytearray(path.read_bytes())
    raw[8:16] = b"elsewhen"
    path.write_bytes(raw)


def test_a_ledger_of_another_boot_is_known_for_that(tmp_path: Path):
    opened(tmp_path)
    assert not Ledger(tmp_path / "ledger").is_of_another_boot
    boot_elsewhere(tmp_path / "ledger")
    assert Ledger(tmp_path / "ledger").is_of_another_boot


def left_by(root: Path, *, outlives_boot: bool) -> str:
    """A worker's owner, whose attempt was left and whose machine has booted since."""
    home = WorkerHome(root, "w", outlives_boot=outlives_boot)
    owner = home.owner
    home.ledger.enter(3, RUN, 2, b"{}", 1e9)
    home.close()
    boot_elsewhere(root / "w" / "ledger")
    return owner


def test_a_worker_of_processes_begins_anew_after_a_boot(tmp_path: Path):
    """Whatever it left is dead."""
    owner = left_by(tmp_path, outlives_boot=False)
    home = WorkerHome(tmp_path, "w")
    assert home.owner != owner
    assert list(home.ledger.entries()) == []
    home.close()


def test_a_worker_whose_attempts_are_elsewhere_goes_on_with_them_after_a_boot(tmp_path: Path):
    """It holds the same leases; deadlines of the other boot's clock say nothing any more."""
    owner = left_by(tmp_path, outlives_boot=True)
    home = WorkerHome(tmp_path, "w", outlives_boot=True)
    assert home.owner == owner
    assert [(e.slot, e.run_id, e.epoch) for e in home.ledger.entries()] == [(3, RUN, 2)]
    assert home.ledger.deadline(3) <= time.monotonic()
    assert not home.ledger.is_of_another_boot
    home.close()
