"""The WebSocket of the contract's workers."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

HELLO = {
    "consumer_id": str(uuid4()),
    "worker_name": "w1",
    "worker_type": "process",
    "heartbeat_interval_seconds": 30,
    "supported_channel_versions": ["work_pool_worker_channel.v1"],
    "requested_capabilities": ["worker_heartbeat.v1", "work_pool_snapshot.v1", "newer.v9"],
    "work_queue_names": [],
    "handled_cleanup_kinds": [],
    "max_cleanup_concurrency": 0,
    "create_pool_if_not_found": True,
    "default_base_job_template": {"job_configuration": {}, "variables": {}},
    "worker_metadata": None,
}


@contextmanager
def open_channel(server: Any, pool: str = "p") -> Iterator[ClientConnection]:
    path = f"ws://127.0.0.1:{server.port}/api/work_pools/{pool}/workers/connect"
    with connect(path, subprotocols=["prefect"]) as channel:  # type: ignore[list-item]
        channel.send(json.dumps({"type": "auth", "token": None}))
        assert json.loads(channel.recv(60)) == {"type": "auth_success"}
        yield channel


def send(channel: ClientConnection, kind: str, payload: object) -> None:
    frame = {"type": kind, "id": str(uuid4()), "sent_at": "2026-11-21T00:00:00Z"}
    channel.send(json.dumps(frame | {"payload": payload}))


def workers(server: Any) -> list[tuple[str, str]]:
    listed = server.post("/work_pools/p/workers/filter", {}).json
    return [(worker["name"], worker["status"]) for worker in listed]


def test_a_worker_says_hello_and_hears_of_its_pools_changes(server: Any):
    with open_channel(server) as channel:
        send(channel, "worker.hello.v1", HELLO)
        ready = json.loads(channel.recv(60))
        assert set(ready) == {"type", "id", "sent_at", "payload"}
        payload = ready["payload"]
        assert ready["type"] == "worker.ready.v1"
        assert payload["consumer_id"] == HELLO["consumer_id"]
        assert payload["worker_id"] is None
        assert payload["accepted_capabilities"] == ["worker_heartbeat.v1", "work_pool_snapshot.v1"]
        assert payload["rejected_capabilities"] == []
        assert [queue["name"] for queue in payload["resolved_work_queues"]] == ["default"]
        snapshot = payload["initial_snapshot"]
        assert (snapshot["snapshot_sequence"], snapshot["reason"]) == (1, "initial")
        assert snapshot["work_pool"] == server.get("/work_pools/p").json
        assert snapshot["work_pool"]["status"] == "READY"
        assert workers(server) == [("w1", "ONLINE")]
        send(
            channel,
            "worker.heartbeat.v1",
            {
                "consumer_id": HELLO["consumer_id"],
                "worker_name": "w1",
                "heartbeat_interval_seconds": 30,
            },
        )
        server.patch("/work_pools/p", {"is_paused": True})
        changed = json.loads(channel.recv(60))
        assert changed["type"] == "work_pool.snapshot.v1"
        assert changed["payload"]["reason"] == "work_pool_updated"
        assert changed["payload"]["snapshot_sequence"] == 2
        assert changed["payload"]["work_pool"]["status"] == "PAUSED"
    deadline = time.monotonic() + 60
    while workers(server) != [("w1", "OFFLINE")] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert workers(server) == [("w1", "OFFLINE")]


def test_the_channel_of_a_deleted_pool_is_closed(sqlite_server: Any, caplog: Any):
    with open_channel(sqlite_server) as channel:
        send(channel, "worker.hello.v1", HELLO)
        channel.recv(60)
        sqlite_server.delete("/work_pools/p")
        with pytest.raises(ConnectionClosed):
            channel.recv(60)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize(
    ("kind", "hello"),
    [
        ("worker.hello.v1", HELLO | {"create_pool_if_not_found": False}),
        ("worker.hello.v1", HELLO | {"supported_channel_versions": ["other.v1"]}),
        ("worker.hello.v1", {"x": 1}),
        ("something.else", HELLO),
    ],
)
def test_a_worker_that_cannot_be_served_is_turned_away(
    sqlite_server: Any, kind: str, hello: object
):
    with open_channel(sqlite_server, "missing") as channel:
        send(channel, kind, hello)
        with pytest.raises(ConnectionClosed) as closed:
            channel.recv(60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002
