"""From a job to the container that shall run."""

from collections.abc import Mapping
from typing import Any

import pytest

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.contract import Job, Phase
from headrace.infrastructure.docker.failures import pull_failure
from headrace.infrastructure.docker.plan import (
    ContainerPlan,
    PullPolicy,
    plan_container,
)
from headrace.infrastructure.docker.states import status_of

RUN = "0192c2f4-aaaa-7bbb-8ccc-1234567890ab"


def plan(
    sdk: Sdk = Sdk.HEADRACE,
    *,
    url: str = "http://x:4200/api",
    is_linux: bool = True,
    **configuration: object,
) -> ContainerPlan:
    said = {"image": "i:1", **configuration}
    settings = {f"{sdk.upper()}_API_URL": url, "KEY": "k"}
    return plan_container(
        Job(RUN, 2, "happy run!", said, {"ID": RUN}, sdk=sdk, settings=settings), is_linux=is_linux
    )


@pytest.mark.parametrize(("sdk", "program"), [(Sdk.HEADRACE, "headrace"), (Sdk.PREFECT, "prefect")])
def test_a_run_is_executed_by_the_engine_of_its_sdk(sdk: Sdk, program: str):
    """Unless the job has a command of its own."""
    assert plan(sdk).command == (program, "flow-run", "execute")
    assert plan(sdk, command="sh -c 'a b'").command == ("sh", "-c", "a b")


def test_the_name_is_a_function_of_run_and_attempt():
    """So that launching it again finds it; people see what the run is called."""
    assert plan().name == "happy-run-0192c2f4aaaa-2"
    assert plan(name="-- ").name == "run-0192c2f4aaaa-2"


def test_the_template_s_environment_goes_over_the_worker_s_and_under_the_run_s():
    """An empty value takes a variable away."""
    made = plan(env={"KEY": None, "ID": "other", "OWN": 1})
    assert made.environment == {"HEADRACE_API_URL": "http://x:4200/api", "OWN": "1", "ID": RUN}


@pytest.mark.parametrize(
    ("image", "asked", "policy"),
    [
        ("a", None, PullPolicy.ALWAYS),
        ("a:latest", None, PullPolicy.ALWAYS),
        ("a:1", None, PullPolicy.IF_NOT_PRESENT),
        ("host:5000/a", None, PullPolicy.ALWAYS),
        ("a@sha256:0", None, PullPolicy.IF_NOT_PRESENT),
        ("a", "Never", PullPolicy.NEVER),
        ("a:1", "IfPossible", PullPolicy.IF_POSSIBLE),
    ],
)
def test_when_an_image_is_pulled(image: str, asked: str | None, policy: PullPolicy):
    """As asked for, else by the tag: `latest` moves."""
    assert plan(image=image, image_pull_policy=asked).pull is policy


@pytest.mark.parametrize("name", ["mem_limit", "memswap_limit"])
def test_amounts_of_memory(name: str):
    """What the engine takes passes; else the line says how it is written."""
    for amount in ("512m", "1.5g", "2GB", "64 m", "-1", 536870912):
        assert str(amount) in {
            plan(**{name: amount}).memory,
            plan(**{name: amount}).memory_and_swap,
        }
    for amount in ("lots", "2gib", "m", "1..5g"):
        with pytest.raises(InfrastructureError, match=f"'{name}' is .*give a number with a unit"):
            plan(**{name: amount})


def test_on_linux_a_server_on_loopback_is_reached_from_its_own_network():
    made = plan(url="http://127.0.0.1:4200/api")
    assert made.network_mode == "host"
    assert made.environment["HEADRACE_API_URL"] == "http://127.0.0.1:4200/api"
    assert made.extra_hosts == {}


@pytest.mark.parametrize(
    ("is_linux", "configuration"),
    [(False, {}), (True, {"networks": ["n"]}), (True, {"network_mode": "bridge"})],
)
def test_elsewhere_loopback_becomes_the_engine_s_machine(
    is_linux: bool, configuration: Mapping[str, Any]
):
    made = plan(url="http://localhost:4200/api", is_linux=is_linux, **configuration)
    assert made.environment["HEADRACE_API_URL"] == "http://host.docker.internal:4200/api"
    assert made.extra_hosts == {"host.docker.internal": "host-gateway"}
    assert made.network_mode == configuration.get("network_mode")


def test_another_address_is_left_alone():
    made = plan()
    assert (made.network_mode, made.extra_hosts) == (None, {})


def test_without_an_image_the_line_says_how_to_make_one():
    """The other SDK has one of its own that anybody can pull."""
    with pytest.raises(InfrastructureError, match="headrace image build"):
        plan(image=None)
    assert plan(Sdk.PREFECT, image=None).image.startswith("prefecthq/prefect")


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        ({"env": ["A=1"]}, "'env'"),
        ({"labels": "a"}, "'labels'"),
        ({"networks": "a"}, "'networks'"),
        ({"volumes": "a:b"}, "'volumes'"),
        ({"command": "'a"}, "'command'"),
        ({"image_pull_policy": "Sometimes"}, "Always, IfNotPresent, IfPossible, Never"),
        ({"container_wait_timeout": 0}, "'container_wait_timeout'"),
        ({"registry_credentials": "x"}, "registry-credentials"),
        ({"registry_credentials": {"username": "u"}}, "no password and no registry_url"),
        ({"network_mode": "host", "networks": ["n"]}, "one or the other"),
    ],
)
def test_what_cannot_be_used_is_named(configuration: Mapping[str, Any], words: str):
    with pytest.raises(InfrastructureError, match=words):
        plan(**configuration)


def test_a_password_is_not_shown():
    given = {"username": "u", "password": "secret", "registry_url": "r"}
    made = plan(registry_credentials=given)
    assert made.login is not None
    assert made.login.password == "secret"
    assert "secret" not in repr(made)


@pytest.mark.parametrize(
    ("said", "is_transient"),
    [
        ("manifest for a:1 not found: manifest unknown", False),
        (
            "pull access denied for a, repository does not exist or may require 'docker login'",
            False,
        ),
        ("Get https://r/v2/: dial tcp: lookup r: no such host", True),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", True),
        ("toomanyrequests: you have reached your pull rate limit", True),
    ],
)
def test_pulls_that_may_work_later_are_told_from_those_that_will_not(said: str, is_transient: bool):
    error = pull_failure("a:1", said)
    assert isinstance(error, InfrastructureUnavailable) is is_transient
    assert said in str(error)


def container(status: str, code: int = 0, **state: object) -> dict[str, Any]:
    return {
        "State": {"Status": status, "ExitCode": code, **state},
        "HostConfig": {"Memory": 64 * 2**20},
    }


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("created", Phase.STARTING),
        ("running", Phase.RUNNING),
        ("paused", Phase.RUNNING),
        ("removing", Phase.RUNNING),
        ("exited", Phase.EXITED),
        ("dead", Phase.EXITED),
    ],
)
def test_the_phases_of_containers(status: str, phase: Phase):
    made = status_of(container(status))
    assert made.phase is phase
    assert made.proven is (phase is Phase.EXITED)


def test_why_a_container_ended():
    """A signal, the memory's limit and a plain code are told apart."""
    assert status_of(container("exited", 3)).reason == "exited with code 3"
    killed = status_of(container("exited", 137))
    assert (killed.code, "SIGKILL" in killed.reason) == (-9, True)
    starved = status_of(container("exited", 137, OOMKilled=True))
    assert "64 MB" in starved.reason
    assert "mem_limit" in starved.reason
