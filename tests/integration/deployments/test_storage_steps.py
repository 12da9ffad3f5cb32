"""Steps that put code into object storage and get it from there, against a storage that really keeps it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from headrace.deployments.steps.core import run_steps

BUCKET = "code"
KEYS = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What the steps' client needs to reach the storage."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    try:
        yield {"endpoint_url": f"http://{host}:{port}"}
    finally:
        server.stop()


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
def test_what_is_pushed_is_pulled(
    s3: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project goes up without what its ignore file names, and comes down elsewhere as it was."""
    project, run = tmp_path / "project", tmp_path / "run"
    for directory in (project / "inner", run):
        directory.mkdir(parents=True)
    (project / "flows.py").write_text("x = 1")
    (project / "inner" / "more.py").write_text("y = 2")
    (project / "secret.env").write_text("z")
    (project / ".prefectignore").write_text("*.env\n")
    _make_bucket(s3["endpoint_url"])
    common = {"bucket": BUCKET, "folder": "here", "credentials": KEYS, "client_parameters": s3}
    monkeypatch.chdir(project)
    pushed = run_steps([{"prefect_aws.deployments.steps.push_to_s3": {"id": "pushed", **common}}])
    assert pushed["pushed"] == {"bucket": BUCKET, "folder": "here"}
    monkeypatch.chdir(run)
    where = {"bucket": "{{ pushed.bucket }}", "folder": "{{ pushed.folder }}"}
    outputs = run_steps(
        [{"prefect_aws.deployments.steps.pull_from_s3": {**common, **where}}], pushed
    )
    assert outputs["directory"] == str(run)
    assert (run / "flows.py").read_text() == "x = 1"
    assert (run / "inner" / "more.py").read_text() == "y = 2"
    assert not (run / "secret.env").exists()


def _make_bucket(endpoint: str) -> None:

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="k",
        aws_secret_access_key="s",
    )
    client.create_bucket(Bucket=BUCKET)
