"""The rules of blocks: checksums that clients compute too, and what of a block is secret."""

from typing import Any

import pytest

from headrace.core.blocks import checksum, masked, restored

REF = "#/definitions/"
LEAF = {"block_type_slug": "leaf", "properties": {"z": {"$ref": f"{REF}Rr"}}}


def test_what_only_a_nested_block_refers_to_counts():
    """The block's own definition does not, the model that it uses does: as a client counts."""
    fields = {"properties": {"q": {"$ref": f"{REF}Leaf"}}}

    def of(**definitions: object) -> str:
        return checksum({**fields, "definitions": definitions})

    whole = of(Leaf=LEAF, Rr={"u": 5})
    assert whole == of(Leaf={**LEAF, "title": "other"}, Rr={"u": 5}, Unused={})
    assert whole != of(Leaf=LEAF, Rr={"u": 6})


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        ({}, "f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4"),
        (
            {"title": "é", "properties": {}},
            "3b73d074fc40f2a51c25d213f43822a3b2bde4950c5e2b8a09dca39eeae61c59",
        ),
        ({"definitions": {}}, "79b9787dcd02e098a1b261c2d8be3dbe363953714e67eccf5610554df8050ed1"),
        (
            {"a": 1.0, "b": None, "c": True},
            "eec5696db694f0bbaeefa2f1af0ec8c5410edbe780a8f74d6212826850c50a6b",
        ),
    ],
)
def test_checksums_are_those_that_a_client_computes(fields: dict[str, Any], digest: str):
    """As a server of the contract answered for these fields."""
    assert checksum(fields) == f"sha256:{digest}"


def test_secrets_in_lists_are_hidden_and_kept():
    """A path goes through a list as if each of its items were meant, both ways."""
    data = {"many": [{"token": "a", "host": "h"}, {"token": "b"}]}
    paths = [["many", "token"]]
    shown = masked(data, paths)
    assert shown == {"many": [{"token": "********", "host": "h"}, {"token": "********"}]}
    shown["many"][0]["host"] = "new"
    assert restored(shown, data, paths) == {"many": [{"token": "a", "host": "new"}, {"token": "b"}]}
