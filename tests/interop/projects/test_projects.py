"""The same projects deployed by the contract's command line and by ours give the same deployments."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import CommandLine, ContractClient
from tests.interop.projects.cases import CASES, ONE, Case
from tests.interop.served import Served, serve

pytestmark = pytest.mark.timeout(240)

FLOWS = Path(__file__).with_name("flows.py")
OF_THE_SERVER = {"created", "updated", "created_by", "updated_by", "last_polled", "status"}


class Side:
    """A server with what the projects need, and a command line that deploys to it."""

    def __init__(self, served: Served, command: CommandLine, place: Path) -> None:
        self.served = served
        self.command = command
        self.place = place
        for name, kind in (("pool", "process"), ("boxes", "docker")):
            template = served.get("/collections/views/aggregate-worker-metadata")
            base = _template(template, kind)
            body = {"name": name, "type": kind, "base_job_template": base}
            served.post("/work_pools/", body)
        for name, value in (("text", "from a variable"), ("number", 5)):
            served.post("/variables/", {"name": name, "value": value})
        kind_id = served.get("/block_types/slug/secret")["id"]
        schemas = {"block_schemas": {"block_type_id": {"any_": [kind_id]}}}
        (schema,) = served.post("/block_schemas/filter", schemas)
        block = {"name": "token", "block_type_id": kind_id, "block_schema_id": schema["id"]}
        served.post("/block_documents/", block | {"data": {"value": "t0ken"}})

    def deploy(self, case: Case) -> tuple[bool, dict[str, Any]]:
        """Deploy a project in a directory of its own: whether it went well, and what is there then."""
        directory = self.place / re.sub(r"\W+", "-", case.name)
        (directory / "more").mkdir(parents=True)
        shutil.copy(FLOWS, directory)
        if case.file:
            (directory / "prefect.yaml").write_text(case.file)
        (directory / "more" / "other.yaml").write_text(ONE)
        done = None
        for line in case.commands:
            arguments = ("deploy", *shlex.split(line))
            done = self.command.run_in(directory, case.environment, *arguments)
        assert done is not None
        return done.code == 0, self.read(directory) | {"said": done.out + done.err}

    def read(self, directory: Path) -> dict[str, Any]:
        """All deployments and automations, without what a server makes up; they are then deleted."""
        found: dict[str, Any] = {}
        names: dict[str, str] = {}
        for one in self.served.post("/deployments/filter", {}):
            flow = self.served.get(f"/flows/{one['flow_id']}")["name"]
            names[one["id"]] = f"{flow}/{one['name']}"
            found[names[one["id"]]] = tidied(one, str(directory))
        automations = self.served.post("/automations/filter", {})
        for one in automations:
            found[f"automation {one['name']}"] = tidied(one, str(directory), names)
            self.served.call("DELETE", f"/automations/{one['id']}")
        for deployment in names:
            self.served.call("DELETE", f"/deployments/{deployment}")
        return found


def _template(view: Any, kind: str) -> Any:
    every = {name: one for package in view.values() for name, one in package.items()}
    return every[kind]["default_base_job_configuration"]


def tidied(value: Any, directory: str, names: dict[str, str] | None = None) -> Any:
    """A value without ids and times of the server, the project's directory called the same."""
    if isinstance(value, dict):
        dropped = OF_THE_SERVER | {"id", "flow_id", "work_queue_id", "labels"}
        if names is None:
            dropped = dropped | {"deployment_id"}
        kept = {k: tidied(v, directory, names) for k, v in value.items() if k not in dropped}
        if isinstance(kept.get("schedules"), list):
            kept["schedules"].sort(key=str)
        anchor = kept.get("anchor_date")
        if isinstance(anchor, str) and "." in anchor:  # the moment of deploying
            kept["anchor_date"] = "now"
        if kept.get("description") == "None":  # what it writes for a flow without a description
            kept["description"] = None
        limit = kept.get("global_concurrency_limit")
        if limit:
            kept["global_concurrency_limit"] = limit["limit"]
        return kept
    if isinstance(value, list):
        return [tidied(one, directory, names) for one in value]
    if isinstance(value, str):
        return (names or {}).get(value, value.replace(directory, "<project>"))
    return value


@pytest.fixture(scope="module")
def sides(
    tmp_path_factory: pytest.TempPathFactory, peer_python: Path
) -> Iterator[tuple[Side, Side]]:
    """The contract's command line and ours, each with a server of ours."""
    made: list[Side] = []
    place = tmp_path_factory.mktemp("projects")
    with (
        serve(place / "server-1", f"sqlite:///{place / '1.db'}") as first,
        serve(place / "server-2", f"sqlite:///{place / '2.db'}") as second,
        ContractClient(peer_python, first.url, place / "client-1") as theirs,
        ContractClient(peer_python, second.url, place / "client-2") as ours,
    ):
        for served, client, program in ((first, theirs, "prefect"), (second, ours, "headrace")):
            settings = {"HEADRACE_API_URL": served.url, "HEADRACE_HOME": str(client.work / "home")}
            command = CommandLine(client, None, program, **settings, HEADRACE_CLI_PROMPT="false")
            made.append(Side(served, command, client.work))
        yield made[0], made[1]
        for side in made:
            side.command.close()
            assert not side.served.complaints()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_deployments(sides: tuple[Side, Side], case: Case) -> None:
    """All fields of all deployments and their automations; refused projects leave none behind."""
    (their_end, theirs), (our_end, ours) = (side.deploy(case) for side in sides)
    said = f"{theirs.pop('said')}\n---\n{ours.pop('said')}"
    assert (their_end, our_end) == (not case.refused, not case.refused), said
    found = list(differences(ours, theirs))
    assert not found, "\n".join(found)
    assert bool(ours) is not case.refused, said


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Each place where two values differ, in one line."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted({*ours, *theirs}):
            missing = "(is not there)"
            yield from differences(
                ours.get(key, missing), theirs.get(key, missing), f"{place}.{key}"
            )
    elif ours != theirs:
        yield f"{place}: ours {ours!r}, theirs {theirs!r}"
