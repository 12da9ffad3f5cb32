"""What every infrastructure kind does."""

import signal
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from tests.contract.infrastructure.benches import Bench
from tests.waiting import wait_until

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Closing, Handle, Listing, Phase, Streaming

KILLED = {-signal.SIGKILL, None}  # a cluster may forget a pod before it was looked at


def test_a_job_that_ends_well_is_exited_with_code_0(bench: Bench):
    status = bench.ended(bench.launch(["true"]))
    assert (status.phase, status.code, status.proven) == (Phase.EXITED, 0, True)
    assert not status.reported, "a command that ends well has not said that its run did"


def test_the_exit_code_and_a_sentence_about_it_are_told(bench: Bench):
    status = bench.ended(bench.launch(bench.python("raise SystemExit(3)")))
    assert status.code == 3
    assert "code 3" in status.reason


def test_a_signal_is_told_as_such(bench: Bench):
    """The signal ends a child of a shell, as PID 1 of a container is spared by the kernel."""
    code = "import os; os.kill(os.getpid(), 11)"
    shell = ["sh", "-c", f'{bench.python("")[0]} -c "{code}"; exit $?']
    status = bench.ended(bench.launch(shell))
    assert status.code in {-signal.SIGSEGV, 128 + signal.SIGSEGV}


def test_both_outputs_are_kept(bench: Bench):
    code = "import sys; print('out'); sys.stderr.write('error\\n')"
    handle = bench.launch(bench.python(code))
    bench.ended(handle)
    assert set(bench.kind.logs(handle)) == {"out", "error"}


def test_the_last_lines_are_told(bench: Bench):
    handle = bench.launch(bench.python("[print(i) for i in range(100)]"))
    bench.ended(handle)
    lines = bench.kind.logs(handle)
    assert lines[-1] == "99"
    assert len(lines) < 100


def test_the_environment_is_the_job_s_and_stdin_is_closed(bench: Bench):
    code = (
        "import os, sys; print(os.environ['A'], os.environ.get('GONE'), os.environ['RUN']);"
        "print(repr(sys.stdin.read()))"
    )
    job = bench.job(bench.python(code), env={"A": "1", "GONE": None})
    handle = bench.again(replace(job, settings={"A": "0", "GONE": "no"}))
    bench.ended(handle)
    assert bench.kind.logs(handle) == [f"1 None {job.run_id}", "''"]


def test_what_a_run_prints_is_shown_while_it_runs(bench: Bench, tmp_path: Path):
    """Whole lines at first; the rest when it is over, and nothing twice."""
    go = tmp_path / "go"
    code = (
        "import os, sys, time; print('one'); print('tw', end='', flush=True)\n"
        f"while not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "print('o', end='', flush=True)"
    )
    handle = bench.launch(bench.python(code))
    assert isinstance(bench.kind, Streaming)
    seen = bytearray()
    kind = bench.kind

    def shown() -> bytes:
        kind.show(handle, seen.extend, is_over=False)
        return bytes(seen)

    wait_until(shown)
    assert shown() == b"one\n"
    go.touch()
    bench.ended(handle)
    kind.show(handle, seen.extend, is_over=True)
    kind.show(handle, seen.extend, is_over=True)
    assert bytes(seen) == b"one\ntwo"


def launch_that(bench: Bench, place: Path, on_signal: str) -> Handle:
    """Launch what does `on_signal` when it is asked to go; it listens when this returns."""
    ready = place / "ready"
    code = (
        f"import signal, sys, time; signal.signal(15, {on_signal});"
        f"open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    handle = bench.launch(bench.python(code))
    wait_until(ready.exists)
    return handle


def test_stop_asks_first(bench: Bench, tmp_path: Path):
    handle = launch_that(bench, tmp_path, "lambda *_: sys.exit(7)")
    bench.kind.stop(handle, 30)
    assert bench.ended(handle).code == 7


def test_stop_ends_what_will_not_go(bench: Bench, tmp_path: Path):
    handle = launch_that(bench, tmp_path, "signal.SIG_IGN")
    bench.kind.stop(handle, 0.1)
    status = bench.ended(handle)
    assert status.proven
    assert status.code in KILLED


def test_a_stop_may_be_hastened(bench: Bench, tmp_path: Path):
    ready = tmp_path / "ready"
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN);"
        f"open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    handle = bench.launch(bench.python(code))
    wait_until(ready.exists)
    bench.kind.stop(handle, 3600)
    bench.kind.stop(handle, 0)
    status = bench.ended(handle)
    assert status.proven
    assert status.code in KILLED


def test_stop_right_after_launch_is_not_lost(bench: Bench):
    handle = bench.launch(["sleep", "60"])
    bench.kind.stop(handle, 0)
    assert bench.ended(handle).proven


def test_a_command_that_does_not_exist_is_told_by_name(bench: Bench):
    try:
        handle = bench.launch(["no-such-program-here"])
    except InfrastructureError as error:
        assert "no-such-program-here" in str(error)  # noqa: PT017  # either way is fine
    else:
        assert bench.ended(handle).code in {127, 128}  # a shell's, or a container engine's
        assert "no-such-program-here" in bench.kind.logs(handle)[-1]


def test_a_configuration_that_cannot_be_used_is_refused_by_name(bench: Bench):
    with pytest.raises(InfrastructureError, match="'env'"):
        bench.launch(["true"], env="not names and values")


def test_a_stored_handle_finds_the_job_again(bench: Bench):
    """By another process of the worker, which also can stop it."""
    handle = bench.launch(["sleep", "60"])
    wait_until(lambda: bench.kind.poll(handle).phase is Phase.RUNNING)
    other = bench.another()
    stored = Handle.from_json(_newest(bench, handle).to_json())
    assert other.poll(stored).phase is Phase.RUNNING
    other.stop(stored, 0)
    wait_until(lambda: other.poll(stored).exited)
    if isinstance(other, Closing):
        other.close()


def _newest(bench: Bench, handle: Handle) -> Handle:
    """The handle with what is known of it by now."""
    return next((one for one in bench.told if one.run_id == handle.run_id), handle)


def test_the_handle_says_whose_engine_runs_it(bench: Bench):
    job = bench.job(["true"])
    assert bench.again(replace(job, sdk=Sdk.PREFECT)).sdk is Sdk.PREFECT


def test_a_handle_of_nothing_proves_that_nothing_runs(bench: Bench):
    status = bench.kind.poll(Handle(kind=bench.kind.kind, run_id=str(uuid4()), epoch=4))
    assert status.exited
    assert status.proven


def test_many_are_looked_at_as_one_is(bench: Bench):
    """Where a kind has a list, it says the same as single looks."""
    over, runs = bench.launch(["true"]), bench.launch(["sleep", "60"])
    absent = Handle(kind=bench.kind.kind, run_id=str(uuid4()), epoch=1)
    bench.ended(over)
    wait_until(lambda: bench.kind.poll(runs).phase is Phase.RUNNING)
    if not isinstance(bench.kind, Listing):
        return
    told = {handle.run_id: status for handle, status in bench.kind.poll_all([over, runs, absent])}
    assert told == {one.run_id: bench.kind.poll(one) for one in (over, runs, absent)}
