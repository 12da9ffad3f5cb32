"""What the kinds do besides whose jobs are processes of this machine."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.infrastructure.benches import Bench, ProcessBench
from tests.waiting import wait_until

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle


@pytest.fixture(params=["spawn", "warm"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    made: Bench = request.getfixturevalue(f"{request.param}_bench")
    yield made
    made.close()


def test_a_signal_is_told_as_such(bench: Bench):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    status = bench.ended(bench.launch(bench.python(code)))
    assert status.code == -signal.SIGSEGV
    assert "SIGSEGV" in status.reason


def test_environment_working_directory_and_closed_stdin(bench: Bench, tmp_path: Path):
    code = (
        "import os, sys; print(os.environ['A'], os.environ.get('GONE'), os.environ['RUN']);"
        "print(os.getcwd()); print(repr(sys.stdin.read()))"
    )
    job = bench.job(bench.python(code), env={"A": "1", "GONE": None}, working_dir=str(tmp_path))
    handle = bench.again(job)
    bench.ended(handle)
    assert bench.kind.logs(handle) == [f"1 None {job.run_id}", str(tmp_path), "''"]


def test_the_server_s_own_settings_do_not_reach_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HEADRACE_SERVER_API_KEY", "secret")
    made = ProcessBench(tmp_path)
    handle = made.launch(made.python("import os; print(os.environ.get('HEADRACE_SERVER_API_KEY'))"))
    made.ended(handle)
    assert made.kind.logs(handle) == ["None"]


def test_processes_that_a_job_leaves_behind_are_ended(bench: Bench, tmp_path: Path):
    mark = tmp_path / "pid"
    inner = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        f"import subprocess, sys, os, time; p = {str(mark)!r}\n"
        f"subprocess.Popen([sys.executable, '-c', {inner!r}])\n"
        "while not (os.path.exists(p) and open(p).read()): time.sleep(0.01)\n"
        "os._exit(0)"
    )
    bench.ended(bench.launch(bench.python(code)))
    pid = int(mark.read_text())
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or _is_zombie(pid))


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_missing_working_directory_is_refused(bench: Bench):
    with pytest.raises(InfrastructureError, match="does not exist"):
        bench.launch(["true"], working_dir="/no/such/place")


def test_a_job_that_needs_more_memory_than_its_limit_is_told_so(bench: Bench):
    code = "x = bytearray(512 * 2**20); print(len(x))"
    assert bench.ended(bench.launch(bench.python(code))).code == 0
    status = bench.ended(bench.launch(bench.python(code), memory_limit=256))
    assert status.code != 0
    assert status.reason == "ran out of memory: limit 256 MiB"
    small = bench.launch(bench.python("x = bytearray(64 * 2**20); 1 / 0"), memory_limit=256)
    assert bench.ended(small).reason == "exited with code 1"


def test_a_job_that_ran_out_of_memory_is_told_so_by_the_worker_s_next_process(bench: Bench):
    handle = bench.launch(bench.python("bytearray(512 * 2**20)"), memory_limit=256)
    assert bench.ended(handle).code != 0
    stored = Handle.from_json(handle.to_json())
    assert bench.another().poll(stored).reason == "ran out of memory: limit 256 MiB"


def test_a_job_s_processors_are_limited_and_less_than_one_gives_way(bench: Bench):
    code = "import os; print(len(os.sched_getaffinity(0)), os.nice(0))"
    all_of_them, nice = len(os.sched_getaffinity(0)), os.nice(0)
    for limit, expected in (
        (1, f"1 {nice}"),
        (0.5, f"1 {min(19, nice + 10)}"),
        (1.5, f"{min(2, all_of_them)} {nice}"),
        (10_000, f"{all_of_them} {nice}"),
    ):
        handle = bench.launch(bench.python(code), cpu_limit=limit)
        bench.ended(handle)
        assert bench.kind.logs(handle) == [expected]


def test_a_limit_that_is_not_possible_is_refused_before_anything_starts(bench: Bench):
    with pytest.raises(InfrastructureError, match="'memory_limit' is 3; give it"):
        bench.launch(["true"], memory_limit=3)


def test_a_limited_command_that_does_not_exist_is_told_by_name(bench: Bench):
    handle = bench.launch(["/no/such/command"], memory_limit=256)
    assert bench.ended(handle).code != 0
    assert any("/no/such/command" in line for line in bench.kind.logs(handle))
