"""The block types that belong to every installation."""

from typing import Any

from headrace.core.system_blocks import SYSTEM_BLOCKS


def test_they_are_there_from_the_start(server: Any):
    """Each with its schema; they cannot be deleted, and installing them again changes nothing."""
    kinds = server.post("/block_types/filter", {}).json
    assert {kind["slug"] for kind in kinds} == {block.slug for block in SYSTEM_BLOCKS}
    assert all(kind["is_protected"] for kind in kinds)
    schemas = server.post("/block_schemas/filter", {}).json
    assert {one["block_type"]["slug"] for one in schemas} == {kind["slug"] for kind in kinds}
    again = server.post("/block_types/install_system_block_types")
    assert (again.status, again.json) == (200, None)
    assert server.post("/block_schemas/filter", {}).json == schemas
    secret = next(kind for kind in kinds if kind["slug"] == "secret")
    assert server.delete(f"/block_types/{secret['id']}").status == 403


def test_a_client_may_bring_its_own_form_of_one(server: Any):
    """It finds the type, changes what is said about it, and registers its schema beside ours."""
    kind = server.get("/block_types/slug/secret").json
    assert server.patch(f"/block_types/{kind['id']}", {"description": "theirs"}).status == 204
    body = {"block_type_id": kind["id"], "fields": {"title": "Secret", "secret_fields": ["value"]}}
    made = server.post("/block_schemas/", body)
    assert made.status == 201
    server.post("/block_types/install_system_block_types")
    assert server.get("/block_types/slug/secret").json["description"] == "theirs"
    assert server.get(f"/block_schemas/checksum/{made.json['checksum']}").json == made.json
