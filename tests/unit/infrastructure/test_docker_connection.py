"""Finding an engine, and what is said where that is not possible or it refuses."""

import pytest
import requests
from docker.errors import APIError

from headrace.errors import InfrastructureError
from headrace.infrastructure.docker.connection import Connection
from headrace.infrastructure.docker.failures import pull_failure, told


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DOCKER_HOST": "nonsense"}, "DOCKER_HOST=nonsense: .*port is required"),
        ({"DOCKER_HOST": "tcp://a:1:2"}, "DOCKER_HOST=tcp://a:1:2: "),
        (
            {"DOCKER_HOST": "tcp://a:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/none"},
            "DOCKER_CERT_PATH=/none: ",
        ),
    ],
)
def test_an_environment_that_names_no_engine_is_refused_at_once(
    environment: dict[str, str], words: str
):
    """By the worker's start, rather than by each of its runs."""
    with pytest.raises(InfrastructureError, match=words):
        Connection(environment)


def test_without_an_environment_it_is_the_machine_s_own():
    """As for the `docker` command."""
    assert Connection({}).url == "unix:///var/run/docker.sock"
    assert Connection({"DOCKER_HOST": "tcp://10.0.0.1:2375"}).url == "tcp://10.0.0.1:2375"


def test_a_full_disk_is_told_with_what_to_do():
    """Whether a container is made or an image is pulled."""
    said = "write /var/lib/docker/x: no space left on device"
    answer = requests.Response()
    answer.status_code = 500
    with (
        pytest.raises(InfrastructureError, match=r"cannot be made.*machine is full: make room"),
        told("the container 'a' cannot be made", "unix:///x"),
    ):
        raise APIError("500", answer, said)
    assert "machine is full: make room" in str(pull_failure("a:1", said))
