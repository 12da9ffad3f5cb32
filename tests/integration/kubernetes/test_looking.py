"""What looking at a cluster costs, and what happens when it cannot be looked at."""

from typing import Any
from uuid import uuid4

import pytest
from tests.integration.kubernetes.conftest import Site, ended, python, running
from tests.stand_ins.kubernetes.cluster import IMAGE, StandInCluster
from tests.waiting import wait_until

from headrace.errors import InfrastructureUnavailable
from headrace.infrastructure.contract import NAME, Handle, Phase
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.kubernetes.connection import Access
from headrace.infrastructure.kubernetes.kind import KIND
from headrace.infrastructure.kubernetes.names import Marks

MANY = 5000


def objects(site: Site, count: int) -> tuple[list[Handle], list[tuple[str, dict[str, Any]]]]:
    """Running jobs of a worker and their pods, as a cluster has them."""
    marks = Marks.of(KindContext(site.owner, "w", "p", site.directory))
    handles: list[Handle] = []
    made: list[tuple[str, dict[str, Any]]] = []
    for _ in range(count):
        job = site.job()
        name = f"run-{job.run_id}-1"
        meta = {"name": name, "namespace": "jobs", "labels": marks.labels(job), "uid": str(uuid4())}
        containers = [{"name": "main", "image": IMAGE}]
        made.append(("jobs", {"metadata": meta, "spec": {"backoffLimit": 0, "template": {}}}))
        state = {"name": "main", "image": IMAGE, "state": {"running": {}}}
        pod = {
            "metadata": {**meta, "name": f"{name}-x", "uid": str(uuid4())},
            "spec": {"containers": containers, "nodeName": "node-1"},
            "status": {"phase": "Running", "containerStatuses": [state]},
        }
        made.append(("pods", pod))
        details: dict[str, str | int] = {NAME: name, "namespace": "jobs", "uid": meta["uid"]}
        access = Access(site.cluster.kubeconfig, "here")
        details["cluster"] = access.fingerprint
        handles.append(Handle(kind=KIND, run_id=job.run_id, epoch=1, details=details))
    return handles, made


def test_thousands_of_jobs_cost_a_list_and_not_a_request_each(site: Site):
    """Five pages of pods, five of jobs, and a stream, whatever is asked of the attempts."""
    own = StandInCluster()
    try:
        site.cluster = own
        handles, made = objects(site, MANY)
        for start in range(0, len(made), 2000):
            own.control("objects", made[start : start + 2000])
        site.interval = 3600.0
        kind = site.worker()
        kind._field.enter(Access(own.kubeconfig, "here"), "jobs")
        own.requests()
        for handle in handles:
            assert kind.poll(handle).phase is Phase.RUNNING
        assert len(kind.attempts()) == MANY
        sent = own.requests()
        lists = [r for r in sent if "watch" not in r["query"]]
        assert len(lists) == 10
        assert len(sent) - len(lists) <= 2
        assert not [r for r in sent if r["path"].endswith(("pods/", "jobs/"))]
    finally:
        own.close()


def test_a_list_whose_pages_expire_begins_anew(site: Site, cluster: StandInCluster):
    kind = site.worker()
    cluster.fail(410, method="GET", path="/pods$")
    handle = kind.launch(site.job(["sleep", "60"]))
    running(kind, handle)
    kind.stop(handle, 0)
    assert ended(kind, handle).proven


def test_a_watch_whose_history_is_gone_is_followed_by_a_list(site: Site, cluster: StandInCluster):
    site.interval = 3600.0
    kind = site.worker()
    handle = kind.launch(site.job(["sleep", "60"]))
    running(kind, handle)
    cluster.control("compact")
    kind.stop(handle, 1)
    assert ended(kind, handle).proven


def test_a_change_is_seen_before_the_next_list(site: Site):
    """The watch tells of it; the next list would be in an hour."""
    site.interval = 3600.0
    kind = site.worker()
    handle = kind.launch(site.job(python("raise SystemExit(2)")))
    assert ended(kind, handle).code == 2


@pytest.mark.parametrize("status", [503, 429, 0])
def test_an_api_that_is_away_ends_no_attempt(site: Site, cluster: StandInCluster, status: int):
    """However long: what was seen last stays true until something else is seen."""
    kind = site.worker()
    handle = kind.launch(site.job(["sleep", "60"]))
    running(kind, handle)
    cluster.fail(status, times=10**6)
    observer = kind._field.observe_all()[0][1]
    wait_until(lambda: observer.trouble is not None)
    assert kind.poll(handle).phase is Phase.RUNNING
    kind.stop(handle, 0)
    assert kind.poll(handle).phase is Phase.RUNNING, "nothing is claimed that nobody saw"
    cluster.heal()
    assert ended(kind, handle).proven


def test_a_launch_is_tried_again_where_it_may_work_in_a_moment(site: Site, cluster: StandInCluster):
    kind = site.worker()
    cluster.fail(503, times=2, method="POST")
    handle = kind.launch(site.job())
    assert ended(kind, handle).code == 0


def test_an_answer_that_is_lost_makes_no_second_job(site: Site, cluster: StandInCluster):
    """The job was made and nobody heard of it: its name says that it is there already."""
    kind = site.worker()
    cluster.fail(0, method="POST", path="/jobs$", when="after")
    handle = kind.launch(site.job())
    assert ended(kind, handle).code == 0
    own = [j for j in cluster.all("jobs") if handle.run_id in j["metadata"]["name"]]
    assert len(own) == 1


def test_a_cluster_that_does_not_answer_is_unavailable(site: Site, cluster: StandInCluster):
    kind = site.worker()
    cluster.fail(503, times=4, method="POST")
    with pytest.raises(InfrastructureUnavailable, match="503"):
        kind.launch(site.job())
