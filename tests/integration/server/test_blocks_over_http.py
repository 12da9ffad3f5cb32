"""Blocks over HTTP: types, schemas, documents; secrets stay secret."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.blocks import MASK, checksum, masked

NOBODY = str(uuid4())
FIELDS = {
    "title": "In",
    "type": "object",
    "properties": {"s": {"title": "S", "type": "string"}},
    "required": ["s"],
    "block_type_slug": "my-t",
    "secret_fields": ["s"],
    "block_schema_references": {},
}
CHECKSUM = "sha256:8bf5b56949e86d45c32a08a9d0244bb9133d633644cadad583dd860c2d74ff3c"


def make(server: Any, path: str, **body: object) -> dict[str, Any]:
    reply = server.post(path, body)
    assert reply.status in (200, 201), reply.body
    return reply.json


class Blocks:
    """An inner type with a secret, and an outer one that refers to it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.inner_type = make(server, "/block_types/", name="In", slug="my-t")["id"]
        self.inner = make(
            server, "/block_schemas/", fields=FIELDS, block_type_id=self.inner_type, version="1"
        )["id"]
        fields = {"title": "Out", "secret_fields": ["inner.s", "d.*"], "block_type_slug": "out"}
        self.outer_type = make(server, "/block_types/", name="Out", slug="out")["id"]
        self.outer = make(server, "/block_schemas/", fields=fields, block_type_id=self.outer_type)[
            "id"
        ]

    def add_inner(self, name: str, **data: object) -> dict[str, Any]:
        ids = {"block_schema_id": self.inner, "block_type_id": self.inner_type}
        return make(self.server, "/block_documents/", name=name, data=data, **ids)

    def add_outer(self, name: str, **data: object) -> dict[str, Any]:
        ids = {"block_schema_id": self.outer, "block_type_id": self.outer_type}
        return make(self.server, "/block_documents/", name=name, data=data, **ids)

    def data(self, key: str, *, secrets: bool = True) -> dict[str, Any]:
        reply = self.server.get(f"/block_documents/{key}?include_secrets={str(secrets).lower()}")
        assert reply.status == 200, reply.body
        return reply.json["data"]

    def change(self, key: str, **body: object) -> None:
        reply = self.server.patch(f"/block_documents/{key}", body)
        assert reply.status == 204, reply.body


def refer(document: dict[str, Any]) -> dict[str, object]:
    return {"$ref": {"block_document_id": document["id"]}}


def test_a_type_lives(server: Any):
    """Made, read by id and slug, listed, changed; its schemas and documents go with it."""
    blocks = Blocks(server)
    document = blocks.add_inner("one", s="x")
    read = server.get("/block_types/slug/my-t").json
    assert server.get(f"/block_types/{blocks.inner_type}").json == read
    assert server.patch(f"/block_types/{blocks.inner_type}", {"description": "d"}).status == 204
    listed = server.post("/block_types/filter", {"block_types": {"name": {"like_": "IN"}}}).json
    assert [one["description"] for one in listed] == ["d"]
    assert server.post("/block_types/", {"name": "In", "slug": "my-t"}).status == 409
    assert server.post("/block_types/", {"name": "Prefect x", "slug": "x"}).status == 403
    assert server.delete(f"/block_types/{blocks.inner_type}").status == 204
    for path in (
        *(f"/block_types/{blocks.inner_type}", "/block_types/slug/my-t"),
        *(f"/block_schemas/{blocks.inner}", f"/block_documents/{document['id']}"),
    ):
        assert server.get(path).status == 404


def test_a_schema_is_found_by_its_checksum(server: Any):
    """The checksum that clients compute; the newest of a checksum, or the one of a version."""
    blocks = Blocks(server)
    first = server.get(f"/block_schemas/checksum/{CHECKSUM}").json
    assert (first["id"], first["block_type"]["slug"]) == (blocks.inner, "my-t")
    body = {"fields": FIELDS, "block_type_id": blocks.inner_type, "version": "1"}
    again = server.post("/block_schemas/", body)
    assert (again.status, again.json["id"]) == (200, blocks.inner)
    newer = make(server, "/block_schemas/", **{**body, "version": "2", "capabilities": ["b", "a"]})
    assert server.get(f"/block_schemas/checksum/{CHECKSUM}").json == newer
    assert server.get(f"/block_schemas/checksum/{CHECKSUM}?version=1").json == first
    assert server.get(f"/block_schemas/checksum/{CHECKSUM}?version=3").status == 404
    wanted = {"block_schemas": {"block_capabilities": {"all_": ["a"]}}}
    assert server.post("/block_schemas/filter", wanted).json == [newer]
    assert [one["slug"] for one in server.post("/block_types/filter", wanted).json] == ["my-t"]
    assert {"a", "b", "read-path"} <= set(server.get("/block_capabilities/").json)
    assert server.post("/block_schemas/", {**body, "block_type_id": NOBODY}).status == 404
    assert server.delete(f"/block_schemas/{newer['id']}").status == 204


