"""A worker on a real port with real processes: what comes of runs when nothing goes wrong."""

import json
import signal
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

from stand_in_api import StandInApi
from tests.waiting import wait_until

from headrace.client.http import Client
from headrace.infrastructure.process.kind import ProcessInfrastructure
from headrace.infrastructure.process.spawn import SpawnStarter
from headrace.worker.api import WorkerApi
from headrace.worker.claiming import Source
from headrace.worker.health import is_healthy, open_health_port
from headrace.worker.home import WorkerHome
from headrace.worker.service import Worker, WorkerOptions


def test_a_run_is_claimed_run_and_completed(api: StandInApi, start: Callable):
    start()
    run = api.add("finish")
    api.wait(run, "COMPLETED")


def test_what_a_run_prints_is_shown(api: StandInApi, start: Callable):
    worker = start()
    api.wait(api.add("print hello from the run", "finish"), "COMPLETED")
    api.wait(api.add("print not this", "finish", stream_output=False), "COMPLETED")
    assert worker.end() == 0
    assert "hello from the run" in worker.log.read_text()
    assert "not this" not in worker.log.read_text()


def test_many_runs_all_complete_and_leave_nothing_behind(
    api: StandInApi, start: Callable, tmp_path: Path
):
    runs = [api.add("finish") for _ in range(100)]
    worker = start()
    for run in runs:
        api.wait(run, "COMPLETED")
    assert worker.end() == 0
    assert not worker.alive()
    assert not list((tmp_path / "workers" / "w" / "output").iterdir())
    assert all(run.epoch == 1 for run in runs)


def test_a_crash_tells_code_reason_and_last_lines(api: StandInApi, start: Callable):
    start()
    run = api.add("propose RUNNING", "print the last words", "exit 3")
    api.wait(run, "CRASHED")
    assert "code 3" in run.message
    assert "the last words" in run.message
    wait_until(lambda: run.logs)
    assert "the last words" in run.logs[0]


def test_ending_with_code_0_without_a_word_is_a_crash(api: StandInApi, start: Callable):
    start()
    run = api.add("propose RUNNING", "exit 0")
    api.wait(run, "CRASHED")
    assert "code 0" in run.message


def test_an_error_in_the_engine_is_a_crash_with_its_traceback(api: StandInApi, start: Callable):
    start()
    run = api.add("propose RUNNING", "raise it broke")
    api.wait(run, "CRASHED")
    assert "RuntimeError: it broke" in run.message


def test_a_suspended_run_is_left_alone(api: StandInApi, start: Callable):
    worker = start()
    run = api.add("propose PAUSED", "exit 0")
    api.wait(run, "PAUSED")
    api.wait(api.add("finish"), "COMPLETED")
    assert worker.end() == 0
    assert run.state == "PAUSED"


def test_a_cancelled_run_is_stopped_and_said_to_be(api: StandInApi, start: Callable):
    start()
    run = api.add("propose RUNNING", "sleep 60")
    api.wait(run, "RUNNING")
    api.cancel.add(run.id)
    api.wait(run, "CANCELLED")


def test_a_command_gets_an_interpreter_of_its_own(api: StandInApi, start: Callable, tmp_path: Path):
    start()
    file = tmp_path / "mine"
    run = api.add(command=f"touch {file}")
    api.wait(run, "CRASHED")  # it said nothing of its run
    assert file.exists()


def test_a_missing_working_directory_crashes_the_run_with_its_name(
    api: StandInApi, start: Callable
):
    start()
    run = api.add("finish", working_dir="/no/such/directory")
    api.wait(run, "CRASHED")
    assert "/no/such/directory" in run.message


def test_run_once_takes_what_is_due_and_leaves(api: StandInApi, start: Callable):
    run = api.add("finish")
    worker = start("--run-once")
    assert worker.process.wait(60) == 0
    assert run.state == "COMPLETED"


def test_the_first_signal_drains_and_the_second_stops(api: StandInApi, start: Callable):
    worker = start()
    run = api.add("propose RUNNING", "sleep 60")
    api.wait(run, "RUNNING")
    worker.look()
    worker.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "once more stops them" in worker.log.read_text())
    later = api.add("finish")
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(60) == 0
    assert run.state == "CRASHED"
    assert "its worker was stopped" in run.message
    assert later.state in {"SCHEDULED", "PENDING"}, "nothing was started after the first signal"
    assert not worker.alive()


