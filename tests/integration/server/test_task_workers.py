"""Background task runs over the WebSocket of task workers."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
from tests.waiting import wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PATH = "/api/task_runs/subscriptions/scheduled"
SOON = 60.0  # seconds that something that must come may take
LONG = 0.3  # seconds in which nothing must come


Dial = Callable[..., ClientConnection]


@pytest.fixture
def dial(server: Any) -> Iterator[Dial]:
    """Connects a task worker; its connection ends with the test."""
    with ExitStack() as stack:

        def open_one(*keys: str, name: str = "w", first: object = None) -> ClientConnection:
            socket = stack.enter_context(
                connect(f"ws://127.0.0.1:{server.port}{PATH}", subprotocols=["prefect"])  # pyright: ignore[reportArgumentType]
            )
            socket.send(json.dumps({"type": "auth", "token": None}))
            assert json.loads(socket.recv(SOON))["type"] == "auth_success"
            frame = first or {"type": "subscribe", "keys": list(keys), "client_id": name}
            socket.send(json.dumps(frame))
            return socket

        yield open_one


def delay(server: Any, name: str, key: str = "k", *, deferred: bool = True) -> str:
    """Make a background task run."""
    body = {
        "name": name,
        "task_key": key,
        "dynamic_key": name,
        "state": {"type": "SCHEDULED", "state_details": {"deferred": deferred}},
    }
    reply = server.post("/task_runs/", body)
    assert reply.status == 201, reply.body
    return reply.json["id"]


def take(socket: ClientConnection, *, ack: bool = True) -> str:
    run = json.loads(socket.recv(SOON))
    if ack:
        socket.send('{"type":"ack"}')
    return run["name"]


def take_first(*sockets: ClientConnection) -> tuple[ClientConnection, str]:
    """Whoever gets the next run, and its name; it is not acknowledged."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        for socket in sockets:
            with suppress(TimeoutError):
                return socket, json.loads(socket.recv(0.02))["name"]
    pytest.fail("nobody got it")


def is_silent(socket: ClientConnection) -> bool:
    try:
        socket.recv(LONG)
    except TimeoutError:
        return True
    return False


def workers(server: Any, *keys: str) -> list[tuple[str, list[str]]]:
    body = {"task_worker_filter": {"task_keys": list(keys)}} if keys else {}
    found = server.post("/task_workers/filter", body).json
    return [(each["identifier"], each["task_keys"]) for each in found]


def test_runs_come_in_order_and_whole(server: Any, dial: Dial):
    """What waited before, and what comes later; each once, when the one before is acknowledged."""
    first = delay(server, "first")
    delay(server, "not deferred", deferred=False)
    delay(server, "another task", key="other")
    socket = dial("k")
    sent = json.loads(socket.recv(SOON))
    stored = server.get(f"/task_runs/{first}").json
    changing = {"estimated_start_time_delta"}
    assert {k: v for k, v in sent.items() if k not in changing} == {
        k: v for k, v in stored.items() if k not in changing
    }
    delay(server, "second")
    assert is_silent(socket)
    socket.send('{"type":"ack"}')
    assert take(socket) == "second"
    delay(server, "third")
    assert take(socket) == "third"
    assert is_silent(socket)


def test_each_run_goes_to_one(server: Any, dial: Dial):
    """Of several task workers for one task, each run comes to one."""
    sockets = [dial("k", name=str(at)) for at in range(3)]
    for at in range(12):
        delay(server, str(at))
    taken: list[str] = []
    for _ in range(12):
        socket, name = take_first(*sockets)
        socket.send('{"type":"ack"}')
        taken.append(name)
    assert sorted(taken, key=int) == [str(at) for at in range(12)]
    assert all(is_silent(socket) for socket in sockets)


@pytest.mark.parametrize("goes", ["quits", "breaks off"])
def test_what_is_not_acknowledged_goes_to_another(server: Any, dial: Dial, goes: str):
    """Whether the task worker says that it quits, or is gone."""
    leaver, other = dial("k"), dial("other", "k")
    delay(server, "run")
    socket, name = take_first(leaver, other)  # either may be the one that gets it
    assert name == "run"
    if goes == "quits":
        socket.send('{"type":"quit"}')
    else:
        socket.close()
    rest = other if socket is leaver else leaver
    assert take(rest) == "run"
    assert is_silent(rest)


def test_what_has_started_is_not_sent_again(server: Any, dial: Dial):
    """A run that left SCHEDULED before anybody took it is passed over."""
    run = delay(server, "started")
    server.post(f"/task_runs/{run}/set_state", {"state": {"type": "PENDING"}})
    deleted = delay(server, "deleted")
    server.delete(f"/task_runs/{deleted}")
    socket = dial("k")
    assert is_silent(socket)
    delay(server, "fresh")
    assert take(socket) == "fresh"


def test_task_workers_are_listed(server: Any, dial: Dial):
    """While they are connected, with their tasks; by the tasks that are asked for."""
    assert workers(server) == []
    first = dial("a", "b", name="one")
    dial("b", "c", name="two")
    wait_until(lambda: len(workers(server)) == 2)
    assert workers(server) == [("one", ["a", "b"]), ("two", ["b", "c"])]
    assert workers(server, "c", "z") == [("two", ["b", "c"])]
    assert workers(server, "z") == []
    first.close()
    wait_until(lambda: len(workers(server)) == 1)


@pytest.mark.parametrize(
    "first",
    [
        {"type": "subscribe", "keys": [], "client_id": "c"},
        {"type": "subscribe", "keys": ["k"]},
        {"type": "hello", "keys": ["k"], "client_id": "c"},
        [],
    ],
)
def test_what_is_no_subscription_is_turned_away(dial: Dial, first: object):
    """With the contract's code."""
    socket = dial(first=first or ["nonsense"])
    with pytest.raises(ConnectionClosed) as closed:
        socket.recv(SOON)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4001
