"""Blocks defined, saved, loaded and deleted from Python."""

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from headrace.blocks.core import Block, BlockNotSavedError, InvalidBlockRegistration
from headrace.blocks.system import Secret
from headrace.core.blocks import checksum
from headrace.core.system_blocks import SYSTEM_BLOCKS
from headrace.errors import ObjectAlreadyExists, ObjectNotFound


class Proxy(BaseModel):
    port: int = 80
    password: SecretStr = SecretStr("none")


class Login(Block):
    """How to log in."""

    _block_type_name = "Test Login"
    _block_schema_capabilities = ["log-in"]  # noqa: RUF012 - as users write it

    user: str
    token: SecretStr
    proxy: Proxy = Proxy()


class Store(Block):
    login: Login
    spare: Login | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)


def test_a_block_is_saved_and_loaded(api: Any):
    """Its secrets are hidden from whoever does not ask for them; a loaded block has them."""
    key = Login(user="ann", token="t0p", proxy=Proxy(port=8080)).save("ann")
    shown = api.server.get(f"/block_documents/{key}").json
    assert shown["data"]["token"] == "********"
    assert shown["data"]["proxy"] == {"port": 8080, "password": "********"}
    assert shown["block_schema"]["capabilities"] == ["log-in"]
    assert shown["block_type"]["description"] == "How to log in."
    loaded = Login.load("ann")
    assert (loaded.user, loaded.token.get_secret_value(), loaded.proxy.port) == ("ann", "t0p", 8080)
    assert (loaded.document_id, loaded.document_name) == (key, "ann")
    assert loaded.get_block_placeholder() == "headrace.blocks.test-login.ann"
    assert type(Block.load("test-login/ann")) is Login
    assert Block.load_from_ref({"$ref": {"block_document_id": str(key)}}).user == "ann"


def test_saving_again_needs_a_word(api: Any):
    """A name that is taken is refused; with `overwrite` the document keeps its id."""
    first = Login(user="a", token="1").save("same")
    with pytest.raises(ObjectAlreadyExists):
        Login(user="b", token="2").save("same")
    assert Login(user="b", token="2").save("same", overwrite=True) == first
    assert Login.load("same").token.get_secret_value() == "2"


def test_blocks_are_parts_of_blocks(api: Any):
    """A saved one stays a document of its own: what changes in it changes in what it is part of."""
    login = Login(user="a", token="1")
    login.save("part")
    store = Store(login=login, spare=Login(user="inline", token="2"), headers={"x": "3"})
    store.save("whole")
    loaded = Store.load("whole")
    assert loaded.login.document_name == "part"
    assert loaded.spare.token.get_secret_value() == "2"
    assert loaded.headers["x"].get_secret_value() == "3"
    Login(user="new", token="1").save("part", overwrite=True)
    assert Store.load("whole").login.user == "new"
    shown = api.server.get(f"/block_documents/{loaded.document_id}").json["data"]
    assert shown["headers"] == {"x": "********"}
    assert shown["spare"]["token"] == shown["login"]["token"] == "********"


def test_the_server_finds_a_schema_by_the_checksum_made_here(api: Any):
    """Registering twice makes one schema; the nested block's is registered first."""
    Store.register_type_and_schema()
    Store.register_type_and_schema()
    for kind in (Store, Login):
        found = api.server.get(f"/block_schemas/checksum/{checksum(kind.schema_fields())}").json
        assert found["id"] == str(kind.registration()[1])


def test_a_block_is_deleted(api: Any):
    """It is gone then."""
    Login(user="a", token="1").save("short")
    Login.delete("short")
    with pytest.raises(ObjectNotFound):
        Login.load("short")


@pytest.mark.parametrize("value", ["text", {"a": [1, None]}, 7])
def test_secrets_hold_any_json(api: Any, value: object):
    """A `Secret` keeps text or JSON, in the schema that servers have from the start."""
    Secret(value=value).save("it")
    loaded = Secret.load("it")
    assert loaded.get() == value
    assert "text" not in repr(loaded)
    secret = next(block for block in SYSTEM_BLOCKS if block.slug == "secret")
    assert checksum(Secret.schema_fields()) == checksum(secret.fields)
    kind = api.server.get("/block_types/slug/secret").json
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    assert len(api.server.post("/block_schemas/filter", wanted).json) == 1


def test_the_same_calls_are_awaited_where_a_loop_runs(api: Any):
    """One implementation: under an event loop the methods return something to await."""

    async def run() -> str:
        await Login(user="a", token="async").save("awaited")
        loaded = await Login.load("awaited")
        return loaded.token.get_secret_value()

    assert asyncio.run(run()) == "async"


def test_what_is_not_saved_has_no_placeholder():
    """And `Block` itself cannot be registered."""
    with pytest.raises(BlockNotSavedError):
        Login(user="a", token="1").get_block_placeholder()
    with pytest.raises(InvalidBlockRegistration):
        Block.register_type_and_schema()
