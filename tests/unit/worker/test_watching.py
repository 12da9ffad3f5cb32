"""What the worker says while its infrastructure cannot be looked at."""

import threading
from collections.abc import Iterable
from uuid import uuid4

import pytest

from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.contract import Handle, Job, Phase, Status
from headrace.worker.holdings import Held, Holdings
from headrace.worker.watching import Watcher


class Away:
    """Infrastructure that does not answer when its attempts are listed."""

    kind = "test"

    def __init__(self) -> None:
        self.listed = 0

    def launch(self, job: Job) -> Handle:
        return job.handle(self.kind, {})

    def poll(self, handle: Handle) -> Status:
        return Status(Phase.RUNNING)

    def stop(self, handle: Handle, grace: float) -> None:
        """Nothing runs."""

    def logs(self, handle: Handle) -> list[str]:
        return []

    def attempts(self) -> Iterable[tuple[Handle, Status]]:
        self.listed += 1
        raise InfrastructureUnavailable("nobody is there")


def test_it_answers_again_is_said_only_of_what_was_asked_again(caplog: pytest.LogCaptureFixture):
    """Looks that were not due say nothing."""
    infrastructure, holdings = Away(), Holdings(1)
    run, looks = str(uuid4()), threading.Semaphore(0)
    holdings.add(Held(run, 1, "a run", 1, 0.0, Handle(kind="test", run_id=run, epoch=1)))
    watcher = Watcher(
        infrastructure, holdings, show=lambda _: looks.release(), changed=lambda *_: None
    )
    thread = threading.Thread(target=watcher.run)
    thread.start()
    for _ in range(3):
        assert looks.acquire(timeout=60)
    watcher.stop()
    thread.join(60)
    assert infrastructure.listed == 1
    said = [line.message for line in caplog.records if line.message.startswith("strays")]
    assert said == ["strays cannot be looked at now: nobody is there"]
