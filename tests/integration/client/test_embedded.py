import json
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from headrace.client import embedded, embedded_start
from headrace.client.admin import read_health
from headrace.client.default import default_client
from headrace.errors import InvalidSetting, ServerUnreachable
from headrace.settings import Settings, temporary_settings


def until(condition, timeout: float = 20.0) -> None:
    deadline = monotonic() + timeout
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)


def stop(home: Path) -> None:
    """End the server of a home directory, if one runs."""
    note = embedded.read_note(home)
    if note is not None and embedded.is_owned(embedded.database_path(home)):
        with suppress(ProcessLookupError):
            os.kill(note.pid, signal.SIGTERM)
        until(lambda: not embedded.is_owned(embedded.database_path(home)))
    for child in embedded_start._children:
        if child.poll() is None and child.args[4].endswith(f"{home}/headrace.db"):
            child.wait(20)


@pytest.fixture
def home(tmp_path):
    with temporary_settings(home=tmp_path, api_url=None, server_ephemeral_idle_seconds=60) as found:
        yield found
    stop(tmp_path)


def pid(settings: Settings) -> int:
    found = embedded.find(settings)
    assert found is not None
    return found.pid


def test_it_is_started_once_and_then_joined(home):
    url = embedded.locate(home)
    first = pid(home)
    assert embedded.locate(home) == url
    assert pid(home) == first
    assert read_health(default_client())


def test_processes_that_start_it_at_once_share_one(home):
    code = "from headrace.client import embedded; from headrace.settings import settings; "
    code += "print(embedded.locate(settings()))"
    environment = {
        **os.environ,
        "HEADRACE_HOME": str(home.home),
        "HEADRACE_SERVER_EPHEMERAL_IDLE_SECONDS": "10",
    }

    def ask(_: int) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", code],
            env=environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return ran.stdout

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(ask, range(4)))) == 1


@pytest.mark.kill
def test_after_a_kill_the_client_goes_on_with_a_new_one(home):
    """The address file stays behind; the same client finds the new server by itself."""
    client = default_client()
    before = client.url
    killed = pid(home)
    os.kill(killed, signal.SIGKILL)
    until(lambda: not embedded.is_owned(embedded.database_path(home.home)))
    assert embedded.read_note(home.home) is not None
    assert client.call("GET", "/health", answer=bool)
    assert pid(home) != killed
    assert client.url != before or pid(home) != killed


def test_a_stale_address_is_not_believed_even_if_something_answers_there(home, tmp_path):
    """Its port may be another home directory's server by now."""
    other = tmp_path / "other"
    with temporary_settings(home=other) as others:
        url = embedded.locate(others)
    try:
        note = {"url": url, "pid": os.getpid(), "started": "", "version": "0.1.0"}
        (home.home / "headrace.db.address").write_text(json.dumps(note))
        assert embedded.find(home) is None
        assert embedded.locate(home) != url
    finally:
        stop(other)


def test_an_address_that_nothing_listens_at_is_not_believed(home):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"
    embedded.locate(home)
    path = home.home / "headrace.db.address"
    path.write_text(json.dumps({**json.loads(path.read_text()), "url": url}))
    assert embedded.find(home) is None


def test_an_older_server_is_replaced_and_a_newer_one_joined(home, monkeypatch):
    embedded.locate(home)
    first = pid(home)
    monkeypatch.setattr(embedded, "__version__", "0.0.9")
    embedded.locate(home)
    assert pid(home) == first
    monkeypatch.setattr(embedded, "__version__", "99.0")
    embedded.locate(home)
    assert pid(home) != first


def test_it_ends_when_idle(tmp_path):
    with temporary_settings(
        home=tmp_path, api_url=None, server_ephemeral_idle_seconds=1
    ) as settings:
        embedded.locate(settings)
        until(lambda: not embedded.is_owned(embedded.database_path(tmp_path)))
        assert embedded.find(settings) is None
    stop(tmp_path)


def test_why_it_does_not_start_is_told(home):
    (home.home / "headrace.db").write_text("this is no database, and long enough to be looked at")
    with pytest.raises(ServerUnreachable) as caught:
        embedded.locate(home)
    assert "headrace.db" in str(caught.value)
    assert "ended with status" in str(caught.value)


def test_without_an_address_and_with_the_embedded_server_off_the_settings_are_named(tmp_path):
    with (
        temporary_settings(home=tmp_path, api_url=None, server_ephemeral_enabled=False),
        pytest.raises(InvalidSetting, match="HEADRACE_API_URL"),
    ):
        default_client()


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("0.1.0", "0.1.0", False), ("0.1.9", "0.1.10", True), ("1.0", "0.9.9", False)],
)
def test_versions_are_compared_by_their_numbers(version, than, older):
    assert embedded.is_older(version, than) is older
