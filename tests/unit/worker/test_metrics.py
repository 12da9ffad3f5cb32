"""What a worker counts, as Prometheus reads it."""

from headrace.infrastructure.contract import Handle, Phase, Status
from headrace.worker.holdings import Held, Holdings
from headrace.worker.metrics import WorkerMetrics, write_metrics


def held(number: int, phase: Phase = Phase.STARTING) -> Held:
    handle = Handle(kind="process", run_id=f"run-{number}", epoch=1)
    made = Held(f"run-{number}", 1, "a run", number, 0.0, handle)
    made.status = Status(phase)
    return made


def values(metrics: WorkerMetrics, holdings: Holdings, now: float = 100.0) -> dict[str, float]:
    lines = list(write_metrics(metrics, holdings, now))
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
    }


def test_runs_are_counted_by_how_they_are():
    holdings = Holdings(5)
    for one in (held(1), held(2, Phase.RUNNING), held(3, Phase.RUNNING), held(4, Phase.EXITED)):
        holdings.add(one)
    stopping = held(5, Phase.RUNNING)
    stopping.cancelling = True
    holdings.add(stopping)
    found = values(WorkerMetrics(), holdings)
    assert found['headrace_worker_runs{state="starting"}'] == 1
    assert found['headrace_worker_runs{state="running"}'] == 2
    assert found['headrace_worker_runs{state="stopping"}'] == 1
    assert found['headrace_worker_runs{state="ended"}'] == 1
    assert found["headrace_worker_capacity"] == 5


def test_ends_are_counted_by_who_told_of_them():
    metrics = WorkerMetrics()
    metrics.count_end(Status(Phase.EXITED, reported=True))
    metrics.count_end(Status(Phase.EXITED, reported=True))
    metrics.count_end(Status(Phase.EXITED, code=-9))
    metrics.count_end(Status(Phase.EXITED, never_ran=True))
    found = values(metrics, Holdings(None))
    assert found['headrace_worker_runs_ended_total{how="reported"}'] == 2
    assert found['headrace_worker_runs_ended_total{how="unreported"}'] == 1
    assert found['headrace_worker_runs_ended_total{how="not_started"}'] == 1


def test_times_are_a_histogram():
    metrics = WorkerMetrics()
    for seconds in (0.002, 0.04, 99.0):
        metrics.launches.record(seconds)
    found = values(metrics, Holdings(None))
    assert found['headrace_worker_launch_seconds_bucket{le="0.001"}'] == 0
    assert found['headrace_worker_launch_seconds_bucket{le="0.0025"}'] == 1
    assert found['headrace_worker_launch_seconds_bucket{le="30.0"}'] == 2
    assert found['headrace_worker_launch_seconds_bucket{le="+Inf"}'] == 3
    assert found["headrace_worker_launch_seconds_count"] == 3
    assert found["headrace_worker_launch_seconds_sum"] == 99.042
    assert found["headrace_worker_claim_seconds_count"] == 0


def test_the_age_of_a_renewal_is_told_once_there_was_one():
    metrics = WorkerMetrics()
    assert "headrace_worker_renewal_age_seconds" not in values(metrics, Holdings(None))
    metrics.renewals, metrics.renewed = 1, 97.5
    found = values(metrics, Holdings(None))
    assert found["headrace_worker_renewal_age_seconds"] == 2.5
    assert found["headrace_worker_renewals_total"] == 1
