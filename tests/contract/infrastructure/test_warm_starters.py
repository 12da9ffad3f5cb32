"""What both starters of warm processes do with a run's flow: forked, and handed to one that waits."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from tests.waiting import wait_until

from headrace.infrastructure.contract import Handle, Job, Status
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.process.identity import ProcessId
from headrace.infrastructure.process.kind import ProcessInfrastructure
from headrace.infrastructure.process.spawn import SpawnStarter
from headrace.worker.ledger import Ledger
from headrace.worker.warm.idle import IdleStarter
from headrace.worker.warm.kind import make_processes
from headrace.worker.warm.preload import Preload
from headrace.worker.warm.starter import WarmStarter

HERE = Path(__file__).parent
STAND_IN = HERE.parents[1] / "integration" / "worker"
EXECUTE = "stand_in_engine:execute_claim"
PATIENCE = 60.0  # seconds


class Bench:
    def __init__(self, directory: Path, kind: str, preload: Preload) -> None:
        self.ledger = Ledger(directory / "ledger")
        self.ledger.reset("test")
        forked = kind == "forked"
        self.starter = (
            WarmStarter(self.ledger, preload, EXECUTE)
            if forked
            else IdleStarter(self.ledger, EXECUTE)
        )
        self.kind = ProcessInfrastructure(self.starter, directory / "output")
        self.kind.notify(self._note)
        self._over: dict[str, tuple[threading.Event, list[Status]]] = {}
        self._slot = 0

    def _note(self, handle: Handle, status: Status) -> None:
        if status.exited:
            event, statuses = self._over[handle.run_id]
            statuses.append(status)
            event.set()

    def run(self, *do: str, **configuration: object) -> tuple[Status, Handle]:
        self._slot += 1
        run = str(uuid4())
        self._over[run] = (threading.Event(), [])
        self.ledger.enter(self._slot, run, 1, b"", 0.0)
        payload = json.dumps({"do": do}).encode()
        job = Job(run, 1, "a run", configuration, {"RUN": run}, payload, self._slot)
        handle = self.kind.launch(job)
        event, statuses = self._over[run]
        assert event.wait(PATIENCE)
        return statuses[0], handle


@pytest.fixture
def preload(tmp_path: Path) -> Preload:
    return Preload(tmp_path / "preload.json")


@pytest.fixture(params=["forked", "idle"])
def bench(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    preload: Preload,
) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STAND_IN), str(tmp_path)]))
    made = Bench(tmp_path, request.param, preload)
    yield made
    made.starter.close()


def test_a_flow_that_said_how_it_ended_is_reported(bench: Bench):
    for _ in range(5):
        status, _ = bench.run("finish")
        assert status.reported
        assert status.proven


def test_one_that_did_not_is_not(bench: Bench):
    assert not bench.run("exit 0")[0].reported
    assert bench.run("exit 5")[0].code == 5


def test_output_environment_directory_and_identity(bench: Bench, tmp_path: Path):
    status, handle = bench.run(
        "print hello", f"facts {tmp_path}/f", env={"OWN": "1"}, working_dir=str(tmp_path)
    )
    assert status.code == 1
    assert bench.kind.logs(handle) == ["hello"]
    facts = json.loads((tmp_path / "f").read_text())
    assert facts["environment"]["OWN"] == "1"
    assert facts["environment"]["RUN"] == handle.run_id
    assert (facts["cwd"], facts["stdin"]) == (str(tmp_path), "/dev/null")
    assert facts["pid"] == facts["group"]
    assert facts["sockets"] == []


def test_a_traceback_is_in_the_output(bench: Bench):
    status, handle = bench.run("raise it broke")
    assert status.code == 1
    assert bench.kind.logs(handle)[-1] == "RuntimeError: it broke"


def test_the_ledger_knows_the_process_and_its_end(bench: Bench):
    bench.run("finish")
    (entry,) = bench.ledger.entries()
    assert entry.process.pid > 0


def test_a_job_with_early_variables_gets_an_interpreter_that_has_read_them(
    bench: Bench, tmp_path: Path
):
    command = ["python", "-c", "import sys; print(sys.flags.hash_randomization)"]
    _, handle = bench.run(env={"PYTHONHASHSEED": "0"}, command=command)
    assert bench.kind.logs(handle) == ["0"]


def test_a_module_that_starts_a_thread_is_not_imported_into_the_parent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preload: Preload
):
    (tmp_path / "quiet.py").write_text("")
    (tmp_path / "busy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
    )
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STAND_IN), str(tmp_path)]))
    preload.modules = ["quiet", "broken", "busy"]
    made = Bench(tmp_path, "forked", preload)
    try:
        status, _ = made.run(f"facts {tmp_path}/f", "finish")
    finally:
        made.starter.close()
    assert status.reported
    modules = json.loads((tmp_path / "f").read_text())["modules"]
    assert "quiet" in modules
    assert "busy" not in modules
    assert preload.refused == {"busy", "broken"}
    assert json.loads((tmp_path / "preload.json").read_text())["modules"] == ["quiet"]


def test_what_runs_import_is_ready_for_the_next_and_the_user_s_own_files_never_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preload: Preload
):
    (tmp_path / "mine.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STAND_IN), str(tmp_path)]))
    made = Bench(tmp_path, "forked", preload)
    try:
        made.run("import psutil", "import mine", "finish")
        for number in range(50):
            path = tmp_path / f"f{number}"
            made.run(f"facts {path}", "finish")
            modules = json.loads(path.read_text())["modules"]
            assert "mine" not in modules
            if "psutil" in modules:
                break
        else:
            pytest.fail("psutil was not made ready")
    finally:
        made.starter.close()
    assert preload.modules == ["psutil"]


def test_a_parent_that_cannot_start_fails_the_attempt_and_not_the_worker(
    tmp_path: Path, preload: Preload
):
    made = Bench(tmp_path, "forked", preload)
    made.starter.close()
    broken = WarmStarter(made.ledger, preload, "no_such_module:run")
    made.kind = ProcessInfrastructure(broken, tmp_path / "output")
    made.kind.notify(made._note)
    status, _ = made.run("finish")
    broken.close()
    assert status.never_ran


def test_an_adopted_process_that_nobody_watches_is_seen_to_end(tmp_path: Path):
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    kind = ProcessInfrastructure(SpawnStarter(), tmp_path / "output")
    handle = Handle(kind="process", run_id=str(uuid4()), epoch=1)
    kind.take_over(handle, ProcessId.of(process.pid), is_watched=False)
    assert not kind.poll(handle).exited
    kind.stop(handle, 0)
    process.wait()
    assert kind.poll(handle).exited


def test_a_parent_is_replaced_once_packages_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preload: Preload
):
    """A run never meets a mixture of what was imported before an upgrade and what is there now."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setattr(
        "headrace.worker.warm.preload.site_directories", lambda: (f"{site}{os.sep}",)
    )
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    preload.load()
    made = Bench(tmp_path, "forked", preload)

    def parent_of_next() -> int:
        preload._looked = 0.0  # look at the installation now, not once a second
        assert made.run("finish")[0].reported
        return made.ledger.read(made._slot).parent.pid

    try:
        first = parent_of_next()
        assert parent_of_next() == first
        (site / "upgraded").mkdir()
        second = parent_of_next()
        assert second != first
        assert parent_of_next() == second
    finally:
        made.starter.close()


