"""The methods of the contract's orchestration client do against our server what they do against its own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import ContractClient

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True, scope="module"),
]

EXPECTED = json.loads((Path(__file__).parent / "client_walk.json").read_text())
"""What came of each step against the contract's own server; `programs/client_walk.py` tells how."""

# Fields in which our answers say more than that server's, by what the step answers with.
MORE = frozenset(
    {
        ("get_scheduled_flow_runs_for_work_pool", "state"),
        ("get_scheduled_flow_runs_for_work_pool", "work_pool_id"),
        ("get_scheduled_flow_runs_for_work_pool", "work_pool_name"),
        ("get_runs_in_work_queue", "work_pool_id"),
        ("get_runs_in_work_queue", "work_pool_name"),
        ("read_deployment", "concurrency_limit"),
        ("read_deployment updated", "concurrency_limit"),
        ("read_deployment_by_name", "concurrency_limit"),
        ("read_deployments", "concurrency_limit"),
    }
)


# An automation is kept and does not fire yet: making one says so, and the client stops there.
NOT_YET = {"automations": ["create_automation"]}
# Steps that need its id, or find what these would have changed.
NEED = {
    "automations": ["read_automation", "pause_automation", "resume_automation", "delete_automation"]
}


@pytest.fixture(scope="module")
def outcomes(client: ContractClient) -> dict[str, Any]:
    """What comes of each step against our server."""
    return client.program("client_walk")


def differences(step: str, ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Where two outcomes differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            if (step, name) not in MORE:
                both = (one.get(name, "absent") for one in (ours, theirs))
                yield from differences(step, *both, f"{at}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, both in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(step, *both, f"{at}[{i}]")
    elif _same_everywhere(ours) != _same_everywhere(theirs):
        yield f"{step}{at}: {ours!r}, expected {theirs!r}"


def _same_everywhere(value: Any) -> Any:
    """A task's key ends in digits of its file's path, which differs from machine to machine."""
    return _KEY.sub(r"\1", value) if isinstance(value, str) else value


_KEY = re.compile(r"^(stepped-)[0-9a-f]{8}$")


@pytest.mark.parametrize("part", EXPECTED)
def test_a_walk_through_the_client_gives_the_same(
    outcomes: dict[str, Any], store_url: str, part: str
) -> None:
    """Each method returns the same shape with the same values, or raises the same error."""
    ours, theirs = outcomes[part], EXPECTED[part]
    assert list(ours) == list(theirs)
    told = {name: one for name, one in ours.items() if isinstance(one, dict)}
    not_yet = [name for name, one in told.items() if one.get("status") == 501]
    assert not_yet == NOT_YET.get(part, [])
    compared = [step for step in theirs if step not in (*not_yet, *NEED.get(part, []))]
    found = [one for step in compared for one in differences(step, ours[step], theirs[step])]
    assert not found, "\n".join(found)
