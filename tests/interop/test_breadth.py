"""Flows that use the breadth of the contract's SDK leave with us what they leave with its own server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.contract_client import ContractClient

pytestmark = pytest.mark.timeout(240)

EXPECTED = json.loads((Path(__file__).parent / "breadth.json").read_text())
"""What `programs/breadth.py`, which tells how, reported of the contract's own server."""


@pytest.fixture(scope="module")
def report(client: ContractClient) -> dict[str, Any]:
    """What it reports of ours."""
    return client.program("breadth")


def test_flows_end_alike(report: dict[str, Any]) -> None:
    """With the same states and results, their hooks called and their tasks run as often."""
    parts = ("ends", "told", "counts", "generated")
    assert {name: report[name] for name in parts} == {name: EXPECTED[name] for name in parts}


@pytest.mark.parametrize("name", EXPECTED["recorded"])
def test_runs_are_recorded_alike(report: dict[str, Any], name: str) -> None:
    """States, task runs and their histories, sub-flows, lines, artifacts, the nodes of the graph."""
    assert report["recorded"][name] == EXPECTED["recorded"][name]
