"""Attempts over time: their keys, their end, and who takes them over."""

from dataclasses import replace

import pytest
from tests.integration.kubernetes.conftest import Site, ended, python, running
from tests.stand_ins.kubernetes.cluster import StandInCluster
from tests.waiting import wait_until

from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle, Phase


def test_keys_are_handed_over_in_a_secret_that_goes_with_the_job(
    site: Site, cluster: StandInCluster
):
    kind = site.worker()
    job = replace(site.job(python("import os; print(os.environ['HEADRACE_API_KEY'])")))
    job = replace(job, settings={"HEADRACE_API_KEY": "s3cret"})
    handle = kind.launch(job)
    ended(kind, handle)
    assert kind.logs(handle)[0] == "s3cret"
    made = [j for j in cluster.all("jobs") if handle.run_id in str(j)]
    assert "s3cret" not in str(made)
    name = str(handle.details["name"])
    assert [s["metadata"]["name"] for s in cluster.all("secrets")].count(f"{name}.key") == 1
    api = kind._field.cluster(kind._attempts[handle.run_id, 1].place)  # type: ignore[arg-type]
    api.jobs("delete", name, "jobs", propagation_policy="Background")
    wait_until(lambda: not [s for s in cluster.all("secrets") if name in s["metadata"]["name"]])


def test_a_secret_that_could_not_be_made_is_made_later(site: Site, cluster: StandInCluster):
    kind = site.worker()
    cluster.fail(503, times=4, method="POST", path="/secrets$")
    code = python("import os; print(os.environ['HEADRACE_API_KEY'])")
    handle = kind.launch(replace(site.job(code), settings={"HEADRACE_API_KEY": "s3cret"}))
    assert ended(kind, handle).code == 0


def test_a_job_whose_worker_died_before_its_keys_were_there_never_ran(
    site: Site, cluster: StandInCluster
):
    """Its keys are known to nobody any more: the job goes without a pod, and the run may be had again."""
    first = site.worker()
    cluster.fail(503, times=1000, method="POST", path="/secrets$")
    code = python("import os; print(os.environ['HEADRACE_API_KEY'])")
    handle = first.launch(replace(site.job(code), settings={"HEADRACE_API_KEY": "s3cret"}))
    first.close()
    cluster.heal()
    second = site.worker()
    second.adopt(Handle.from_json(handle.to_json()), 1)
    status = ended(second, handle)
    assert status.never_ran
    assert "died before it had its keys" in status.reason
    assert not [j for j in cluster.all("jobs") if handle.run_id in j["metadata"]["name"]]
    assert not [p for p in cluster.all("pods") if handle.run_id in str(p["metadata"]["labels"])]


def test_a_job_that_somebody_else_suspends_stays_suspended(site: Site, cluster: StandInCluster):
    """A queueing system lets it begin; that it has its keys is for us to say."""
    kind = site.worker()
    job = site.job(customizations=[{"op": "add", "path": "/spec/suspend", "value": True}])
    handle = kind.launch(replace(job, settings={"HEADRACE_API_KEY": "s3cret"}))
    (made,) = [j for j in cluster.all("jobs") if handle.run_id in j["metadata"]["name"]]
    assert made["spec"]["suspend"] is True
    assert "headrace.waits-for-keys" not in made["metadata"].get("annotations", {})
    kind.stop(handle, 0)
    ended(kind, handle)


def test_launching_twice_finds_the_first(site: Site, cluster: StandInCluster):
    job = site.job(["sleep", "60"])
    handles = [site.worker().launch(job) for _ in range(2)]
    assert handles[0] == handles[1]
    own = [j for j in cluster.all("jobs") if job.run_id in j["metadata"]["name"]]
    assert len(own) == 1
    kind = site.kinds[0]
    kind.stop(handles[0], 0)
    ended(kind, handles[0])


