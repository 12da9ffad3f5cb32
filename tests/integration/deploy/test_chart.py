"""The chart, rendered as helm does it: every object is valid, and the role is what workers need."""

from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from tests.stand_ins.kubernetes.checks import VERSION

from headrace.server.config import read_config

CHART = Path(__file__).parents[3] / "deploy" / "helm" / "headrace"
IMAGE = {"image": {"repository": "registry.example/headrace", "tag": "1"}}
POSTGRESQL = {
    **IMAGE,
    "auth": {"encryptionKey": "a-key"},
    "database": {"type": "postgresql", "postgresql": {"existingSecret": "db"}},
    "server": {"replicas": 3, "allowedHosts": ["flows.example"]},
}


def render(values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name → object."""
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="lab", namespace="flows")
    objects = [
        obj
        for name, text in files.items()
        if name.endswith(".yaml")
        for obj in yaml.safe_load_all(text)
        if obj
    ]
    return {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects}


def environment(obj: dict[str, Any]) -> dict[str, str]:
    container = obj["spec"]["template"]["spec"]["containers"][0]
    return {entry["name"]: entry.get("value", "") for entry in container["env"]}


@pytest.mark.parametrize(
    "values",
    [
        IMAGE,
        POSTGRESQL,
        {
            **IMAGE,
            "auth": {"existingSecret": "mine"},
            "image": {"repository": "i", "pullSecrets": ["r"]},
        },
        {**IMAGE, "server": {"enabled": False}, "apiUrl": "https://flows.example/api"},
        {
            **IMAGE,
            "workers": [
                {
                    "name": "a",
                    "pool": "p",
                    "limit": 5,
                    "queues": ["q"],
                    "jobNamespaces": ["x", "y"],
                },
                {"name": "b", "pool": "p2", "replicas": 3},
            ],
        },
    ],
)
def test_every_object_is_what_a_cluster_takes(values: dict[str, Any]):
    objects = render(values)
    for obj in objects.values():
        kubernetes_validate.validate(obj, VERSION, strict=True)
    names = {kind for kind, _ in objects}
    assert {"ServiceAccount", "Role", "RoleBinding", "StatefulSet"} <= names


def test_sqlite_is_one_server_with_a_volume():
    server = render(IMAGE)["StatefulSet", "lab-headrace-server"]
    assert server["spec"]["replicas"] == 1
    assert server["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]
    assert "HEADRACE_SERVER_DATABASE_CONNECTION_URL" not in environment(server)


def test_the_server_understands_what_it_is_told():
    """Its own reader of settings takes them, and the name that workers use is one that it answers to."""
    objects = render(POSTGRESQL)
    told = environment(objects["Deployment", "lab-headrace-server"])
    config = read_config({**told, "HEADRACE_SERVER_API_KEY": "k"})
    config.check()
    worker = environment(objects["StatefulSet", "lab-headrace-worker-default"])
    host = worker["HEADRACE_API_URL"].split("/")[2].partition(":")[0]
    assert {host, "flows.example"} <= config.allowed_hosts


def test_each_namespace_of_jobs_has_the_role_bound_to_the_workers_account():
    worker = {"name": "a", "pool": "p", "jobNamespaces": ["x", "y"]}
    objects = render({**IMAGE, "workers": [worker]})
    binding = objects["RoleBinding", "lab-headrace-worker"]
    assert binding["subjects"][0]["namespace"] == "flows"
    with helm_python.Chart.load(str(CHART)) as chart:
        text = chart.render({**IMAGE, "workers": [worker]}, name="lab", namespace="flows")
    roles = list(yaml.safe_load_all(text["headrace/templates/rbac.yaml"]))
    assert [r["metadata"]["namespace"] for r in roles if r and r["kind"] == "Role"] == ["x", "y"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "repository"),
        ({**IMAGE, "server": {"replicas": 2}}, "needs database.type postgresql"),
        ({**POSTGRESQL, "auth": {}}, "give auth.encryptionKey"),
        ({**POSTGRESQL, "database": {"type": "postgresql"}}, "postgresql.existingSecret"),
        ({**IMAGE, "server": {"enabled": False}}, "give apiUrl"),
        ({**IMAGE, "database": {"type": "mysql"}}, "database"),
        ({**IMAGE, "workers": [{"name": "Not A Name", "pool": "p"}]}, "name"),
    ],
)
def test_values_that_cannot_be_are_refused(values: dict[str, Any], said: str):
    with helm_python.Chart.load(str(CHART)) as chart, pytest.raises(Exception, match=said):
        chart.render(values, name="lab", namespace="flows")
