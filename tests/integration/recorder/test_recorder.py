import json
import logging
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from time import monotonic, perf_counter, sleep

import pytest
from tests.integration.stand_in import Handler, StandIn, hangs_up, running, says, waits

from headrace.client import Client
from headrace.client.retries import RetryRule
from headrace.engine import recorder as recorder_module
from headrace.engine.backlog import spool_directory
from headrace.engine.recorder import Recorder, hold_back, let_go, recorder
from headrace.engine.spool import Entry, Spool
from headrace.errors import ObjectNotFound
from headrace.settings import temporary_settings


class Api(StandIn):
    """Keeps the records that it has acknowledged."""

    def __init__(self, address: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        super().__init__(address)
        self.events: list[int] = []
        self.logs: list[int] = []
        self.usual = self.accept

    def accept(self, handler: Handler) -> None:
        records = json.loads(self.requests[-1].body)
        if any(r["n"] == "bad" for r in records):
            handler.answer(422, {"exception_detail": [{"loc": ["body"], "msg": "no"}]})
            return
        into = self.events if handler.path.endswith("/events") else self.logs
        into.extend(r["n"] for r in records)
        handler.answer(204)


@pytest.fixture
def api():
    with running(Api()) as server:
        yield server


@pytest.fixture
def home(tmp_path):
    with temporary_settings(home=tmp_path):
        yield tmp_path


@pytest.fixture
def made(api, home):
    recorders: list[Recorder] = []

    def make(url: str = api.url) -> Recorder:
        client = Client(url, retry=RetryRule(attempts=0))
        recorders.append(Recorder(client, interval=0.005))
        return recorders[-1]

    yield make
    for found in recorders:
        found.close(2)
        found.client.close()


@pytest.fixture
def told(caplog):
    """What the recorder tells in this process's log, also where that does not reach the root."""
    logger = logging.getLogger("headrace.recorder")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


def until(condition, timeout: float = 10.0) -> None:
    deadline = monotonic() + timeout
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.005)


def spools(home: Path, url: str) -> list[Path]:
    return sorted(spool_directory(home, url).glob("*.spool"))


def test_records_arrive_in_order_in_few_requests(api, made):
    recorder = made()
    for n in range(2000):
        recorder.event({"n": n})
        recorder.log({"n": n})
    assert recorder.flush(10)
    assert api.events == list(range(2000))
    assert api.logs == list(range(2000))
    assert len(api.requests) < 40


