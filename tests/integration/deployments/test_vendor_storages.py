"""Google Cloud Storage and Azure Blob: their own client libraries against stand-ins of their services."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stand_ins.object_storage.azure import AzureExchange, connection_string
from tests.stand_ins.object_storage.google import GoogleExchange
from tests.stand_ins.object_storage.serving import StandIn

from headrace.deployments.steps.core import run_steps
from headrace.errors import CodeUnavailable
from headrace.settings import temporary_settings
from headrace.sources.storages import RemoteStorage

# Their event loops end with the interpreter; the vendor's library also looks for credentials it needs not.
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    server = StandIn(GoogleExchange)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    yield server
    server.stop()


@pytest.fixture
def azure() -> Iterator[StandIn]:
    server = StandIn(AzureExchange)
    yield server
    server.stop()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a directory, a large file, and one that is not to be uploaded."""
    made = tmp_path / "project"
    (made / "inner").mkdir(parents=True)
    (made / "flows.py").write_text("x = 1")
    (made / "inner" / "more of it.py").write_text("y = 2")
    (made / "large.bin").write_bytes(bytes(range(256)) * 4096 * 6)
    (made / "secret.env").write_text("z")
    (made / ".prefectignore").write_text("*.env\n")
    return made


def content(place: Path) -> dict[str, bytes]:
    files = (path for path in place.rglob("*") if path.is_file())
    return {str(path.relative_to(place)): path.read_bytes() for path in files}


def walk(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: tuple[str, str],
    place: dict[str, str],
    credentials: object,
) -> None:
    """Push the project, pull it into another directory, compare."""
    push, pull = steps
    run = project.parent / "run"
    run.mkdir()
    with temporary_settings(home=project.parent / "home"):
        monkeypatch.chdir(project)
        common = {**place, "folder": "some/where", "credentials": credentials}
        pushed = run_steps([{push: {"id": "pushed", **common}}])
        assert pushed["pushed"] == {**place, "folder": "some/where"}
        monkeypatch.chdir(run)
        outputs = run_steps([{pull: common}])
    assert outputs["directory"] == str(run)
    expected = content(project)
    expected.pop("secret.env")
    assert content(run) == expected


def test_google(google: StandIn, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the steps push to a Google bucket is what they pull, and the service takes each request."""
    google.kept.buckets["code"] = {}
    package = "prefect_gcp.deployments.steps"
    steps = (f"{package}.push_to_gcs", f"{package}.pull_from_gcs")
    walk(project, monkeypatch, steps, {"bucket": "code"}, None)
    assert google.kept.refused == []
    assert "some/where/inner/more of it.py" in google.kept.buckets["code"]


def test_azure(azure: StandIn, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the steps push to an Azure container is what they pull; each request is signed rightly."""
    azure.kept.buckets["code"] = {}
    package = "prefect_azure.deployments.steps"
    steps = (f"{package}.push_to_azure_blob_storage", f"{package}.pull_from_azure_blob_storage")
    keys = {"connection_string": connection_string(azure.url)}
    walk(project, monkeypatch, steps, {"container": "code"}, keys)
    assert azure.kept.refused == []
    assert "some/where/inner/more of it.py" in azure.kept.buckets["code"]


def test_code_of_a_flow(google: StandIn, azure: StandIn, tmp_path: Path) -> None:
    """A storage brings a flow's code as it is now: what was there before and is gone, goes."""
    for server in (google, azure):
        server.kept.buckets["code"] = {}
        server.kept.put("code", "here/flows.py", b"x = 1")
        server.kept.put("code", "here/old.py", b"")
    storages = [
        RemoteStorage("gs://code/here"),
        RemoteStorage("az://code/here", connection_string=connection_string(azure.url)),
    ]
    with temporary_settings(home=tmp_path / "home"):
        for storage, server in zip(storages, (google, azure), strict=True):
            storage.set_base_path(tmp_path / server.url.rpartition(":")[2])
            storage.pull_code()
            assert set(content(storage.destination)) == {"flows.py", "old.py"}
            del server.kept.buckets["code"]["here/old.py"]
            server.kept.put("code", "here/flows.py", b"x = 2")
            storage.pull_code()
            assert content(storage.destination) == {"flows.py": b"x = 2"}


def test_a_wrong_key(azure: StandIn, tmp_path: Path) -> None:
    """A storage that refuses is told with its address, and without the key."""
    azure.kept.buckets["code"] = {}
    given = connection_string(azure.url).replace("AccountKey=", "AccountKey=AAAA")
    storage = RemoteStorage("az://code/here", connection_string=given)
    storage.set_base_path(tmp_path)
    with temporary_settings(home=tmp_path / "home"), pytest.raises(CodeUnavailable) as caught:
        storage.pull_code()
    assert "az://code/here cannot be" in str(caught.value)
    assert "AAAA" not in str(caught.value)
