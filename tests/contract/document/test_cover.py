"""The server's own document covers the contract's: operations, parameters, properties, types."""

import json
import re
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


# Operations of our own, beside the contract's.
OWN = {
    (operation.method.lower(), re.sub(r"{[^}]+}", "{}", operation.path)) for operation in OPERATIONS
} - {
    (method, re.sub(r"{[^}]+}", "{}", path))
    for path, methods in CONTRACT["paths"].items()
    for method in methods
}

# Being built. An entry that is there must go from this list.
NOT_THERE: set[tuple[str, str]] = set()

# What ours has otherwise, and why.
DELIBERATE = {
    # A creation is answered with 201: the contract's own server does so too, against its document.
    ("post", "/artifacts/"): {"status 200: missing"},
    # As is a template that is right with 204.
    ("post", "/templates/validate"): {"status 200: missing"},
    ("post", "/automations/templates/validate"): {"status 200: missing"},
}

# Faults nest in faults: their inner objects are checked where they are made.
NESTED = {("post", "/ui/schemas/validate"): "SchemaValuesValidationResponse.errors[]"}

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
        nested = NESTED.get((method, path), "/")
        lacking = {what for what in lacking if not what.startswith(nested)}
        lacking ^= DELIBERATE.get((method, path), set())
        found += [f"{method} {path} {what}" for what in sorted(lacking)]
    assert found == []


@pytest.mark.parametrize("handler", [operation.handler.__name__ for operation in OPERATIONS])
def test_a_handler_that_is_taken_away_is_missed(handler: str) -> None:
    """The comparison sees each operation of the contract that is no longer there."""
    comparison = Comparison(CONTRACT, document(left_out=handler))
    lost = {
        (operation.method.lower(), re.sub(r"{[^}]+}", "{}", operation.path))
        for operation in OPERATIONS
        if operation.handler.__name__ == handler
    }
    missed = {
        (method, re.sub(r"{[^}]+}", "{}", path))
        for method, path in comparison.operations()
        if not comparison.has(method, path)
    }
    assert missed - NOT_THERE == lost - OWN


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


def test_every_operation_has_an_id_of_its_own() -> None:
    """Clients that are generated from the document name their methods by it."""
    ids = [
        one["operationId"] for methods in document()["paths"].values() for one in methods.values()
    ]
    assert sorted(ids) == sorted(set(ids))
