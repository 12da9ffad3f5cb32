"""Bundles over HTTP, on both databases."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta

import pytest

from headrace.server.services.bundles import delete_unused
from headrace.sources.bundles import FETCH_BUNDLE
from tests.integration.conftest import LiveServer


def put(server: LiveServer, content: bytes, name: str | None = None) -> tuple[int, str]:
    sha256 = name or hashlib.sha256(content).hexdigest()
    return server.call("PUT", f"/headrace/bundles/{sha256}", raw=content).status, sha256


@pytest.mark.parametrize("size", [0, 5, 192 * 1024, 192 * 1024 * 3 + 1])
def test_what_is_fetched_is_what_was_uploaded(server: LiveServer, size: int):
    """Whatever its size is in relation to the pieces it is stored in."""
    content = os.urandom(size)
    status, sha256 = put(server, content)
    assert status == 204
    assert put(server, content) == (204, sha256), "it may be sent again"
    reply = server.get(f"/headrace/bundles/{sha256}")
    assert (reply.status, reply.body) == (200, content)
    assert server.post(f"/headrace/bundles/{sha256}/keep").status == 204


def test_a_bundle_that_is_not_there(server: LiveServer):
    """It is 404, whatever the name is."""
    for name in ("0" * 64, "x", "..%2f"):
        assert server.get(f"/headrace/bundles/{name}").status == 404
        assert server.post(f"/headrace/bundles/{name}/keep").status == 404


def test_content_with_another_hash_is_refused(server: LiveServer):
    """Nothing is stored under a name that is not its own."""
    status, sha256 = put(server, b"other", "0" * 64)
    assert status == 422
    assert server.get(f"/headrace/bundles/{sha256}").status == 404


def test_a_bundle_beyond_the_bound_is_refused_with_what_to_do(serve, sqlite_url: str):
    """The message names the setting."""
    server = serve(sqlite_url, max_bundle_bytes=10)
    sha256 = hashlib.sha256(b"x" * 11).hexdigest()
    reply = server.call("PUT", f"/headrace/bundles/{sha256}", raw=b"x" * 11)
    assert reply.status == 422
    assert b"HEADRACE_SERVER_BUNDLES_MAX_SIZE" in reply.body
    assert put(server, b"x" * 10)[0] == 204


def test_a_bundle_is_deleted_once_no_deployment_names_it(server: LiveServer):
    """One that is named stays; another goes a day after somebody last meant to use it."""
    _, named = put(server, b"named")
    _, unnamed = put(server, b"unnamed")
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    body = {"name": "d", "flow_id": flow, "pull_steps": [{FETCH_BUNDLE: {"sha256": named}}]}
    deployment = server.post("/deployments/", body).json["id"]

    def delete(days: float) -> int:
        assert server.app is not None
        assert server._loop is not None
        later = datetime.now(UTC) + timedelta(days=days)
        work = delete_unused(server.app.services.database, later)
        return asyncio.run_coroutine_threadsafe(work, server._loop).result(10)

    assert delete(0.9) == 0
    assert delete(1.1) == 1
    assert server.get(f"/headrace/bundles/{unnamed}").status == 404
    assert server.get(f"/headrace/bundles/{named}").status == 200
    server.delete(f"/deployments/{deployment}")
    assert delete(1.1) == 1
    assert server.get(f"/headrace/bundles/{named}").status == 404
