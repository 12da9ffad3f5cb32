"""`headrace image build` on a real engine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from uuid import uuid4

import pytest
from tests.docker_engine import DockerEngine

pytestmark = pytest.mark.timeout(180)


def headrace(engine: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DOCKER_HOST": engine}
    return subprocess.run(
        [sys.executable, "-m", "headrace.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )


@pytest.fixture
def client(docker_engine: DockerEngine) -> Iterator[Any]:
    with closing(docker_engine.client()) as made:
        yield made


def test_an_image_holds_this_installation(
    docker_engine: DockerEngine, base_image: str, client: Any
):
    """The engine's progress is shown, then the tag; a container of it has the command."""
    name = f"own:{uuid4().hex[:8]}"
    told = headrace(docker_engine.url, "image", "build", "--base", base_image, "--tag", name)
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"FROM {base_image}" in told.stdout
    assert name in told.stdout.splitlines()[-2] + told.stdout.splitlines()[-1]
    made = client.create_container(name, ["headrace", "flow-run", "execute"])
    client.start(made["Id"])
    assert client.wait(made["Id"])["StatusCode"] == 2
    assert b"HEADRACE__FLOW_RUN_ID" in client.logs(made["Id"])
    client.remove_container(made["Id"])
    client.remove_image(name)


def test_a_base_that_is_not_there_is_named(docker_engine: DockerEngine):
    told = headrace(docker_engine.url, "image", "build", "--base", "127.0.0.1:1/none:1")
    assert told.returncode == 1
    assert "127.0.0.1:1" in told.stderr


def test_an_engine_that_does_not_answer_is_told():
    told = headrace("unix:///nowhere/docker.sock", "image", "build")
    assert told.returncode == 1
    assert "the Docker engine at unix:///nowhere/docker.sock does not answer" in told.stderr
