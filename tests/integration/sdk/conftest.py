"""The SDK in this process, against a live server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from headrace.engine.recorder import close_recorders
from headrace.settings import temporary_settings
from tests.integration.conftest import LiveServer


class Api:
    """What tests ask the server."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}/api"

    def flow_run(self, flow_run_id: UUID | str) -> dict[str, Any]:
        return self.server.get(f"/flow_runs/{flow_run_id}").json

    def only_run(self) -> dict[str, Any]:
        [run] = self.flow_runs()
        return run

    def flow_runs(self, **filters: Any) -> list[dict[str, Any]]:
        body = {"sort": "EXPECTED_START_TIME_ASC", "flow_runs": filters or None}
        return self.server.post("/flow_runs/filter", body).json

    def state_names(self, flow_run_id: UUID | str) -> list[str]:
        states = self.server.get(f"/flow_run_states/?flow_run_id={flow_run_id}").json
        return [state["name"] for state in states]

    def task_runs(self) -> list[dict[str, Any]]:
        return self.server.post("/task_runs/filter", {"sort": "EXPECTED_START_TIME_ASC"}).json

    def task_state_names(self, task_run_id: str) -> list[str]:
        states = self.server.get(f"/task_run_states/?task_run_id={task_run_id}").json
        return [state["name"] for state in states]


@pytest.fixture
def api(sqlite_server: LiveServer, tmp_path: Path) -> Iterator[Api]:
    """A server; flows called in the test run against it, with a home of their own."""
    api = Api(sqlite_server)
    with temporary_settings(api_url=api.url, home=tmp_path / "home"):
        yield api
        assert close_recorders(10)