def test_secrets_are_masked(server: Any):
    """Shown only where they are asked for; a mask that comes back changes nothing."""
    blocks = Blocks(server)
    made = blocks.add_inner("one", s="hush", open=1)
    assert made["data"] == {"s": MASK, "open": 1}
    key = made["id"]
    assert blocks.data(key, secrets=False) == {"s": MASK, "open": 1}
    assert blocks.data(key) == {"s": "hush", "open": 1}
    blocks.change(key, data={"s": MASK, "open": 2})
    assert blocks.data(key) == {"s": "hush", "open": 2}
    blocks.change(key, data={"s": "new"})
    assert blocks.data(key) == {"s": "new", "open": 2}
    blocks.change(key, data={"s": "alone"}, merge_existing_data=False)
    assert blocks.data(key) == {"s": "alone"}
    by_name = "/block_types/slug/my-t/block_documents/name/one"
    assert server.get(by_name).json["data"] == {"s": MASK}
    assert server.get(f"{by_name}?include_secrets=true").json["data"] == {"s": "alone"}
    (listed,) = server.get("/block_types/slug/my-t/block_documents?include_secrets=true").json
    assert listed["data"] == {"s": "alone"}


def test_documents_refer_to_others(server: Any):
    """What one refers to stands in its place, and changes with it; a cycle is refused."""
    blocks = Blocks(server)
    inner = blocks.add_inner("one", s="hush")
    outer = blocks.add_outer("two", inner=refer(inner), z="zz", d={"k": "v", "n": {"m": 1}})
    assert outer["data"] == {
        "inner": {"s": MASK},
        "z": "zz",
        "d": {"k": MASK, "n": {"m": MASK}},
    }
    shown = outer["block_document_references"]["inner"]["block_document"]
    assert (shown["id"], shown["name"], shown["block_type"]["slug"]) == (inner["id"], "one", "my-t")
    blocks.change(inner["id"], data={"s": "new"})
    assert blocks.data(outer["id"])["inner"] == {"s": "new"}
    blocks.change(outer["id"], data={"d": {"k": MASK, "n": {"m": 2}}})
    assert blocks.data(outer["id"]) == {
        "inner": {"s": "new"},
        "z": "zz",
        "d": {"k": "v", "n": {"m": 2}},
    }
    for secrets in (False, True):  # what was shown comes back: it still refers to the other
        blocks.change(outer["id"], data=blocks.data(outer["id"], secrets=secrets))
    blocks.change(inner["id"], data={"s": "newer"})
    assert blocks.data(outer["id"])["inner"] == {"s": "newer"}
    blocks.change(inner["id"], data={"s": "new"})
    top = blocks.add_outer("three", below=refer(outer))
    assert blocks.data(top["id"])["below"]["inner"] == {"s": "new"}
    cycle = server.patch(f"/block_documents/{outer['id']}", {"data": {"up": refer(top)}})
    assert cycle.status == 400
    blocks.change(outer["id"], data={"inner": {"s": "inline"}})
    assert blocks.data(outer["id"])["inner"] == {"s": "inline"}
    blocks.change(outer["id"], data={"inner": refer(inner)}, merge_existing_data=False)
    assert server.delete(f"/block_documents/{inner['id']}").status == 204
    assert blocks.data(outer["id"]) == {}
    lost = {"block_schema_id": blocks.outer, "block_type_id": blocks.outer_type, "name": "four"}
    body = {**lost, "data": {"inner": refer({"id": NOBODY})}}
    assert server.post("/block_documents/", body).status == 409