def test_a_name_that_is_somebody_else_s_is_refused(site: Site, cluster: StandInCluster):
    kind = site.worker()
    job = site.job()
    handle = kind.launch(job)
    name = handle.details["name"]
    ended(kind, handle)
    api = kind._field.cluster(kind._attempts[handle.run_id, 1].place)  # type: ignore[arg-type]
    patch = {"metadata": {"labels": {"headrace.attempt": "7"}}}
    api.jobs("patch", name, "jobs", patch)
    with pytest.raises(InfrastructureError, match="is not of this run; delete it"):
        site.worker().launch(job)


def test_the_worker_s_next_process_takes_over_by_the_stored_handle(site: Site):
    """It knows the cluster of a block from the worker's own directory: handles hold no credentials."""
    first = site.worker()
    handle = first.launch(site.job(["sleep", "60"]))
    running(first, handle)
    first.close()
    stored = Handle.from_json(handle.to_json())
    assert "token" not in handle.to_json().decode()
    second = site.worker()
    found = second.adopt(stored, 1)
    assert found is not None
    assert found[1].phase is Phase.RUNNING
    second.stop(found[0], 0)
    assert ended(second, found[0]).proven


def test_it_finds_attempts_of_which_only_the_number_was_stored(site: Site):
    """The handle is stored before launch: the process died before it could say more."""
    first = site.worker()
    handle = first.launch(site.job(["sleep", "60"]))
    first.close()
    second = site.worker()
    found = second.adopt(Handle(kind="kubernetes", run_id=handle.run_id, epoch=1), 1)
    assert found is not None
    assert found[0].details["name"] == handle.details["name"]
    second.stop(found[0], 0)
    assert ended(second, found[0]).proven


def test_what_was_never_launched_is_known_for_certain(site: Site):
    first = site.worker()
    ended(first, first.launch(site.job()))
    first.close()
    absent = Handle(kind="kubernetes", run_id=site.job().run_id, epoch=1)
    assert site.worker().adopt(absent, 1) is None


def test_what_nobody_knows_of_is_listed_until_it_is_over(site: Site):
    first = site.worker()
    handle = first.launch(site.job(["sleep", "60"]))
    running(first, handle)
    first.close()
    second = site.worker()
    second.poll(handle)  # so that the namespace was seen
    found = [stray for stray, _ in second.attempts()]
    assert [(stray.run_id, stray.epoch) for stray in found] == [(handle.run_id, 1)]
    second.stop(found[0], 0)
    ended(second, handle)
    wait_until(lambda: all(status.exited for _, status in second.attempts()))


def test_a_pod_that_does_not_end_is_killed_when_its_grace_is_over(site: Site):
    code = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True);"
        "time.sleep(60)"
    )
    kind = site.worker()
    handle = kind.launch(site.job(python(code)))
    shown = bytearray()

    def is_ready() -> bool:
        kind.poll(handle)
        kind.show(handle, shown.extend, is_over=False)
        return b"ready" in shown

    wait_until(is_ready)
    kind.stop(handle, 1)
    status = ended(kind, handle)
    assert status.code in {-9, None}  # a cluster may forget it before it was looked at
    assert status.proven


def test_a_finished_job_stays_as_long_as_it_may(site: Site, cluster: StandInCluster):
    kind = site.worker()
    handle = kind.launch(site.job(finished_job_ttl=0))
    assert ended(kind, handle).exited
    wait_until(lambda: not [j for j in cluster.all("jobs") if handle.run_id in str(j["metadata"])])
    other = kind.launch(site.job())
    ended(kind, other)
    kind.release(other)
    made = [j for j in cluster.all("jobs") if other.run_id in str(j["metadata"])]
    assert made[0]["spec"]["ttlSecondsAfterFinished"] == 86_400


def test_a_secret_that_comes_after_its_job_went_goes_too(cluster: StandInCluster):
    """The cluster collects what belongs to nobody: a stop that overtakes the keys leaves nothing."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": "gone", "uid": "no-such-uid"}
    meta = {"name": "late.key", "namespace": "jobs", "ownerReferences": [owner]}
    cluster.control("objects", [["secrets", {"metadata": meta}]])
    wait_until(lambda: "late.key" not in [s["metadata"]["name"] for s in cluster.all("secrets")])
