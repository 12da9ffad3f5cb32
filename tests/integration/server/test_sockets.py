"""WebSockets: the handshake of the contract."""

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from headrace.server.api.operations import Operations
from headrace.server.app import NOUNS
from headrace.server.auth.sockets import Socket
from headrace.server.services.container import Services

echo = Operations("echo")


@echo.socket("/echo/{word}")
async def answer(_: Services, path: dict[str, str], socket: Socket) -> None:
    """Sends the word and one frame back."""
    frame = await socket.receive()
    await socket.send(json.dumps([path["word"], json.loads(frame)]).encode())


@echo.socket("/broken")
async def fail(_: Services, __: dict[str, str], ___: Socket) -> None:
    """Fails."""
    raise RuntimeError("on purpose")


@pytest.fixture
def open_server(monkeypatch: pytest.MonkeyPatch, serve: Any, sqlite_url: str):
    monkeypatch.setattr("headrace.server.app.NOUNS", (*NOUNS, echo))
    return lambda **settings: serve(sqlite_url, **settings)


def dial(server: Any, path: str, **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.port}/api{path}", open_timeout=10, **options)


def shake(socket: ClientConnection, token: str | None) -> None:
    socket.send(json.dumps({"type": "auth", "token": token}))
    assert json.loads(socket.recv(60)) == {"type": "auth_success"}


def talk(socket: ClientConnection) -> object:
    socket.send('{"a":1}')
    return json.loads(socket.recv(60))


def test_a_token_opens_a_socket(open_server: Any):
    """The key or the basic string, in the first frame."""
    server = open_server(api_key="secret", auth_string="u:p")
    for token in ("secret", "u:p"):
        with dial(server, "/echo/x", subprotocols=["prefect"]) as socket:
            assert socket.subprotocol == "prefect"
            shake(socket, token)
            assert talk(socket) == ["x", {"a": 1}]


@pytest.mark.parametrize("frame", ['{"type":"auth","token":"no"}', '{"type":"hi"}', "nonsense"])
def test_a_wrong_first_frame_closes_it(open_server: Any, frame: str):
    """With 1008."""
    with dial(open_server(api_key="secret"), "/echo/x", subprotocols=["prefect"]) as socket:
        socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_old_clients_are_let_in_where_nothing_is_required(open_server: Any):
    """Without the subprotocol there is no token to show."""
    with dial(open_server(), "/echo/x") as socket:
        assert talk(socket) == ["x", {"a": 1}]


def test_old_clients_are_turned_away_where_a_key_is_required(open_server: Any):
    """Before the socket is open; as are unknown paths and foreign pages."""
    server = open_server(api_key="secret")
    for path, options in (
        ("/echo/x", {}),
        ("/nope", {"subprotocols": ["prefect"]}),
        ("/echo/x", {"subprotocols": ["prefect"], "origin": "https://evil.example"}),
    ):
        with pytest.raises(InvalidStatus) as refused, dial(server, path, **options):
            pass
        assert refused.value.response.status_code == 403


def test_a_failing_handler_closes_its_socket_only(open_server: Any, caplog: Any):
    """The server goes on, and logs it."""
    server = open_server()
    with dial(server, "/broken") as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011
    assert "WebSocket /api/broken failed" in caplog.text
    assert server.get("/health").status == 200
