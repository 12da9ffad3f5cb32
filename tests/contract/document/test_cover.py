"""The server's own document covers the contract's: operations, parameters, properties, types."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.contract.document.comparison import Comparison

from headrace.server.api.document import describe
from headrace.server.app import NOUNS

DATA = Path(__file__).parents[1] / "data" / "openapi.json"
CONTRACT: dict[str, Any] = json.loads(DATA.read_text())
OPERATIONS = [operation for noun in NOUNS for operation in noun.operations]


def document(left_out: str = "") -> dict[str, Any]:
    """Our document as it is read; without the operations of one handler."""
    kept = [operation for operation in OPERATIONS if operation.handler.__name__ != left_out]
    return json.loads(msgspec.json.encode(describe(kept)))


# Being built. An entry that is there must go from this list.
NOT_THERE: set[tuple[str, str]] = {
    ("post", "/automations/"),
    ("post", "/automations/count"),
    ("post", "/automations/filter"),
    ("delete", "/automations/owned-by/{resource_id}"),
    ("get", "/automations/related-to/{resource_id}"),
    ("post", "/automations/templates/validate"),
    ("delete", "/automations/{id}"),
    ("get", "/automations/{id}"),
    ("patch", "/automations/{id}"),
    ("put", "/automations/{id}"),
    ("get", "/block_capabilities/"),
    ("post", "/block_documents/"),
    ("post", "/block_documents/count"),
    ("post", "/block_documents/filter"),
    ("delete", "/block_documents/{id}"),
    ("get", "/block_documents/{id}"),
    ("patch", "/block_documents/{id}"),
    ("post", "/block_schemas/"),
    ("get", "/block_schemas/checksum/{checksum}"),
    ("post", "/block_schemas/filter"),
    ("delete", "/block_schemas/{id}"),
    ("get", "/block_schemas/{id}"),
    ("post", "/block_types/"),
    ("post", "/block_types/filter"),
    ("post", "/block_types/install_system_block_types"),
    ("get", "/block_types/slug/{slug}"),
    ("get", "/block_types/slug/{slug}/block_documents"),
    ("get", "/block_types/slug/{slug}/block_documents/name/{block_document_name}"),
    ("delete", "/block_types/{id}"),
    ("get", "/block_types/{id}"),
    ("patch", "/block_types/{id}"),
    ("get", "/collections/views/{view}"),
    ("get", "/flow_runs/{id}/graph"),
    ("put", "/saved_searches/"),
    ("post", "/saved_searches/filter"),
    ("delete", "/saved_searches/{id}"),
    ("get", "/saved_searches/{id}"),
    ("post", "/templates/validate"),
    ("post", "/ui/flow_runs/count-task-runs"),
    ("post", "/ui/flow_runs/history"),
    ("post", "/ui/flows/count-deployments"),
    ("post", "/ui/flows/next-runs"),
    ("post", "/ui/schemas/validate"),
    ("post", "/ui/task_runs/count"),
    ("post", "/ui/task_runs/dashboard/counts"),
    ("get", "/ui/task_runs/{id}"),
    ("post", "/work_pools/{work_pool_name}/queues"),
    ("post", "/work_pools/{work_pool_name}/queues/filter"),
    ("delete", "/work_pools/{work_pool_name}/queues/{name}"),
    ("get", "/work_pools/{work_pool_name}/queues/{name}"),
    ("patch", "/work_pools/{work_pool_name}/queues/{name}"),
    ("post", "/work_pools/{work_pool_name}/workers/filter"),
    ("post", "/work_pools/{work_pool_name}/workers/heartbeat"),
    ("delete", "/work_pools/{work_pool_name}/workers/{name}"),
}

# What ours has otherwise, and why.
DELIBERATE = {
    # A creation is answered with 201: the contract's own server does so too, against its document.
    ("post", "/artifacts/"): {"status 200: missing"},
}

# The settings of another program: ours answers with its own, under the same key `server`.
FOREIGN = {("get", "/admin/settings")}


def test_every_operation_of_the_contract_is_there() -> None:
    """No operation is missing but those that are listed, and none that is listed is there."""
    comparison = Comparison(CONTRACT, document())
    missing = {key for key in comparison.operations() if not comparison.has(*key)}
    assert missing == NOT_THERE


def test_operations_cover_the_contract() -> None:
    """Parameters, bodies and answers have each property, type, value and required list."""
    comparison = Comparison(CONTRACT, document())
    found: list[str] = []
    for method, path in comparison.operations():
        if not comparison.has(method, path) or (method, path) in FOREIGN:
            continue
        lacking = set(comparison.differences(method, path))
        lacking ^= DELIBERATE.get((method, path), set())
        found += [f"{method} {path} {what}" for what in sorted(lacking)]
    assert found == []


@pytest.mark.parametrize("handler", [operation.handler.__name__ for operation in OPERATIONS])
def test_a_handler_that_is_taken_away_is_missed(handler: str) -> None:
    """The comparison sees each operation of the contract that is no longer there."""
    comparison = Comparison(CONTRACT, document(left_out=handler))
    lost = {
        (operation.method.lower(), operation.path.replace(":uuid", ""))
        for operation in OPERATIONS
        if operation.handler.__name__ == handler
    }
    of_contract = lost & set(comparison.operations())
    assert {key for key in of_contract if not comparison.has(*key)} == of_contract


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("name: missing", lambda schema: schema["properties"].pop("name")),
        ("required", lambda schema: schema["required"].remove("name")),
        ("not integer", lambda schema: schema["properties"].update(limit={"type": "string"})),
    ],
)
def test_a_changed_object_is_seen(change: str, seen: Any) -> None:
    """A property, its type or its being required cannot go unnoticed."""
    changed = document()
    seen(changed["components"]["schemas"]["ConcurrencyLimitV2Create"])
    found = list(Comparison(CONTRACT, changed).differences("post", "/v2/concurrency_limits/"))
    assert any(change in line for line in found)
