"""From a job's configuration to the manifest that a cluster is sent."""

from pathlib import Path
from typing import Any

import pytest

from headrace.core.templates import Layer, resolve
from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Job
from headrace.infrastructure.kinds import KindContext
from headrace.infrastructure.kubernetes.manifest import Manifest, build_manifest
from headrace.infrastructure.kubernetes.names import Marks, job_name, label_key, label_value
from headrace.infrastructure.templates import DEFAULT_TEMPLATES

RUN = "11111111-2222-3333-4444-555555555555"
MARKS = Marks.of(KindContext("owner", "worker one", "pool", Path()))


def job(name: str = "lucky-cat", **variables: Any) -> Job:
    layer = Layer("run", {"image": "an/image:1", **variables})
    resolved = resolve(DEFAULT_TEMPLATES["kubernetes"], [layer], lambda _: None)
    return Job(RUN, 3, name, resolved.configuration, {"ID": RUN})


def build(made: Job) -> Manifest:
    return build_manifest(made, ("run", "it"), MARKS)


def container(made: Job) -> dict[str, Any]:
    return build(made).job["spec"]["template"]["spec"]["containers"][0]


def test_the_template_alone_makes_a_job_that_never_tries_again():
    made = build(job())
    spec = made.job["spec"]
    assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
    assert spec["ttlSecondsAfterFinished"] == 86_400
    assert (spec["parallelism"], spec["completions"]) == (1, 1)
    assert "parallelism" not in spec["template"]["spec"]
    assert made.namespace == "default"
    assert made.secret is None
    assert container(job())["args"] == ["run", "it"]
    assert container(job())["resources"] == {"limits": {}, "requests": {}}


def test_variables_reach_their_places():
    given = job(
        namespace="batch",
        service_account_name="runner",
        finished_job_ttl=5,
        job_watch_timeout_seconds=600,
        image_pull_secrets=["registry"],
        cpu_limit="2",
        memory_request="64Mi",
        command="python -c 'print(1)'",
        labels={"team/a b": "x y"},
    )
    made = build(given)
    spec, pod = made.job["spec"], made.job["spec"]["template"]["spec"]
    assert made.namespace == made.job["metadata"]["namespace"] == "batch"
    assert pod["serviceAccountName"] == "runner"
    assert (spec["ttlSecondsAfterFinished"], spec["activeDeadlineSeconds"]) == (5, 600)
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert container(given)["resources"] == {
        "limits": {"cpu": "2"},
        "requests": {"memory": "64Mi"},
    }
    assert container(given)["args"] == ["python", "-c", "print(1)"]
    assert made.job["metadata"]["labels"]["team/a-b"] == "x-y"
    assert spec["template"]["metadata"]["labels"]["team/a-b"] == "x-y"


def test_the_name_is_the_run_s_and_the_attempt_s():
    assert job_name(job()) == f"lucky-cat-{RUN}-3"
    assert len(job_name(job("x" * 200))) == 63
    assert job_name(job("9 Lives / ümlaut")).startswith("r-9-lives-mlaut")
    assert job_name(job("€")) == f"run-{RUN}-3"
    assert "generateName" not in build(job()).job["metadata"]


def environment(made: Job) -> dict[str, Any]:
    return {entry["name"]: entry for entry in container(made)["env"]}


def test_the_run_s_own_environment_wins_and_none_takes_away():
    given = job(env={"ID": "mine", "A": "1", "GONE": None, "N": 5})
    given = Job(RUN, 3, "r", given.configuration, {"ID": RUN}, settings={"GONE": "x", "A": "0"})
    found = {name: entry["value"] for name, entry in environment(given).items()}
    assert found == {"A": "1", "N": "5", "ID": RUN}


def test_an_environment_may_have_the_api_s_own_form():
    reference = {"name": "P", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    given = job()
    manifest: Any = given.configuration["job_manifest"]
    listed = [{"name": "A", "value": "1"}, reference]
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] = listed
    found = environment(given)
    assert found["A"]["value"] == "1"
    assert found["P"] == reference


def test_keys_go_into_a_secret():
    given = job()
    settings = {"HEADRACE_API_URL": "http://h/api", "HEADRACE_API_KEY": "s3cret"}
    made = build(Job(RUN, 3, "r", given.configuration, settings=settings))
    assert made.secret is not None
    assert made.secret["stringData"] == {"HEADRACE_API_KEY": "s3cret"}
    assert "s3cret" not in str(made.job)
    name = made.secret["metadata"]["name"]
    env = made.job["spec"]["template"]["spec"]["containers"][0]["env"]
    reference = {"name": name, "key": "HEADRACE_API_KEY"}
    assert {"name": "HEADRACE_API_KEY", "valueFrom": {"secretKeyRef": reference}} in env


def test_a_job_is_suspended_until_it_has_its_keys():
    given = job()
    keyed = build(Job(RUN, 3, "r", given.configuration, settings={"HEADRACE_API_KEY": "s3cret"}))
    assert keyed.held
    assert keyed.job["spec"]["suspend"] is True
    assert "headrace.waits-for-keys" in keyed.job["metadata"]["annotations"]
    plain = build(Job(RUN, 3, "r", given.configuration))
    assert not plain.held
    assert "suspend" not in plain.job["spec"]


@pytest.mark.parametrize(
    "changes",
    [
        {"spec": {"suspend": True, "backoffLimit": None}},
        [
            {"op": "add", "path": "/spec/suspend", "value": True},
            {"op": "remove", "path": "/spec/backoffLimit"},
        ],
    ],
)
def test_the_manifest_is_changed_by_a_merge_or_by_operations(changes: Any):
    spec = build(job(customizations=changes)).job["spec"]
    assert spec["suspend"] is True
    assert "backoffLimit" not in spec


def test_nobody_changes_what_the_attempt_is_found_by():
    changes = {"metadata": {"name": "other", "labels": {"headrace.attempt": "9"}}}
    made = build(job(customizations=changes))
    assert made.job["metadata"]["name"] == made.name
    assert made.job["metadata"]["labels"]["headrace.attempt"] == "3"


@pytest.mark.parametrize(
    ("configuration", "said"),
    [
        ({}, "'job_manifest' is None"),
        ({"job_manifest": {"kind": "Pod", "apiVersion": "v1"}}, "is a Pod of v1"),
        ({"job_manifest": {}}, "has no container"),
        ({"job_manifest": {"spec": []}}, "'spec' in the job's 'job_manifest' is \\[\\]"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_refused(configuration: Any, said: str):
    with pytest.raises(InfrastructureError, match=said):
        build(Job(RUN, 1, "r", configuration))


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"image": ""}, "has no image"),
        ({"env": "A=1"}, "'env' is 'A=1'"),
        ({"command": "a 'b"}, "'command' .* cannot be split"),
        ({"customizations": [{"op": "remove", "path": "/nowhere"}]}, "do not fit"),
        ({"customizations": 5}, "'customizations' are 5"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(variables: Any, said: str):
    with pytest.raises(InfrastructureError, match=said):
        build(job(**variables))


def test_labels_become_what_the_api_takes():
    assert label_value("a b/c" + "d" * 99)[:6] == "a-b-cd"
    assert len(label_value("x" * 99)) == 63
    assert label_value("-.x.-") == "x"
    assert label_key("Corp.Example/My Key") == "corp.example/My-Key"
    assert label_key("///") == ""
