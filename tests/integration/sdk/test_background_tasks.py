"""Background tasks: handed over, run elsewhere once, whatever happens to the worker."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from headrace.errors import FailedRun, SerializationError
from headrace.task_worker import TaskWorker
from headrace.task_worker.serving import _open_status_port
from tests.integration.sdk.background_tasks import NOTES, add, breaks, double, flaky, lingers
from tests.waiting import wait_until

ROOT = Path(__file__).parents[3]
MODULE = "tests.integration.sdk.background_tasks"
LIMIT = 2  # runs of a worker that is killed amid many
PATIENCE = 60.0  # seconds for anything a test waits for


class Workers:
    """Task workers as programs."""

    def __init__(self, api, home: Path, notes: Path) -> None:
        self.api = api
        self.notes_file = notes
        self._environment = {
            **os.environ,
            "HEADRACE_API_URL": api.url,
            "HEADRACE_HOME": str(home),
            NOTES: str(notes),
        }
        self._programs: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, limit: int = 10) -> subprocess.Popen[bytes]:
        given = command or ("-m", MODULE, str(limit))
        program = subprocess.Popen([sys.executable, *given], env=self._environment, cwd=ROOT)
        self._programs.append(program)
        wait_until(lambda: any(name.endswith(f"-{program.pid}") for name in self.present()))
        return program

    def present(self) -> list[str]:
        found = self.api.server.post("/task_workers/filter", {}).json
        return [worker["identifier"] for worker in found]

    def notes(self) -> list[str]:
        return self.notes_file.read_text().splitlines() if self.notes_file.exists() else []

    def close(self) -> None:
        for program in self._programs:
            if program.poll() is None:
                program.kill()
            program.wait()


@pytest.fixture
def workers(api, tmp_path: Path) -> Iterator[Workers]:
    made = Workers(api, tmp_path / "home", tmp_path / "notes")
    yield made
    made.close()


def test_runs_are_done_by_a_worker_and_their_results_come_back(workers: Workers, tmp_path: Path):
    """Positional and named arguments, async tasks, retries, many at once; handed over before or after."""
    early = add.delay(1)
    workers.start()
    assert early.result(PATIENCE) == 2
    assert add.delay(1, y=5).result(PATIENCE) == 6
    assert add.apply_async((2,), {"y": 2}).result(PATIENCE) == 4
    assert double.delay(4).result(PATIENCE) == 8
    assert flaky.delay(str(tmp_path / "tried")).result(PATIENCE) == "twice"
    assert add.map([1, 2, 3], deferred=True).result(PATIENCE) == [2, 3, 4]
    again = pickle.loads(pickle.dumps(early))
    assert again.result(PATIENCE) == 2
    assert workers.api.task_state_names(early.id_text) == [
        "Scheduled",
        "Pending",
        "Running",
        "Completed",
    ]


def test_a_run_that_fails_says_so_where_it_is_waited_for(workers: Workers):
    """The error is raised with its message, or returned when asked."""
    workers.start()
    future = breaks.delay(3)
    with pytest.raises(FailedRun, match="not 3"):
        future.result(PATIENCE)
    assert future.state.is_failed()
    assert isinstance(future.result(raise_on_failure=False), FailedRun)


def test_a_run_waits_for_those_that_it_is_told_to(workers: Workers, tmp_path: Path):
    """`wait_for` holds in the worker; a background future may be an argument as well."""
    first = lingers.delay(str(tmp_path / "go"))
    second = add.apply_async((1,), wait_for=[first])
    third = add.delay(second)
    workers.start()
    wait_until(lambda: workers.notes() == ["lingers"])
    (tmp_path / "go").touch()
    assert third.result(PATIENCE) == 3
    assert workers.notes() == ["lingers", "lingered", "add 1 1", "add 2 1"]


def test_nobody_serves_and_the_wait_ends_in_time(workers: Workers):
    """The run stays for who comes later."""
    future = add.delay(1)
    with pytest.raises(TimeoutError):
        future.result(0.1)
    assert not future.is_done()
    workers.start()
    assert future.result(PATIENCE) == 2


def test_an_argument_that_cannot_be_stored_is_refused_where_it_is_given(workers: Workers):
    """Nothing is handed over."""
    with pytest.raises(SerializationError):
        add.delay(sys._getframe())
    assert workers.api.task_runs() == []


def test_what_a_killed_worker_had_not_taken_is_done_once_by_another(
    workers: Workers, tmp_path: Path
):
    """SIGKILL with one run going on and more waiting: none of those is lost or done twice."""
    first = workers.start(limit=1)
    hangs = lingers.delay(str(tmp_path / "never"))
    wait_until(lambda: workers.notes() == ["lingers"])
    waiting = [add.delay(number) for number in range(20)]
    first.send_signal(signal.SIGKILL)
    first.wait()
    workers.start()
    assert [future.result(PATIENCE) for future in waiting] == list(range(1, 21))
    counted = Counter(workers.notes())
    assert counted == {"lingers": 1, **{f"add {number} 1": 1 for number in range(20)}}
    assert hangs.state.is_running(), "it was started: nobody does it a second time"


def test_workers_killed_amid_many_runs_lose_none(workers: Workers):
    """Two are killed while they take runs; what nobody had started is done once."""
    futures = [add.delay(number) for number in range(60)]
    for _ in range(2):
        program = workers.start(limit=LIMIT)
        done = len(workers.notes())
        wait_until(lambda before=done: len(workers.notes()) > before)
        program.send_signal(signal.SIGKILL)
        program.wait()
    workers.start()

    def settled() -> bool:
        states = Counter(run["state_type"] for run in workers.api.task_runs())
        # What the two had acknowledged and not begun comes to another after a minute.
        acknowledged = 2 * LIMIT
        ended = states["COMPLETED"] + states["RUNNING"] + states["PENDING"]
        return states["SCHEDULED"] <= acknowledged and ended + acknowledged >= len(futures)

    wait_until(settled)
    assert max(Counter(workers.notes()).values()) == 1


def test_a_worker_that_is_told_to_stop_ends_what_it_has_begun(workers: Workers, tmp_path: Path):
    """SIGTERM: nothing more is taken, what goes on goes on."""
    program = workers.start(limit=1)
    future = lingers.delay(str(tmp_path / "go"))
    wait_until(lambda: workers.notes() == ["lingers"])
    later = add.delay(1)
    program.send_signal(signal.SIGTERM)
    wait_until(lambda: not workers.present())
    (tmp_path / "go").touch()
    assert program.wait(PATIENCE) == 0
    assert future.result(PATIENCE) == "done"
    assert later.state.is_scheduled()


def test_the_command_line_serves_tasks_of_files_and_modules(workers: Workers):
    """The same task, however its file was loaded."""
    file = "tests/integration/sdk/background_tasks.py"
    refused = subprocess.run(
        [sys.executable, "-m", "headrace.cli", "task", "serve", f"{file}:nope"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "'add'" in refused.stderr
    workers.start("-m", "headrace.cli", "task", "serve", "--module", MODULE)
    assert add.delay(1).result(PATIENCE) == 2


def test_a_worker_tells_how_it_is(workers: Workers):
    """On the port that it is given, for whoever restarts it."""
    worker = TaskWorker(add, limit=3)
    close = _open_status_port(worker, 0)
    try:
        port = close.__closure__[0].cell_contents.server_address[1]
        with urlopen(f"http://127.0.0.1:{port}/status") as answer:
            told = json.loads(answer.read())
    finally:
        close()
    assert (told["limit"], told["current_tasks"]) == (3, 0)
    assert told["tasks"] == [add.task_key]
