"""The methods of the contract's orchestration client do against our server what they do against its own."""

import json
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
    elif ours != theirs:
        yield f"{step}{at}: {ours!r}, expected {theirs!r}"


@pytest.mark.parametrize("part", EXPECTED)
def test_a_walk_through_the_client_gives_the_same(
    outcomes: dict[str, Any], store_url: str, part: str
) -> None:
    """Each method returns the same shape with the same values, or raises the same error."""
    ours, theirs = outcomes[part], EXPECTED[part]
    assert list(ours) == list(theirs)
    if any(one.get("status") == 501 for one in ours.values() if isinstance(one, dict)):
        pytest.skip("this version does not have all of these operations")
    found = [one for step in theirs for one in differences(step, ours[step], theirs[step])]
    assert not found, "\n".join(found)
