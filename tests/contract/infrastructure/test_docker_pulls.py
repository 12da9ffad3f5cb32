"""Images come from a real registry: with an account, without one, and when it is away."""

import io
import os
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.contract.infrastructure.benches import Bench
from tests.docker_engine import NEEDED, DockerEngine

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.docker.engine import Engine
from headrace.infrastructure.docker.plan import Login

CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {accounts}}}}}
"""
ACCOUNT = "user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n"  # of the password "secret"
READY_SECONDS = 60.0


@dataclass
class Registry:
    """A registry that wants an account, and an image in it."""

    address: str
    process: subprocess.Popen[bytes]

    @property
    def image(self) -> str:
        return f"{self.address}/tiny:1"

    @property
    def login(self) -> Login:
        return Login("user", "secret", self.address)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def registry(tmp_path: Path, docker_engine: DockerEngine) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    if program is None:
        message = "no registry program: install docker-registry (Debian)"
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(message)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    accounts, config = tmp_path / "accounts", tmp_path / "config.yml"
    accounts.write_text(ACCOUNT)
    config.write_text(CONFIG.format(root=tmp_path / "images", port=port, accounts=accounts))
    process = subprocess.Popen([str(program), "serve", str(config)])
    made = Registry(f"127.0.0.1:{port}", process)
    try:
        _wait_for_port(port)
        with closing(docker_engine.client()) as client:
            _push_tiny(client, made)
        yield made
    finally:
        made.stop()


def _wait_for_port(port: int) -> None:
    end = time.monotonic() + READY_SECONDS
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert time.monotonic() < end, "the registry does not answer"
        time.sleep(0.05)


def _push_tiny(client: Any, registry: Registry) -> None:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("nothing"))
    repository, _, tag = registry.image.rpartition(":")
    client.import_image_from_data(raw.getvalue(), repository=repository, tag=tag)
    account = {"username": "user", "password": "secret"}
    told = client.push(repository, tag, auth_config=account)
    assert "error" not in told, told
    client.remove_image(registry.image)


def always() -> bool:
    return True


@pytest.fixture
def engine(docker_engine: DockerEngine) -> Iterator[Engine]:
    made = Engine(docker_engine.environment)
    yield made
    made.close()


def test_an_account_lets_the_engine_pull(registry: Registry, engine: Engine):
    assert not engine.images.has(registry.image)
    engine.images.pull(registry.image, registry.login, always)
    assert engine.images.has(registry.image)


@pytest.mark.parametrize("login", [None, Login("user", "wrong", "")])
def test_without_the_right_account_it_will_never_work(
    registry: Registry, engine: Engine, login: Login | None
):
    """The line says which image, and what to give."""
    with pytest.raises(InfrastructureError, match="registry_credentials") as told:
        engine.images.pull(registry.image, login, always)
    assert not isinstance(told.value, InfrastructureUnavailable)
    assert registry.image in str(told.value)
    assert "wrong" not in str(told.value)


def test_an_image_that_is_not_there_will_never_be(registry: Registry, engine: Engine):
    with pytest.raises(InfrastructureError, match="look at its name and tag") as told:
        engine.images.pull(f"{registry.address}/other:1", registry.login, always)
    assert not isinstance(told.value, InfrastructureUnavailable)


def test_a_registry_that_is_away_may_come_back(registry: Registry, engine: Engine):
    registry.stop()
    with pytest.raises(InfrastructureUnavailable, match="connection refused"):
        engine.images.pull(registry.image, registry.login, always)


def test_if_possible_takes_what_is_there(docker_bench: Bench):
    """The tests' own image is in no registry."""
    try:
        handle = docker_bench.launch(["true"], image_pull_policy="IfPossible")
        assert docker_bench.ended(handle).code == 0
        with pytest.raises(InfrastructureError, match="cannot be pulled"):
            docker_bench.launch(["true"], image="127.0.0.1:1/none:1", image_pull_policy="Always")
    finally:
        docker_bench.close()
