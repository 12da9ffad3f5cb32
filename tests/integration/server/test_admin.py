"""The server about itself: probes, versions, settings, metrics, document; and who is let in."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/health", True),
        ("/ready", {"message": "OK"}),
        ("/hello", "👋"),
        ("/version", "0.8.4"),
        ("/admin/version", "3.8.8"),
    ],
)
def test_probes_and_versions(sqlite_server: Any, path: str, answer: object):
    """As the contract's clients expect them, with or without the last slash."""
    for form in (path, path + "/"):
        reply = sqlite_server.get(form)
        assert (reply.status, reply.json) == (200, answer)


def test_no_csrf_token_is_needed(sqlite_server: Any):
    """Clients ask, and go on without when they are told that it is off."""
    reply = sqlite_server.get("/csrf-token", query={"client": "x"})
    assert (reply.status, reply.json) == (422, {"detail": "CSRF protection is disabled."})
    assert "exception_detail" in sqlite_server.get("/csrf-token").json


def test_the_default_result_storage(server: Any):
    """Unset, set, cleared."""
    block = "8a7c6fed-cdfc-4df2-a523-caeb4155b9fc"
    unset = {"default_result_storage_block_id": None}
    assert server.get("/admin/storage").json == unset
    body = {"default_result_storage_block_id": block}
    for _ in range(2):
        assert server.call("PUT", "/admin/storage", body).json == body
    assert server.get("/admin/storage").json == body
    assert server.delete("/admin/storage").status == 204
    assert server.get("/admin/storage").json == unset


@pytest.mark.parametrize(
    ("version", "status"),
    [("0.8.4", 200), ("0.9.0", 200), ("0.1.0", 400), ("x", 400), ("0.8", 400)],
)
def test_old_clients_are_told(sqlite_server: Any, version: str, status: int):
    """A client whose wire form is not this server's gets a sentence, not odd data."""
    reply = sqlite_server.post("/flows/filter", headers={"x-prefect-api-version": version})
    assert reply.status == status
    if status == 400:
        assert version in reply.json["detail"]


def test_a_key_is_asked_for(serve: Callable[..., Any], sqlite_url: str):
    """By every operation but the probes."""
    server = serve(sqlite_url, api_key="secret", auth_string="user:pass")
    assert server.get("/health").json is True
    assert server.get("/ready").status == 200
    for headers in ({}, {"authorization": "Bearer wrong"}):
        reply = server.get("/admin/version", headers=headers)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    basic = "Basic " + b64encode(b"user:pass").decode()
    for right in ("Bearer secret", basic):
        assert server.get("/admin/version", headers={"authorization": right}).status == 200
    settings = server.get("/admin/settings", headers={"authorization": basic}).json["server"]
    assert settings["api_key"] == settings["auth_string"] == "********"


def test_foreign_hosts_and_pages_are_turned_away(serve: Callable[..., Any], sqlite_url: str):
    """Unless they are configured; then a page gets what its browser asks for."""
    server = serve(sqlite_url, cors_origins=frozenset({"https://ui.example"}))
    assert server.get("/health", headers={"host": "evil.example"}).status == 403
    assert server.get("/health", headers={"origin": "https://evil.example"}).status == 403
    assert server.get("//index.html", headers={"host": "evil.example"}).status == 403
    same = f"http://127.0.0.1:{server.port}"
    assert server.get("/health", headers={"origin": same}).status == 200
    page = {"origin": "https://ui.example"}
    reply = server.get("/health", headers=page)
    assert reply.headers["access-control-allow-origin"] == "https://ui.example"
    preflight = server.call("OPTIONS", "/flows/filter", headers=page)
    assert preflight.status == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert server.call("OPTIONS", "/flows/filter").status == 405


def test_a_body_beyond_the_bound_is_refused(serve: Callable[..., Any], sqlite_url: str):
    """Before it is read whole."""
    server = serve(sqlite_url, max_body_bytes=1000)
    assert server.post("/flows/", {"name": "x" * 2000}).status == 413
    assert server.post("/flows/", {"name": "x" * 100}).status == 201


def test_metrics(server: Any):
    """Requests by operation and status, their times, the queue of writes, runs by state."""
    flow = server.post("/flows/", {"name": "f"}).json["id"]
    server.post("/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}})
    server.get("/flows/name/none")
    for path in ("//metrics", "/metrics"):
        reply = server.get(path)
        assert reply.headers["content-type"].startswith("text/plain")
        lines = reply.body.decode().splitlines()
        assert 'headrace_requests_total{method="POST",path="/flows/",status="201"} 1' in lines
        wanted = 'headrace_requests_total{method="GET",path="/flows/name/{name}",status="404"} 1'
        assert wanted in lines
        assert 'headrace_flow_runs{state="SCHEDULED"} 1' in lines
        assert "headrace_writes_waiting 0" in lines
        assert "headrace_requests_in_flight 1" in lines


def test_the_document_describes_every_operation(sqlite_server: Any):
    """OpenAPI, made of the declared types; every reference in it leads somewhere."""
    document = sqlite_server.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    create = document["paths"]["/flows/"]["post"]
    schema = create["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/FlowCreate"}
    assert set(create["responses"]) == {"200", "201", "422", "default"}
    read = document["paths"]["/flows/{id}"]["get"]
    assert read["parameters"][0]["schema"] == {"type": "string", "format": "uuid"}

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return found.union(*map(references, value.values()))
        if isinstance(value, list):
            return set().union(*map(references, value))
        return set()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
