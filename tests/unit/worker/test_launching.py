"""How jobs are launched, and what is said of those that could not be."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.waiting import wait_until

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.contract import Handle, Job, Phase, Status
from headrace.worker.holdings import Held
from headrace.worker.launching import Launcher
from headrace.worker.ledger import Ledger


class Engine:
    """A kind whose launch does what the test says."""

    kind = "test"

    def __init__(self) -> None:
        self.launched = 0
        self.do: Callable[[], None] = lambda: None

    def launch(self, job: Job) -> Handle:
        self.launched += 1
        self.do()
        return job.handle(self.kind, {"id": "x"})

    def poll(self, handle: Handle) -> Status:
        return Status(Phase.RUNNING)

    def stop(self, handle: Handle, grace: float) -> None:
        """Nothing runs."""

    def logs(self, handle: Handle) -> list[str]:
        return []


class World:
    def __init__(self, directory: Path, threads: int) -> None:
        self.ledger = Ledger(directory / "ledger")
        self.ledger.reset("test")
        self.engine = Engine()
        self.failed: list[Status] = []
        self.unwanted: list[Held] = []
        self.launcher = Launcher(
            self.engine,
            self.ledger,
            failed=lambda _, status: self.failed.append(status),
            unwanted=self.unwanted.append,
            threads=threads,
        )

    def hold(self) -> tuple[threading.Event, threading.Event]:
        """Have launches wait; set when one has begun, and to be set to let them go."""
        began, go = threading.Event(), threading.Event()

        def wait() -> None:
            began.set()
            go.wait(10)

        self.engine.do = wait
        return began, go

    def launch(self, **how: bool) -> Held:
        run = str(uuid4())
        handle = Handle(kind="test", run_id=run, epoch=1)
        held = Held(run, 1, "a run", 1, 0.0, handle, is_launching=True, **how)
        self.ledger.enter(1, run, 1, handle.to_json(), 0.0)
        self.launcher.launch(Job(run, 1, "a run", is_wanted=lambda: held.is_wanted), held)
        return held


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, threads=2)
    yield made
    made.launcher.close()


def test_the_handle_is_written_down_when_it_was_launched(world: World):
    held = world.launch()
    wait_until(lambda: not held.is_launching)
    assert Handle.from_json(world.ledger.read(1).handle).details == {"id": "x"}
    assert not world.failed


def test_a_launch_that_takes_long_holds_up_nobody(world: World):
    began, go = world.hold()
    slow = world.launch()
    assert began.wait(10)
    world.engine.do = lambda: None
    quick = world.launch()
    wait_until(lambda: not quick.is_launching)
    assert slow.is_launching
    go.set()
    wait_until(lambda: not slow.is_launching)


def test_an_attempt_that_is_cancelled_while_it_is_launched_is_stopped_after_it(world: World):
    began, go = world.hold()
    held = world.launch()
    assert began.wait(10)
    held.cancelling = True
    go.set()
    wait_until(lambda: world.unwanted == [held])


def test_an_attempt_that_nobody_wants_any_more_is_not_launched(world: World):
    held = world.launch(cancelling=True)
    wait_until(lambda: not held.is_launching)
    assert world.engine.launched == 0
    assert world.failed[0].never_ran


def test_a_refusal_is_told_at_once(world: World):
    def refuse() -> None:
        raise InfrastructureError("no such image")

    world.engine.do = refuse
    world.launch()
    wait_until(lambda: world.failed)
    assert world.engine.launched == 1
    assert "no such image" in world.failed[0].reason
    assert not world.failed[0].never_ran


def test_what_may_work_in_a_moment_is_tried_again_and_then_given_back(world: World):
    """And nothing is claimed for a while: the same run would come again."""

    def away() -> None:
        raise InfrastructureUnavailable("the engine is away")

    world.engine.do = away
    world.launch()
    wait_until(lambda: world.failed)
    assert world.engine.launched > 1
    assert world.failed[0].never_ran
    assert world.launcher.rest_until > time.monotonic()


def test_a_reason_is_said_once_for_all_runs_that_wait(
    world: World, caplog: pytest.LogCaptureFixture
):
    """However often each of them is tried; another reason is said as well."""

    reasons = iter(["the engine is away"] * 7 + ["busy"])  # two runs, four tries each

    def away() -> None:
        raise InfrastructureUnavailable(next(reasons))

    world.engine.do = away
    for _ in range(2):
        world.launch()
    wait_until(lambda: len(world.failed) == 2)
    said = [line.message.partition(" cannot be started yet: ")[2] for line in caplog.records]
    assert [reason for reason in said if reason] == ["the engine is away", "busy"]
    assert all(status.reason.startswith("cannot be started now: ") for status in world.failed)


def test_any_other_error_is_the_run_s_and_not_the_worker_s(world: World):
    world.engine.do = lambda: 1 // 0 and None
    world.launch()
    wait_until(lambda: world.failed)
    assert "ZeroDivisionError" in world.failed[0].reason