def test_documents_are_listed(server: Any):
    """Those with names of their own, unless others are asked for; in the order that is asked for."""
    blocks = Blocks(server)
    blocks.add_inner("b", s="x")
    blocks.add_outer("a", z=1)
    ids = {"block_schema_id": blocks.inner, "block_type_id": blocks.inner_type}
    hidden = make(server, "/block_documents/", data={"s": "x"}, is_anonymous=True, **ids)
    assert hidden["name"].startswith("anonymous-")

    def names(**body: object) -> list[str]:
        return [one["name"] for one in server.post("/block_documents/filter", body).json]

    assert names() == ["a", "b"]
    assert names(sort="NAME_DESC") == ["b", "a"]
    assert names(sort="BLOCK_TYPE_AND_NAME_ASC", limit=1) == ["b"]
    assert names(block_documents={"is_anonymous": {"eq_": True}}) == [hidden["name"]]
    assert len(names(block_documents={"is_anonymous": None})) == 3
    assert names(block_types={"slug": {"any_": ["out"]}}) == ["a"]
    assert server.post("/block_documents/count", {}).json == 2
    assert server.post("/block_documents/count", {"block_types": {"slug": {"any_": []}}}).json == 0


def test_bad_documents_are_refused(sqlite_server: Any):
    """A name that is none or taken, a schema that is not there, another type's schema."""
    server = sqlite_server
    blocks = Blocks(server)
    ids = {"block_schema_id": blocks.inner, "block_type_id": blocks.inner_type}
    made = blocks.add_inner("one", s="x")
    for body, status in (
        ({**ids, "name": "one"}, 409),
        ({**ids, "name": "Two"}, 422),
        ({**ids, "name": "a/b"}, 422),
        (ids, 422),
        ({**ids, "name": "two", "block_schema_id": NOBODY}, 409),
        ({**ids, "name": "two", "extra": 1}, 422),
    ):
        assert server.post("/block_documents/", body).status == status, body
    path = f"/block_documents/{made['id']}"
    assert server.patch(path, {"block_schema_id": blocks.outer}).status == 400
    assert server.post("/block_documents/count", {}).json == 1
    for reply in (server.get, server.delete):
        assert reply(f"/block_documents/{NOBODY}").status == 404


def test_kinds_of_pools_are_listed(sqlite_server: Any):
    """With the template of each, by the package in which clients look for it."""
    view = sqlite_server.get("/collections/views/aggregate-worker-metadata").json
    kinds = {kind: shown for package in view.values() for kind, shown in package.items()}
    assert sorted(kinds) == [
        *("azure-container-instance", "cloud-run", "cloud-run-v2", "docker", "ecs"),
        *("kubernetes", "process", "vertex-ai"),
    ]
    for kind, shown in kinds.items():
        assert shown["type"] == kind
        assert set(shown["default_base_job_configuration"]) == {"job_configuration", "variables"}
    assert sqlite_server.get("/collections/views/none").status == 404


# The checksum of the contract, as a running server of it gave it


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        ({}, "f8e6e96abbc38504d4e9c99fc57281fa0026bede1fa42db79f22f984501710f4"),
        (FIELDS, CHECKSUM.removeprefix("sha256:")),
        ({**FIELDS, "secret_fields": []}, CHECKSUM.removeprefix("sha256:")),
        ({**FIELDS, "definitions": {"No": {"type": "object"}}}, CHECKSUM.removeprefix("sha256:")),
        (dict(reversed(FIELDS.items())), CHECKSUM.removeprefix("sha256:")),
    ],
)
def test_checksums_are_those_of_the_contract(fields: dict[str, Any], digest: str):
    """Not of the order of keys, of secret fields, of definitions that nothing refers to."""
    assert checksum(fields) == f"sha256:{digest}"


def test_definitions_count_where_they_are_referred_to():
    """Through others as well; those that are blocks of their own do not."""
    nested = {"Foo": {"type": "object"}, "Bar": {"items": {"$ref": "#/definitions/Foo"}}}
    refers = {"properties": {"x": {"$ref": "#/definitions/Bar"}}}
    block = {"Own": {"block_type_slug": "own"}}
    with_block = {"properties": {**refers["properties"], "y": {"$ref": "#/definitions/Own"}}}
    whole = checksum({**refers, "definitions": nested})
    assert whole == checksum({**refers, "definitions": {**nested, "Unused": {}}})
    assert whole != checksum({**refers, "definitions": {"Bar": nested["Bar"]}})
    assert checksum({**with_block, "definitions": {**nested, **block}}) == checksum(
        {**with_block, "definitions": nested}
    )


@given(
    st.recursive(
        st.text() | st.integers() | st.none(), lambda some: st.dictionaries(st.text(), some)
    )
)
def test_nothing_below_a_wildcard_is_shown(value: object):
    """Whatever the values are."""
    shown = masked({"a": {"b": value}}, [["a", "*"]])["a"]["b"]
    open_ = [shown]
    while open_:
        one = open_.pop()
        if isinstance(one, dict):
            open_.extend(one.values())
        else:
            assert one == MASK
    assert json.dumps(shown)
