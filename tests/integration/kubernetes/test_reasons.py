"""Why an attempt ended or did not start: each cause has a sentence of its own."""

import pytest
from tests.integration.kubernetes.conftest import Site, ended, python, running
from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster
from tests.waiting import wait_until

from headrace.infrastructure.contract import Handle, Status
from headrace.infrastructure.kubernetes.kind import KubernetesInfrastructure


def pod_of(cluster: StandInCluster, handle: Handle) -> str:
    names = [
        pod["metadata"]["name"]
        for pod in cluster.all("pods")
        if pod["metadata"]["labels"]["headrace.flow-run-id"] == handle.run_id
    ]
    return names[0]


def end_of(site: Site, *args: object, **variables: object) -> tuple[Status, list[str]]:
    kind = site.worker()
    handle = kind.launch(site.job(*args, **variables))  # type: ignore[arg-type]
    status = ended(kind, handle)
    return status, kind.logs(handle)


def test_a_node_that_fits_is_not_there(site: Site):
    status, lines = end_of(site, cpu_request="100", pod_watch_timeout_seconds=1)
    assert status.reason.startswith("did not start within 1 s: no node takes its pod")
    assert "Insufficient cpu" in status.reason
    assert status.proven
    assert not status.never_ran, "another attempt would not start either"
    assert any("FailedScheduling" in line for line in lines)


def test_an_image_that_cannot_be_pulled(site: Site):
    status, lines = end_of(site, image="nowhere/nothing:1", pod_watch_timeout_seconds=1)
    assert status.reason.startswith("did not start within 1 s: its image 'nowhere/nothing:1'")
    assert "ImagePullBackOff" in status.reason
    assert any("failed to pull" in line for line in lines)


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"image": "Not an image"}, "InvalidImageName"),
        ({"image": "never:here", "image_pull_policy": "Never"}, "ErrImageNeverPull"),
    ],
)
def test_an_image_that_never_will_be_there_is_not_waited_for(
    site: Site, variables: dict[str, str], word: str
):
    status, _ = end_of(site, pod_watch_timeout_seconds=3600, **variables)
    assert status.reason.startswith("could not start: its image")
    assert word in status.reason


def test_a_container_whose_configuration_names_a_missing_secret(site: Site):
    reference = {"secretKeyRef": {"name": "absent", "key": "k"}}
    patch = [
        {
            "op": "add",
            "path": "/spec/template/spec/containers/0/env/-",
            "value": {"name": "K", "valueFrom": reference},
        }
    ]
    status, _ = end_of(site, customizations=patch, pod_watch_timeout_seconds=1)
    assert 'CreateContainerConfigError: secret "absent" not found' in status.reason


def test_a_command_that_is_not_there(site: Site):
    status, _ = end_of(site, "no-such-program")
    assert status.reason.startswith("could not start: its command cannot be run (StartError")
    assert "no-such-program" in status.reason


def test_more_memory_than_its_container_may_use(site: Site):
    code = "import time; x = b'x' * 200_000_000; time.sleep(60)"
    status, _ = end_of(site, python(code), memory_limit="64Mi")
    assert status.code == -9
    assert status.reason == (
        "was killed for want of memory (OOMKilled, exit code 137): it may use 64Mi; raise "
        "memory_limit"
    )


def test_an_exit_code_and_a_signal(site: Site):
    status, lines = end_of(site, python("print('last words'); raise SystemExit(4)"))
    assert (status.code, status.reason) == (4, "exited with code 4")
    assert lines[0] == "last words"
    status, _ = end_of(site, python("import os; os.kill(os.getpid(), 11)"))
    assert status.code == -11
    assert status.reason.startswith("was ended by SIGSEGV")


def started(site: Site, **variables: object) -> tuple[KubernetesInfrastructure, Handle]:
    kind = site.worker()
    handle = kind.launch(site.job(["sleep", "60"], **variables))
    running(kind, handle)
    return kind, handle


def test_a_pod_that_is_evicted(site: Site, cluster: StandInCluster):
    kind, handle = started(site)
    cluster.control(f"evict/jobs/{pod_of(cluster, handle)}")
    reason = ended(kind, handle).reason
    assert reason == "was evicted from node node-1: The node was low on resource: memory."


def test_a_job_that_somebody_deletes(site: Site, cluster: StandInCluster):
    kind, handle = started(site)
    api = kind._field.cluster(kind._attempts[handle.run_id, 1].place)  # type: ignore[arg-type]
    api.core("delete_namespaced_pod", pod_of(cluster, handle), "jobs", grace_period_seconds=0)
    api.jobs("delete", handle.details["name"], "jobs", propagation_policy="Background")
    status = ended(kind, handle)
    assert status.reason == "is gone: its job was deleted from the cluster by somebody else"
    assert status.proven


def test_a_job_that_runs_longer_than_it_may(site: Site):
    status, _ = end_of(site, ["sleep", "60"], job_watch_timeout_seconds=1)
    assert status.reason.startswith("was ended: it ran longer than its job may")


def test_an_account_that_may_not(site: Site, cluster: StandInCluster):
    cluster.fail(403, path="/jobs$", method="POST", message="jobs.batch is forbidden")
    with pytest.raises(Exception, match=r"does not let this worker do that \(403\): jobs.batch is"):
        site.worker().launch(site.job())


def test_a_namespace_that_is_not_there(site: Site):
    with pytest.raises(Exception, match='namespaces "nowhere" not found'):
        site.worker().launch(site.job(namespace="nowhere"))


def test_a_misspelt_field_of_a_manifest_is_named(site: Site):
    patch = {"spec": {"template": {"spec": {"nodeSelektor": {"a": "b"}}}}}
    with pytest.raises(Exception, match="nodeSelektor"):
        site.worker().launch(site.job(customizations=patch))


def test_a_run_is_over_when_its_container_is_whatever_stays_beside_it(
    site: Site, cluster: StandInCluster
):
    """A proxy that a mesh puts into every pod never ends by itself; it is ended with the run."""
    proxy = {"name": "proxy", "image": IMAGE, "command": ["sleep"], "args": ["60"]}
    path = "/spec/template/spec/containers/-"
    kind = site.worker()
    patch = [{"op": "add", "path": path, "value": proxy}]
    handle = kind.launch(site.job(customizations=patch))
    assert ended(kind, handle).code == 0
    kind.release(handle)
    wait_until(lambda: not [p for p in cluster.all("pods") if handle.run_id in str(p["metadata"])])


def test_a_node_that_is_lost(site: Site):
    own = StandInCluster()
    try:
        site.cluster = own
        kind, handle = started(site)
        own.control("lose/node-1")
        status = ended(kind, handle)
        assert status.reason.startswith("was lost with its node node-1")
        assert status.proven
    finally:
        own.close()
