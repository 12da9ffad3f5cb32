"""Containers whose launch a dead worker did not finish."""

from tests.contract.infrastructure.benches import DockerBench
from tests.waiting import wait_until

from headrace.infrastructure.contract import Handle, Phase
from headrace.infrastructure.docker.kind import DockerInfrastructure
from headrace.infrastructure.docker.plan import plan_container


def test_a_container_that_was_made_and_never_started_is_removed(docker_bench: DockerBench):
    """Nobody starts it any more; its run is free for another attempt."""
    kind = docker_bench.another()
    job = docker_bench.job(["sleep", "60"])
    plan = plan_container(job, is_linux=True)
    made = docker_bench.engine.create(plan, kind._mark.labels(job.run_id, job.epoch, kept=True))
    assert kind.adopt(Handle(kind="docker", run_id=job.run_id, epoch=1), 1) is None
    assert docker_bench.engine.inspect(made) is None
    kind.close()
    docker_bench.close()


def test_a_container_that_was_made_and_never_started_goes_when_it_is_stopped(
    docker_bench: DockerBench,
):
    """No signal reaches it; it would stay for ever."""
    job = docker_bench.job(["sleep", "60"])
    plan = plan_container(job, is_linux=True)
    kind = docker_bench.another()
    made = docker_bench.engine.create(plan, kind._mark.labels(job.run_id, job.epoch, kept=True))
    ((stray, status),) = kind.attempts()
    assert not status.exited
    kind.stop(stray, 0)
    wait_until(lambda: docker_bench.engine.inspect(made) is None)
    kind.close()
    docker_bench.close()


def test_a_container_that_runs_is_taken_over(docker_bench: DockerBench):
    job = docker_bench.job(["sleep", "60"])
    handle = docker_bench.kind.launch(job)
    docker_bench.handles.append(handle)
    kind = docker_bench.another()
    assert isinstance(kind, DockerInfrastructure)
    found = kind.adopt(Handle(kind="docker", run_id=job.run_id, epoch=1), 1)
    assert found is not None
    assert found[1].phase is Phase.RUNNING
    kind.close()
    docker_bench.close()