def test_records_of_many_threads_all_arrive_each_threads_own_in_order(api, made):
    recorder = made()

    def report(thread: int) -> None:
        for n in range(500):
            recorder.event({"n": thread * 1000 + n})

    threads = [threading.Thread(target=report, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.flush(10)
    for t in range(8):
        assert [n for n in api.events if n // 1000 == t] == [t * 1000 + n for n in range(500)]


def test_reporting_does_not_wait_for_the_network(api, made):
    release = threading.Event()
    recorder = made()
    api.plan.append(waits(release))
    recorder.event({"n": -1})
    until(lambda: api.requests)
    began = perf_counter()
    for n in range(1000):
        recorder.event({"n": n})
    assert perf_counter() - began < 0.5
    assert not recorder.flush(0.01)
    release.set()
    assert recorder.flush(10)
    assert api.events == list(range(1000))


def test_a_record_may_encode_itself_in_the_recorders_thread(api, made):
    class Lazy:
        def encode(self) -> bytes:
            assert threading.current_thread().name == "headrace-recorder"
            return b'{"n":7}'

    recorder = made()
    recorder.event(Lazy())
    assert recorder.flush(5)
    assert api.events == [7]


def test_while_the_api_is_away_records_are_on_disk_and_then_arrive_in_order(api, made, home):
    recorder = made()
    recorder.event({"n": 0})
    assert recorder.flush(5)
    api.usual = hangs_up
    for n in range(1, 300):
        recorder.event({"n": n})
    until(lambda: spools(home, api.url))
    for n in range(300, 600):
        recorder.event({"n": n})
    assert not recorder.flush(0.05)
    api.usual = api.accept
    assert recorder.flush(10)
    assert api.events == list(range(600))
    assert spools(home, api.url) == []
    recorder.event({"n": 600})
    assert recorder.flush(5)
    assert api.events[-1] == 600


def test_a_wrong_key_loses_nothing(api, made, home):
    recorder = made()
    api.usual = says(401, {"detail": "wrong key"})
    recorder.event({"n": 1})
    until(lambda: spools(home, api.url))
    api.usual = api.accept
    assert recorder.flush(10)
    assert api.events == [1]


def test_a_refused_record_takes_no_other_with_it(api, made, told):
    recorder = made()
    for n in range(20):
        recorder.event({"n": "bad" if n == 13 else n})
    assert recorder.flush(5)
    assert api.events == [n for n in range(20) if n != 13]
    assert "refuses a record" in told.text


def test_a_record_that_is_no_json_is_told_and_the_others_arrive(api, made, told):
    recorder = made()
    recorder.event({"n": object()})
    recorder.event({"n": 1})
    recorder.log({"n": 2, "message": "half a pair \ud800"})
    assert recorder.flush(5)
    assert (api.events, api.logs) == ([1], [2])
    assert "cannot be written as JSON" in told.text


def test_with_memory_and_disk_full_the_reporter_waits_and_nothing_is_lost(
    api, made, home, monkeypatch
):
    monkeypatch.setattr(recorder_module, "QUEUE_RECORDS", 50)
    monkeypatch.setattr(recorder_module, "TAKEN_RECORDS", 50)
    api.usual = hangs_up
    with temporary_settings(recorder_spool_size=100):
        recorder = made()
    reported = []

    def report() -> None:
        for n in range(500):
            recorder.event({"n": n})
            reported.append(n)

    thread = threading.Thread(target=report)
    thread.start()
    until(lambda: spools(home, api.url) and len(reported) >= 50)
    assert not recorder.flush(0.1)
    assert len(reported) < 500
    api.usual = api.accept
    thread.join(60)
    assert recorder.flush(10)
    assert api.events == list(range(500))


def test_a_disk_that_takes_nothing_loses_nothing_while_the_process_lives(api, made, home):
    (home / "spool").write_text("a file where the directory should be")
    recorder = made()
    api.usual = hangs_up
    for n in range(100):
        recorder.event({"n": n})
    until(lambda: api.requests)
    assert not recorder.flush(0.05)
    api.usual = api.accept
    assert recorder.flush(10)
    assert api.events == list(range(100))


def test_what_a_dead_process_left_on_disk_is_delivered_by_the_next(api, made, home):
    left = Spool.create(spool_directory(home, api.url))
    left.append([Entry(b"e", b'{"n":%d}' % n) for n in range(1200)])
    left.append([Entry(b"l", b'{"n":5}')])
    with left.path.open("ab") as torn:
        torn.write(b'e{"n":99')
    left.close()
    recorder = made()
    recorder.event({"n": 2000})
    assert recorder.flush(5)
    until(lambda: spools(home, api.url) == [])
    assert sorted(api.events) == [*range(1200), 2000]
    assert api.logs == [5]
    assert not list(spool_directory(home, api.url).iterdir())


def test_what_a_living_process_has_on_disk_is_left_to_it(api, made, home):
    living = Spool.create(spool_directory(home, api.url))
    living.append([Entry(b"e", b'{"n":1}')])
    recorder = made()
    recorder.event({"n": 2})
    assert recorder.flush(5)
    assert api.events == [2]
    assert spools(home, api.url) == [living.path]
    living.remove()


SCRIPT = """
import os, signal, sys, time
from headrace.client import Client
from headrace.client.retries import RetryRule
from headrace.engine.recorder import recorder, close_recorders
reports = recorder(Client(sys.argv[1], retry=RetryRule(attempts=0)))
for n in range(int(sys.argv[3])):
    reports.event({"n": n})
def child():
    reports.event({"n": 1000 + os.getpid() % 2})
"""


def run(script: str, url: str, home: Path, how: str, count: int = 100, **options):
    environment = {**os.environ, "HEADRACE_HOME": str(home)}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SCRIPT + script, url, how, str(count)],
        env=environment,
        cwd=home,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.parametrize("end", ["pass", "sys.exit(3)", "raise ValueError"])
def test_a_process_that_ends_has_delivered(api, home, end):
    process = run(end, api.url, home, end)
    process.communicate(timeout=60)
    assert api.events == list(range(100))


@pytest.mark.kill
def test_a_terminated_process_delivers_and_dies_of_the_signal(api, home):
    process = run(
        "print('up', flush=True); time.sleep(30)", api.url, home, "", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert api.events == list(range(100))


@pytest.mark.kill
def test_what_was_on_disk_survives_a_kill(api, made, home):
    api.usual = hangs_up
    process = run("reports.flush(0.5); print('kept', flush=True); time.sleep(30)",
                  api.url, home, "", stdout=subprocess.PIPE)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "kept\n"
    process.kill()
    process.communicate(timeout=60)
    api.usual = api.accept
    recorder = made()
    recorder.event({"n": 500})
    until(lambda: spools(home, api.url) == [] and len(api.events) == 101)
    assert sorted(api.events) == [*range(100), 500]


def test_a_process_that_ends_while_the_api_is_away_ends_soon_and_keeps_its_records(api, home):
    api.usual = hangs_up
    process = run("began = time.monotonic(); import atexit; "
                  "ok = close_recorders(); sys.exit(10 * ok + (time.monotonic() - began > 3))",
                  api.url, home, "")  # fmt: skip
    process.communicate(timeout=60)
    assert process.returncode == 0
    (kept,) = spools(home, api.url)
    assert kept.read_bytes().count(b"\n") == 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_reports_its_own_records_and_none_of_its_parents(api, home):
    script = """
if os.fork() == 0:
    reports.event({"n": 5000})
    ok = close_recorders(5)
    os._exit(not ok)
assert os.wait()[1] == 0
reports.event({"n": 100})
"""
    process = run(script, api.url, home, "")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    own = [n for n in api.events if n != 5000]
    assert own == list(range(101))
    assert api.events.count(5000) == 1


def test_a_child_of_multiprocessing_delivers_before_it_ends(api, home):
    script = """
import multiprocessing
process = multiprocessing.get_context("fork").Process(target=child)
process.start(); process.join()
sys.exit(process.exitcode)
"""
    process = run(script, api.url, home, "", count=3)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert len([n for n in api.events if n >= 1000]) == 1
    assert all(a < b for a, b in pairwise(n for n in api.events if n < 1000))


def test_a_flush_does_not_wait_for_an_api_that_refuses_this_process(api, made):
    """Waiting does not put a key right; the run's end is not held up for it."""
    recorder = made()
    api.usual = says(401, {"detail": "wrong key"})
    recorder.event({"n": 1})
    began = perf_counter()
    assert not recorder.flush(20)
    assert perf_counter() - began < 5
    api.usual = api.accept
    assert recorder.flush(10)


@pytest.fixture
def held_back():
    hold_back()
    yield
    let_go()


def threads() -> int:
    return sum(t.name == "headrace-recorder" for t in threading.enumerate())


@pytest.mark.usefixtures("held_back")
def test_a_short_run_s_flush_delivers_without_a_thread(api, made):
    recorder, before = made(), threads()
    for n in range(3):
        recorder.event({"n": n})
        recorder.log({"n": n})
        assert recorder.flush(30)
    assert (api.events, api.logs) == ([0, 1, 2], [0, 1, 2])
    assert threads() == before


@pytest.mark.usefixtures("held_back")
def test_many_records_start_the_thread_that_was_held_back(api, made):
    recorder = made()
    for n in range(recorder_module.HURRY_RECORDS):
        recorder.event({"n": n})
    until(lambda: len(api.events) == recorder_module.HURRY_RECORDS, 60)


@pytest.mark.usefixtures("held_back")
def test_a_run_that_takes_long_is_heard_of_while_it_lasts(api, home):
    client = Client(api.url, retry=RetryRule(attempts=0))
    found = recorder(client)
    try:
        found.event({"n": 1})
        let_go()
        until(lambda: api.events == [1], 60)
        found.event({"n": 2})
        until(lambda: api.events == [1, 2], 60)
    finally:
        recorder_module._Recorders.by_client.pop(client).close(2)
        client.close()


@pytest.mark.usefixtures("held_back")
def test_a_flush_without_a_thread_keeps_what_the_api_does_not_take(api, made, home):
    recorder = made()
    api.usual = says(503)
    recorder.event({"n": 1})
    assert not recorder.flush(0.2)
    assert spools(home, api.url)
    api.usual = api.accept
    assert recorder.flush(30)
    assert api.events == [1]


def bodies(entries: list[Entry]) -> list[bytes]:
    return [entry.body for entry in entries]


@pytest.mark.usefixtures("held_back")
def test_what_is_handed_over_goes_with_what_else_is_sent_and_not_again(api, made):
    recorder = made()
    recorder.event({"n": 1})
    recorder.log({"n": 2})
    assert recorder.hand_over(bodies) == [b'{"n":1}', b'{"n":2}']
    assert recorder.flush(30)
    assert api.requests == []


@pytest.mark.usefixtures("held_back")
def test_what_was_handed_over_and_not_taken_is_delivered(api, made):
    def refuse(_: list[Entry]) -> None:
        raise ObjectNotFound("an API that is not ours")

    recorder = made()
    recorder.event({"n": 1})
    assert recorder.hand_over(refuse) is None
    assert api.events == [1]
    recorder.event({"n": 2})
    assert recorder.flush(30)
    assert api.events == [1, 2]


@pytest.mark.usefixtures("held_back")
def test_an_interrupt_while_records_are_handed_over_loses_none(api, made, home):
    def interrupt(_: list[Entry]) -> None:
        raise KeyboardInterrupt

    recorder = made()
    recorder.event({"n": 1})
    with pytest.raises(KeyboardInterrupt):
        recorder.hand_over(interrupt)
    assert spools(home, api.url)
    assert recorder.flush(30)
    assert api.events == [1]


def test_a_recorder_with_its_thread_hands_nothing_over(api, made):
    recorder = made()
    recorder.event({"n": 1})
    assert recorder.hand_over(bodies) is None
    assert recorder.flush(30)
    assert api.events == [1]
