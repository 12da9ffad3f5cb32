"""What pages need: a server, and an engine that has the image which deployments' images begin with."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from docker.errors import DockerException

from headrace.deployments.images import base_image as own_image
from headrace.server.config import ServerConfig
from headrace.server.secrets import new_key
from tests.docker_engine import DockerEngine
from tests.integration.conftest import LiveServer

MADE = "reports:1"
"""The image that the page of Docker pools makes."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """`host:port` of a server of this page's own, in a thread: a fresh database, no program to start."""
    config = ServerConfig(encryption_keys=(new_key(),))
    live = LiveServer(f"sqlite:///{tmp_path / 'headrace.db'}", config).start()
    yield f"127.0.0.1:{live.port}"
    live.stop()


@pytest.fixture
def engine_with_own_image(docker_engine: DockerEngine, runs_image: str) -> Iterator[dict[str, str]]:
    """The environment to find the engine by, as it is after `headrace image build`."""
    with closing(docker_engine.client()) as client:
        client.tag(runs_image, own_image())
        yield docker_engine.environment
        for name in (MADE, own_image()):
            try:
                client.remove_image(name, force=True)
            except DockerException as error:  # the page did not come so far
                os.write(2, f"{name} stays: {error}\n".encode())