def test_a_lost_answer_to_a_claim_strands_no_run(api: StandInApi, start: Callable):
    api.drop_claims = 1
    run = api.add("finish")
    start()
    api.wait(run, "COMPLETED")
    assert run.epoch == 1, "the repeated claim brought the same attempt"


def test_runs_outlive_an_outage_of_the_api(api: StandInApi, start: Callable):
    worker = start()
    run = api.add("propose RUNNING", "sleep 1", "propose RUNNING", "finish")
    api.wait(run, "RUNNING")
    crash = api.add("propose RUNNING", "sleep 0.3", "exit 9")
    api.wait(crash, "RUNNING")
    api.away = True
    wait_until(lambda: "does not answer" in worker.log.read_text())
    api.away = False
    api.wait(crash, "CRASHED")
    assert "code 9" in crash.message
    api.wait(api.add("finish"), "COMPLETED")


def test_the_pool_hears_of_the_worker_and_the_run_of_its_process(api: StandInApi, start: Callable):
    start()
    wait_until(lambda: api.heartbeats)
    assert api.heartbeats[0] == "w"
    run = api.add("propose RUNNING", "sleep 2", "finish")
    wait_until(lambda: run.process)
    assert run.process.rpartition(":")[2].isdigit()


def test_a_pool_of_an_unknown_type_is_refused_by_name(api: StandInApi, start: Callable):
    api.pool = {"name": "p", "type": "submarine"}
    worker = start()
    assert worker.process.wait(60) != 0
    assert "submarine" in worker.log.read_text()


def test_a_second_worker_of_the_same_name_is_refused(api: StandInApi, start: Callable):
    start()
    wait_until(lambda: api.heartbeats)
    second = start()
    assert second.process.wait(60) != 0
    assert "another name" in second.log.read_text()


def test_what_a_child_inherits(api: StandInApi, start: Callable, tmp_path: Path):
    start()
    facts = tmp_path / "facts.json"
    run = api.add(f"facts {facts}", "finish", working_dir=str(tmp_path), env={"OWN": "1"})
    api.wait(run, "COMPLETED")
    told = json.loads(facts.read_text())
    assert told["pid"] == told["group"] == told["session"]
    assert told["cwd"] == told["path"][0] == str(tmp_path)
    assert told["stdin"] == "/dev/null"
    assert told["sockets"] == []
    assert told["environment"]["OWN"] == "1"
    assert told["environment"]["HEADRACE__FLOW_RUN_ID"] == run.id
    assert not told["main"]


def test_children_of_one_parent_draw_different_numbers(
    api: StandInApi, start: Callable, tmp_path: Path
):
    file = tmp_path / "drawn"
    start()
    for run in [api.add(f"draw {file}", "finish") for _ in range(8)]:
        api.wait(run, "COMPLETED")
    drawn = file.read_text().split()
    assert len(set(drawn)) == 8


def test_what_a_worker_did_is_in_its_metrics(api: StandInApi, start: Callable):
    port = free_port()
    start(f"--port={port}")
    api.wait(api.add("finish"), "COMPLETED")
    api.wait(api.add("exit 3"), "CRASHED")

    def read() -> dict[str, float]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {n: float(v) for n, _, v in (x.rpartition(" ") for x in lines if x[0] != "#")}

    ended = "headrace_worker_runs_ended_total"
    for how in ("reported", "unreported"):
        wait_until(lambda how=how: read()[f'{ended}{{how="{how}"}}'] == 1)
    found = read()
    assert found["headrace_worker_launch_seconds_count"] == 2
    assert found["headrace_worker_claim_seconds_count"] >= 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_health(api: StandInApi, tmp_path: Path):

    home = WorkerHome(tmp_path, "h")
    worker = Worker(
        api=WorkerApi(Client(api.url), Client(api.url)),
        infrastructure=ProcessInfrastructure(SpawnStarter(), tmp_path / "output"),
        source=Source(owner=home.owner, work_pool_name="p"),
        ledger=home.ledger,
        options=WorkerOptions(name="h"),
    )
    assert is_healthy(worker, worker.last_claim + 1)
    assert not is_healthy(worker, worker.last_claim + 1000)

    port = free_port()
    close = open_health_port(worker, "127.0.0.1", port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        assert json.loads(answer.read()) == {"healthy": True, "runs": 0}
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert "headrace_worker_capacity 4096" in answer.read().decode().splitlines()
    close()
    home.close()
