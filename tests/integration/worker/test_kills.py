"""`kill -9` and SIGSTOP at each step: every run ends with the right reason or runs again."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from stand_in_api import StandInApi
from tests.waiting import wait_until

pytestmark = pytest.mark.kill


LEASE = 20.0
"""Seconds in which a slow machine starts a worker. Where a test waits for the end of a lease: `SHORT`."""
SHORT = 8.0


@pytest.fixture
def api() -> Iterator[StandInApi]:
    made = StandInApi(lease=LEASE, first=LEASE)
    yield made
    made.close()


@pytest.fixture
def short_leases(api: StandInApi) -> None:
    api.lease = api.first = SHORT


def running(api: StandInApi, tmp_path: Path, *then: str) -> tuple:
    """A run whose process has written its number."""
    mark = tmp_path / f"pid-{len(api.runs)}"
    run = api.add("propose RUNNING", f"write {mark}", *then)
    wait_until(lambda: mark.exists() and mark.read_text())
    return run, int(mark.read_text())


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == "zombie"
    except psutil.NoSuchProcess:
        return True


def test_a_killed_child_is_a_crash_that_names_the_signal(
    api: StandInApi, start: Callable, tmp_path: Path
):
    start()
    run, pid = running(api, tmp_path, "sleep 60")
    os.kill(pid, signal.SIGKILL)
    api.wait(run, "CRASHED")
    assert "SIGKILL" in run.message


def test_what_a_killed_child_had_started_is_ended_too(
    api: StandInApi, start: Callable, tmp_path: Path
):
    start()
    left = tmp_path / "left"
    run, pid = running(api, tmp_path, f"leave-child {left}", "sleep 60")
    wait_until(lambda: left.exists() and left.read_text())
    os.kill(pid, signal.SIGKILL)
    api.wait(run, "CRASHED")
    wait_until(lambda: gone(int(left.read_text())))


def test_a_stopped_child_that_is_cancelled_is_ended(
    api: StandInApi, start: Callable, tmp_path: Path
):
    start()
    run, pid = running(api, tmp_path, "sleep 60")
    os.kill(pid, signal.SIGSTOP)
    api.cancel.add(run.id)
    api.wait(run, "CANCELLED")
    wait_until(lambda: gone(pid))


def test_a_killed_parent_takes_no_run_with_it(api: StandInApi, start: Callable, tmp_path: Path):
    worker = start()
    run, pid = running(api, tmp_path, "sleep 1", "finish")
    wait_until(lambda: worker.parents)
    worker.parents[0].kill()
    later = api.add("finish")
    api.wait(later, "COMPLETED")
    api.wait(run, "COMPLETED")
    assert run.epoch == later.epoch == 1
    wait_until(lambda: gone(pid))


def test_a_child_killed_after_its_parent_is_still_noticed(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    run, pid = running(api, tmp_path, "sleep 60")
    wait_until(lambda: worker.parents)
    worker.parents[0].kill()
    os.kill(pid, signal.SIGKILL)
    api.wait(run, "CRASHED")


def test_a_parent_killed_with_requests_in_hand_loses_none(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    api.wait(api.add("finish"), "COMPLETED")
    parent = worker.parents[0]
    parent.suspend()
    runs = [api.add("finish") for _ in range(5)]
    wait_until(lambda: all(run.state == "PENDING" for run in runs))
    parent.kill()
    for run in runs:
        api.wait(run, "COMPLETED")
    assert all(run.epoch == 1 for run in runs)


def test_a_stopped_parent_is_replaced(api: StandInApi, start: Callable, tmp_path: Path):
    worker = start()
    long, _ = running(api, tmp_path, "sleep 6", "finish")
    parent = worker.parents[0]
    parent.suspend()
    run = api.add("finish")
    api.wait(run, "COMPLETED")
    api.wait(long, "COMPLETED")
    assert long.epoch == 1


def test_a_killed_worker_s_runs_go_on_and_are_taken_over(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    go = tmp_path / "go"
    run, pid = running(api, tmp_path, f"until {go}", "finish")
    worker.kill()
    expires = run.expires
    second = start()
    wait_until(lambda: "took over" in second.log.read_text())
    wait_until(lambda: run.expires > expires)
    go.touch()
    api.wait(run, "COMPLETED")
    assert run.epoch == 1, "its lease was renewed by the worker's successor"
    wait_until(lambda: gone(pid))
    wait_until(lambda: not worker.alive())


def test_a_run_that_crashed_while_there_was_no_worker_is_told_by_the_next(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    run, pid = running(api, tmp_path, "sleep 60")
    worker.kill()
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: gone(pid))
    start()
    api.wait(run, "CRASHED")
    assert "SIGTERM" in run.message, "the orphaned parent wrote down how it ended"


def test_a_run_that_completed_while_there_was_no_worker_is_left_alone(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    run, _ = running(api, tmp_path, "sleep 1", "finish")
    worker.kill()
    api.wait(run, "COMPLETED")
    start()
    api.wait(api.add("finish"), "COMPLETED")
    assert run.state == "COMPLETED"


@pytest.mark.usefixtures("short_leases")
def test_without_a_worker_the_runs_end_before_their_leases(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    run, pid = running(api, tmp_path, "sleep 60")
    left = tmp_path / "left"
    other, other_pid = running(api, tmp_path, f"leave-child {left}", "sleep 60")
    wait_until(lambda: left.exists() and left.read_text())
    worker.kill()
    wait_until(lambda: gone(pid) and gone(other_pid) and gone(int(left.read_text())))
    wait_until(lambda: not worker.alive())
    assert run.expires == 0.0 or run.state == "RUNNING"
    assert other.epoch == 1


@pytest.mark.usefixtures("short_leases")
def test_without_worker_and_parent_too_the_child_ends_itself(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    _, pid = running(api, tmp_path, "sleep 60")
    parents = worker.parents
    worker.kill()
    for parent in parents:
        parent.kill()
    wait_until(lambda: gone(pid))


@pytest.mark.usefixtures("short_leases")
def test_a_stopped_worker_s_runs_end_before_their_leases(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    run, pid = running(api, tmp_path, "sleep 60")
    os.kill(worker.process.pid, signal.SIGSTOP)
    wait_until(lambda: gone(pid))
    os.kill(worker.process.pid, signal.SIGCONT)
    api.wait(run, "CRASHED")
    api.wait(api.add("finish"), "COMPLETED")


@pytest.mark.usefixtures("short_leases")
def test_a_worker_killed_right_after_its_claim_leaves_runs_that_run_again(
    api: StandInApi, start: Callable, tmp_path: Path
):
    worker = start()
    api.wait(api.add("finish"), "COMPLETED")
    worker.parents[0].suspend()
    run = api.add("propose RUNNING", "finish")
    wait_until(lambda: run.state == "PENDING")
    worker.kill()
    start()
    api.wait(run, "COMPLETED")
    assert run.epoch in {1, 2}


@pytest.mark.usefixtures("short_leases")
def test_a_lost_lease_ends_the_process_and_nothing_is_said(
    api: StandInApi, start: Callable, tmp_path: Path
):
    start()
    run, pid = running(api, tmp_path, "sleep 60")
    run.owner = "another"
    wait_until(lambda: gone(pid))
    assert run.state == "RUNNING"
    assert not run.logs
