"""What jobs and pods say of an attempt; causes that a stand-in cluster cannot bring about itself."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from headrace.infrastructure.contract import Phase
from headrace.infrastructure.kubernetes.verdicts import describe_events, gone, judge
from headrace.infrastructure.kubernetes.views import EventView, JobView, PodView

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pod(**status: Any) -> PodView:
    raw = {
        "metadata": {"creationTimestamp": NOW - timedelta(seconds=30)},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "i"}]},
        "status": status,
    }
    return msgspec.convert(raw, PodView, strict=False)


def job(backoff: int = 0, failed: int = 0, *conditions: dict[str, str]) -> JobView:
    made = NOW - timedelta(seconds=30)
    raw = {
        "metadata": {"creationTimestamp": made},
        "spec": {"backoffLimit": backoff},
        "status": {"failed": failed, "conditions": list(conditions)},
    }
    return msgspec.convert(raw, JobView, strict=False)


def disrupted(reason: str, message: str = "") -> dict[str, Any]:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}


def terminated(**state: Any) -> list[dict[str, Any]]:
    return [{"name": "main", "state": {"terminated": {"exitCode": 1, **state}}}]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            {"phase": "Failed", "conditions": [disrupted("PreemptionByScheduler", "for another")]},
            "was evicted from node n1: for another",
        ),
        (
            {"phase": "Failed", "reason": "NodeLost", "message": "no heartbeat"},
            "was lost with its node n1: no heartbeat",
        ),
        (
            {"phase": "Failed", "conditions": [disrupted("TerminationByKubelet", "shutting down")]},
            "was ended by its node n1, which shut down or ran short: shutting down",
        ),
        (
            {"phase": "Failed", "containerStatuses": terminated(message="boom ")},
            "exited with code 1: boom",
        ),
        (
            {
                "phase": "Failed",
                "initContainerStatuses": [
                    {"name": "setup", "state": {"terminated": {"exitCode": 6}}}
                ],
            },
            "never began: its init container 'setup' exited with 6",
        ),
        (
            {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no device"},
            "ended with its pod (UnexpectedAdmissionError: no device)",
        ),
    ],
)
def test_an_end_is_told_by_its_cause(status: dict[str, Any], reason: str):
    found = judge(job(), [pod(**status)], NOW, 60).status
    assert (found.phase, found.reason, found.proven) == (Phase.EXITED, reason, True)


def test_a_pod_on_a_node_that_says_nothing_is_not_proven_dead():
    found = judge(job(), [pod(phase="Unknown")], NOW, 60).status
    assert (found.phase, found.proven) == (Phase.RUNNING, False)


def test_an_end_is_not_the_end_where_the_manifest_lets_the_job_try_again():
    over = pod(phase="Failed", containerStatuses=terminated())
    assert judge(job(2, 1), [over], NOW, 60).status.phase is Phase.STARTING
    assert judge(job(2, 3), [over], NOW, 60).status.exited
    done = {"type": "Failed", "status": "True"}
    assert judge(job(2, 1, done), [over], NOW, 60).status.exited


def test_patience_is_counted_from_the_pod_s_making():
    waits = pod(phase="Pending")
    assert not judge(job(), [waits], NOW, 31).doom
    assert judge(job(), [waits], NOW, 29).doom.startswith("did not start within 29 s")
    assert not judge(job(), [waits], NOW, None).doom


def test_a_job_without_a_pod():
    assert judge(job(), [], NOW, 60).status.phase is Phase.STARTING
    assert "made no pod" in judge(job(), [], NOW, 5).doom
    done = {"type": "Complete", "status": "True"}
    assert judge(job(0, 0, done), [], NOW, 5).status.code == 0
    failed = {"type": "Failed", "status": "True", "reason": "R", "message": "m"}
    found = judge(job(0, 1, failed), [], NOW, 5).status
    assert found.reason == "ended, and its pod is gone; the job says R: m"


def test_what_is_gone_is_told_by_who_made_it_go():
    assert gone(was_there=True, doom="", stopped=True).reason == "was stopped"
    assert gone(was_there=True, doom="did not start", stopped=False).reason == "did not start"
    assert "by somebody else" in gone(was_there=True, doom="", stopped=False).reason
    never = gone(was_there=False, doom="", stopped=False)
    assert never.never_ran
    assert never.proven


def test_events_are_told_in_order_with_their_count():
    later = EventView("Warning", "B", "two", 3, NOW)
    first = EventView("Normal", "A", "one", 1, NOW - timedelta(seconds=9))
    assert describe_events([later, first]) == ["Normal A: one", "Warning B (x3): two"]
