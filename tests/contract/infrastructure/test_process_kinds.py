"""What every infrastructure kind does, on the kinds whose jobs are processes here."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle, Infrastructure, Job, Phase, Status
from headrace.infrastructure.process.kind import ProcessInfrastructure
from headrace.infrastructure.process.spawn import SpawnStarter
from headrace.worker.ledger import Ledger
from headrace.worker.warm.preload import Preload
from headrace.worker.warm.starter import WarmStarter

STAND_IN = Path(__file__).parents[2] / "integration" / "worker"
PATIENCE = 20.0  # seconds


class Bench:
    """A kind with what a worker does around it: slots of the ledger."""

    def __init__(self, directory: Path, starter: str) -> None:
        self.ledger = Ledger(directory / "ledger")
        self.ledger.reset("test")
        self._slot = 0
        made = (
            SpawnStarter()
            if starter == "spawn"
            else WarmStarter(
                self.ledger, Preload(directory / "preload"), "stand_in_engine:execute_claim"
            )
        )
        self.kind: Infrastructure = ProcessInfrastructure(made, directory / "output")
        self.close = made.close

    def job(self, command: list[str], **configuration: object) -> Job:
        self._slot += 1
        run = str(uuid4())
        self.ledger.enter(self._slot, run, 1, b"", 0.0)
        configuration = {"command": command, **configuration}
        return Job(run, 1, "a run", configuration, {"RUN": run}, slot=self._slot)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.005)


def ended(kind: Infrastructure, handle: Handle) -> Status:
    wait_for(lambda: kind.poll(handle).exited)
    return kind.poll(handle)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture(params=["spawn", "warm"])
def bench(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv("PYTHONPATH", str(STAND_IN))
    made = Bench(tmp_path, request.param)
    yield made
    made.close()


def test_a_job_that_ends_well_is_exited_with_code_0(bench: Bench):
    handle = bench.kind.launch(bench.job(["true"]))
    status = ended(bench.kind, handle)
    assert (status.phase, status.code, status.proven) == (Phase.EXITED, 0, True)
    assert not status.reported, "a command that ends well has not said that its run did"


def test_the_exit_code_and_a_sentence_about_it_are_told(bench: Bench):
    status = ended(bench.kind, bench.kind.launch(bench.job(python("raise SystemExit(3)"))))
    assert status.code == 3
    assert "code 3" in status.reason


def test_a_signal_is_told_as_such(bench: Bench):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    status = ended(bench.kind, bench.kind.launch(bench.job(python(code))))
    assert status.code == -signal.SIGSEGV
    assert "SIGSEGV" in status.reason


def test_the_last_lines_of_both_outputs_are_kept(bench: Bench):
    code = "import sys; [print(i, flush=True) for i in range(100)]; sys.stderr.write('end\\n')"
    handle = bench.kind.launch(bench.job(python(code)))
    ended(bench.kind, handle)
    lines = bench.kind.logs(handle)
    assert lines[-2:] == ["99", "end"]
    assert len(lines) < 100


def test_environment_working_directory_and_closed_stdin(bench: Bench, tmp_path: Path):
    code = (
        "import os, sys; print(os.environ['A'], os.environ.get('GONE'), os.environ['RUN']);"
        "print(os.getcwd()); print(repr(sys.stdin.read()))"
    )
    job = bench.job(python(code), env={"A": "1", "GONE": None}, working_dir=str(tmp_path))
    handle = bench.kind.launch(job)
    ended(bench.kind, handle)
    assert bench.kind.logs(handle) == [f"1 None {job.run_id}", str(tmp_path), "''"]


def test_the_server_s_own_settings_do_not_reach_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADRACE_SERVER_API_KEY", "secret")
    made = Bench(tmp_path, "spawn")
    handle = made.kind.launch(
        made.job(python("import os; print(os.environ.get('HEADRACE_SERVER_API_KEY'))"))
    )
    ended(made.kind, handle)
    assert made.kind.logs(handle) == ["None"]


def test_stop_asks_first(bench: Bench, tmp_path: Path):
    ready = tmp_path / "ready"
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7));"
        f"open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    handle = bench.kind.launch(bench.job(python(code)))
    wait_for(ready.exists)
    bench.kind.stop(handle, 30)
    assert ended(bench.kind, handle).code == 7


def test_stop_ends_what_will_not_go(bench: Bench, tmp_path: Path):
    ready = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN);"
        f"open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    handle = bench.kind.launch(bench.job(python(code)))
    wait_for(ready.exists)
    bench.kind.stop(handle, 0.1)
    assert ended(bench.kind, handle).code == -signal.SIGKILL


def test_stop_before_the_process_runs_is_not_lost(bench: Bench):
    handle = bench.kind.launch(bench.job(["sleep", "60"]))
    bench.kind.stop(handle, 0)
    assert ended(bench.kind, handle).proven


def test_processes_that_a_job_leaves_behind_are_ended(bench: Bench, tmp_path: Path):
    mark = tmp_path / "pid"
    inner = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        f"import subprocess, sys, os, time; p = {str(mark)!r}\n"
        f"subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "while not (os.path.exists(p) and open(p).read()): time.sleep(0.01)\n"
        "os._exit(0)"
    )
    ended(bench.kind, bench.kind.launch(bench.job(python(code))))
    pid = int(mark.read_text())
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_command_that_does_not_exist_is_told_by_name(bench: Bench):
    try:
        handle = bench.kind.launch(bench.job(["no-such-program-here"]))
    except InfrastructureError as error:
        assert "no-such-program-here" in str(error)  # noqa: PT017  # either way is fine
    else:
        assert ended(bench.kind, handle).code == 127
        assert "no-such-program-here" in bench.kind.logs(handle)[-1]


def test_a_missing_working_directory_is_refused(bench: Bench):
    with pytest.raises(InfrastructureError, match="does not exist"):
        bench.kind.launch(bench.job(["true"], working_dir="/no/such/place"))


def test_a_stored_handle_finds_the_job_again(bench: Bench, tmp_path: Path):
    seen: list[Handle] = []
    bench.kind.notify(lambda handle, status: seen.append(handle))  # type: ignore[attr-defined]
    bench.kind.launch(bench.job(["sleep", "60"]))
    wait_for(lambda: bool(seen))
    stored = Handle.from_json(seen[0].to_json())
    other = ProcessInfrastructure(SpawnStarter(), tmp_path / "other")
    assert other.poll(stored).phase is Phase.RUNNING
    other.stop(stored, 0)
    wait_for(lambda: other.poll(stored).exited)


def test_a_handle_of_nothing_proves_that_nothing_runs(bench: Bench):
    status = bench.kind.poll(Handle(kind="process", run_id=str(uuid4()), epoch=4))
    assert status.exited
    assert status.proven
