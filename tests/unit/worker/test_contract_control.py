"""How a run of the contract's own SDK hears that it is cancelled."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError
from headrace.infrastructure.contract import Handle
from headrace.infrastructure.process.engines import has_own_settings, require_engine
from headrace.worker.contract_control import ContractControl
from headrace.worker.holdings import Held

HELLO = b"\x00PF\x02\x01"


@pytest.fixture
def control() -> Iterator[ContractControl]:
    """The worker's side."""
    control = ContractControl()
    yield control
    control.close()


@pytest.fixture
def held() -> Held:
    """An attempt."""
    return Held("run", 1, "name", 1, 0.0, Handle(kind="process", run_id="run", epoch=1))


def connect(environment: dict[str, str], token: str | None = None) -> socket.socket:
    """An engine that says who it is."""
    engine = socket.create_connection(
        ("127.0.0.1", int(environment["PREFECT__CONTROL_PORT"])), timeout=5
    )
    said = token or environment["PREFECT__CONTROL_TOKEN"]
    engine.sendall(said.encode() + b"\n" + HELLO)
    return engine


def test_an_engine_with_a_token_is_told(control: ContractControl, held: Held) -> None:
    """It says its token, is welcomed, and acknowledges the cancellation."""
    environment = control.invite(held)
    with connect(environment) as engine:
        assert engine.recv(len(HELLO)) == HELLO
        heard: list[bytes] = []

        def listen() -> None:
            heard.append(engine.recv(1))
            engine.sendall(b"a")

        thread = threading.Thread(target=listen)
        thread.start()
        assert control.announce_cancellation(held)
        thread.join()
        assert heard == [b"c"]


def test_a_stranger_is_turned_away(control: ContractControl, held: Held) -> None:
    """A wrong token gets no answer, and the attempt counts as one that cannot be told."""
    environment = control.invite(held)
    with connect(environment, token="0" * 32) as stranger:
        assert stranger.recv(1) == b""
    assert not control.announce_cancellation(held)


def test_an_attempt_that_is_over_is_forgotten(control: ContractControl, held: Held) -> None:
    """Its token lets nobody in any more."""
    environment = control.invite(held)
    control.forget(held)
    with connect(environment) as late:
        assert late.recv(1) == b""


@pytest.mark.parametrize(
    ("name", "content", "holds"),
    [
        ("prefect.toml", "", True),
        ("pyproject.toml", "[tool.prefect.api]\n", True),
        ("pyproject.toml", "[tool.ruff]\n", False),
        (".env", "PREFECT_LOGGING_LEVEL=ERROR\n", True),
        (".env", "OTHER=1\n", False),
    ],
)
def test_directories_with_settings_are_told(
    tmp_path: Path, name: str, content: str, holds: bool
) -> None:
    """Such a run needs an interpreter of its own; ours reads its settings anew in each child."""
    (tmp_path / name).write_text(content)
    assert has_own_settings(Sdk.PREFECT, tmp_path) is holds
    assert not has_own_settings(Sdk.HEADRACE, tmp_path)


def test_a_missing_sdk_is_named() -> None:
    """Our own engine is always there; the other one is not in the tests' environment."""
    require_engine(Sdk.HEADRACE)
    with pytest.raises(InfrastructureError, match="prefect SDK, which is not installed"):
        require_engine(Sdk.PREFECT)
