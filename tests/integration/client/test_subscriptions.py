import json
import threading
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from headrace.client import Client
from headrace.client.subscriptions import subscribe_events, subscribe_logs
from headrace.errors import ServerUnreachable, Unauthorized
from headrace.wire.events import EventFilter, EventNameFilter


class Feed:
    """A real WebSocket server with the contract's hand-shake and a list of events behind it."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.events: list[dict[str, object]] = []
        self.filters: list[dict[str, object]] = []
        self.sockets: list[ServerConnection] = []
        self.changed = threading.Condition()

    def add(self, name: str) -> None:
        with self.changed:
            self.events.append(
                {
                    "id": str(uuid4()),
                    "event": name,
                    "occurred": datetime.now(UTC).isoformat(),
                    "received": datetime.now(UTC).isoformat(),
                    "resource": {"prefect.resource.id": "x"},
                }
            )
            self.changed.notify_all()

    def handle(self, socket: ServerConnection) -> None:
        hello = json.loads(socket.recv(60))
        if self.token is not None and hello["token"] != self.token:
            socket.close(1008)
            return
        socket.send(json.dumps({"type": "auth_success"}))
        asked = json.loads(socket.recv(60))
        with self.changed:
            self.filters.append(asked)
            self.sockets.append(socket)
            sent = 0 if asked["backfill"] else len(self.events)
            self.changed.notify_all()
        with suppress(ConnectionClosed):
            self.follow(socket, asked, sent)

    def follow(self, socket: ServerConnection, asked: dict[str, dict], sent: int) -> None:
        since = datetime.fromisoformat(asked["filter"]["occurred"]["since"])
        while True:
            with self.changed:
                if len(self.events) == sent:
                    self.changed.wait(0.05)
                fresh, sent = self.events[sent:], len(self.events)
            for event in fresh:
                if datetime.fromisoformat(str(event["occurred"])) >= since:
                    socket.send(json.dumps({"type": "event", "event": event}))
            socket.ping().wait(1)

    def wait_for_subscribers(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.filters) >= count, 60)


@contextmanager
def serving(feed: Feed):
    with serve(feed.handle, "127.0.0.1", 0, subprotocols=["prefect"]) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with Client(f"http://127.0.0.1:{server.socket.getsockname()[1]}/api", key="k") as client:
            yield client
        for socket in feed.sockets:
            socket.close()
        server.shutdown()
        thread.join(60)


@pytest.fixture
def feed():
    return Feed(token="k")


@pytest.fixture
def client(feed):
    with serving(feed) as made:
        yield made


def names(subscription, count: int) -> list[str]:
    found = []
    for _ in range(count):
        event = subscription.receive(10)
        assert event is not None
        found.append(event.event)
    return found


def test_what_happens_after_connecting_is_seen(feed, client):
    feed.add("before")
    wanted = EventFilter(event=EventNameFilter(prefix=["a"]))
    with subscribe_events(client, wanted) as following:
        following.connect()
        feed.wait_for_subscribers(1)
        feed.add("a.1")
        feed.add("a.2")
        assert names(following, 2) == ["a.1", "a.2"]
        assert following.receive(0.05) is None
    asked = feed.filters[0]
    assert asked["backfill"] is False
    assert asked["filter"]["event"]["prefix"] == ["a"]
    assert datetime.fromisoformat(asked["filter"]["occurred"]["until"]) > datetime.now(UTC)


def test_the_past_can_be_asked_for(feed, client):
    feed.add("before")
    with subscribe_events(client, since=datetime.now(UTC) - timedelta(minutes=1)) as following:
        assert names(following, 1) == ["before"]


def test_after_a_broken_connection_nothing_is_missed_and_nothing_comes_twice(feed, client):
    with subscribe_events(client) as following:
        following.connect()
        feed.wait_for_subscribers(1)
        feed.add("1")
        assert names(following, 1) == ["1"]
        feed.sockets[0].socket.shutdown(2)
        feed.add("2")
        assert names(following, 1) == ["2"]
        feed.wait_for_subscribers(2)
        feed.add("3")
        assert names(following, 1) == ["3"]
        assert following.receive(0.05) is None
    assert feed.filters[1]["backfill"] is True


def test_a_wrong_token_is_told_and_not_tried_again(feed):
    feed.token = "other"
    with (
        serving(feed) as client,
        subscribe_events(client) as following,
        pytest.raises(Unauthorized),
    ):
        following.receive(5)


def test_closing_ends_a_waiting_receive(feed, client):
    with subscribe_events(client) as following:
        following.connect()
        feed.wait_for_subscribers(1)
        threading.Timer(0.05, following.close).start()
        assert following.receive(10) is None
        assert list(following) == []


def test_a_server_that_is_not_there_is_an_error_at_connect_and_patience_in_receive():
    with Client("http://127.0.0.1:1/api") as client, subscribe_logs(client) as following:
        with pytest.raises(ServerUnreachable, match="/logs/out"):
            following.connect()
        assert following.receive(0.3) is None
