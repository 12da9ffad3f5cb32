"""How a run of the contract's SDK gets its process, whatever that SDK does when it is imported.

The SDK is a stand-in of two modules here: what matters is what it does to the process.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from headrace.core.sdks import Sdk
from headrace.infrastructure.contract import Handle, Job, Status
from headrace.infrastructure.process.kind import ProcessInfrastructure
from headrace.worker.ledger import Ledger
from headrace.worker.warm.idle import IdleStarter
from headrace.worker.warm.preload import Preload
from headrace.worker.warm.starter import WarmStarter

PATIENCE = 60.0  # seconds
ENGINE = """
import os, sys
from pathlib import Path
if __name__ == "__main__":
    parent = Path(f"/proc/{os.getppid()}/cmdline").read_text()
    own = Path("/proc/self/cmdline").read_text()
    print("forked" if own == parent else "fresh", os.environ["PREFECT__FLOW_RUN_ID"])
    sys.exit(int(os.environ.get("ENDS_WITH", "0")))
"""
QUIET = "loaded = True"
THREADED = (
    "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
)
PICKY = "import sys; assert 'headrace.worker.warm.program' not in sys.orig_argv"


class World:
    """A process kind, and runs of the stand-in SDK on it."""

    def __init__(self, directory: Path, *, forks: bool) -> None:
        ledger = Ledger(directory / "ledger")
        ledger.reset("test")
        preload = Preload(directory / "preload.json")
        self.starter = WarmStarter(ledger, preload) if forks else IdleStarter(ledger)
        self._ledger = ledger
        self._kind = ProcessInfrastructure(self.starter, directory / "output")
        self._kind.notify(self._note)
        self._over = threading.Event()
        self._status: Status | None = None
        self._slot = 0

    def _note(self, _: Handle, status: Status) -> None:
        if status.exited:
            self._status = status
            self._over.set()

    def run(self, **environment: str) -> tuple[Status, str]:
        """Run one; how it ended, and what it printed."""
        self._slot += 1
        self._over.clear()
        run = str(uuid4())
        self._ledger.enter(self._slot, run, 1, b"", 0.0)
        job = Job(
            run_id=run,
            epoch=1,
            name="a run",
            environment={"PREFECT__FLOW_RUN_ID": run, **environment},
            payload=b"{}",
            slot=self._slot,
            sdk=Sdk.PREFECT,
        )
        handle = self._kind.launch(job)
        assert handle.sdk is Sdk.PREFECT
        assert self._over.wait(PATIENCE)
        lines = self._kind.logs(handle)
        assert [line for line in lines if line.endswith(run)], lines
        assert self._status is not None
        return self._status, lines[-1].partition(" ")[0]


@pytest.fixture
def sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in's package, which does nothing when it is imported."""
    package = tmp_path / "lib" / "prefect"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(QUIET)
    (package / "engine.py").write_text(ENGINE)
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return package


@pytest.fixture
def world(sdk: Path, tmp_path: Path) -> Iterator[World]:
    """Where children are forked."""
    made = World(tmp_path, forks=True)
    yield made
    made.starter.close()


def test_children_are_forked_from_a_parent_that_has_the_sdk(world: World) -> None:
    """Its engine is run as a program in each child, and its exit code is the child's."""
    assert [world.run()[1] for _ in range(2)] == ["forked", "forked"]
    status, how = world.run(ENDS_WITH="3")
    assert (status.code, how) == (3, "forked")
    assert not status.reported


@pytest.mark.parametrize("does", [THREADED, PICKY])
def test_an_sdk_that_cannot_be_imported_ahead_runs_fresh(
    sdk: Path, world: World, does: str
) -> None:
    """One that starts threads, or fails in the parent: an interpreter of its own runs it."""
    (sdk / "__init__.py").write_text(does)
    status, how = world.run()
    assert (status.code, how) == (0, "fresh")


def test_where_nothing_is_forked_it_runs_fresh(sdk: Path, tmp_path: Path) -> None:
    """Interpreters that wait are for our own engine."""
    world = World(tmp_path, forks=False)
    try:
        status, how = world.run()
        assert (status.code, how) == (0, "fresh")
    finally:
        world.starter.close()