def test_where_the_system_cannot_fork_safely_interpreters_wait_for_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(os, "pidfd_open")
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    context = KindContext(owner="o", worker="w", pool="p", directory=tmp_path / "workers" / "w")
    context.directory.mkdir(parents=True)
    ledger = Ledger(context.directory / "ledger")
    ledger.reset("o")
    kind = make_processes(context, EXECUTE)
    try:
        run = str(uuid4())
        ledger.enter(1, run, 1, b"", 0.0)
        job = Job(run, 1, "a run", {}, {"RUN": run}, json.dumps({"do": ["finish"]}).encode(), 1)
        handle = kind.launch(job)
        wait_until(lambda: kind.poll(handle).exited)
        assert kind.poll(handle).reported
        assert isinstance(kind._starter, IdleStarter)
    finally:
        kind.close()


@pytest.mark.parametrize("fault", ["time.sleep(600)", "1 / 0"])
def test_a_parent_whose_rehearsal_hangs_or_fails_serves_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, preload: Preload, fault: str
):
    (tmp_path / "clumsy_engine.py").write_text(
        f"import time\nfrom stand_in_engine import execute_claim\ndef rehearse():\n    {fault}\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(STAND_IN), str(tmp_path)]))
    made = Bench(tmp_path, "forked", preload)
    made.starter.close()
    made.starter = WarmStarter(made.ledger, preload, "clumsy_engine:execute_claim")
    made.kind = ProcessInfrastructure(made.starter, tmp_path / "output")
    made.kind.notify(made._note)
    try:
        assert made.run("finish")[0].reported
    finally:
        made.starter.close()
