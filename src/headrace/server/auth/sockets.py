"""WebSockets: opened only for callers who may."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from headrace.server.auth.credentials import Credentials

SUBPROTOCOL = "prefect"

# Seconds that a caller has to send its first frame; a client does so at once.
_FIRST_FRAME_SECONDS = 10.0

POLICY_VIOLATION = 1008
GOING_AWAY = 1001


class SocketClosed(Exception):
    """The other side has gone."""


class _FirstFrame(msgspec.Struct):
    type: str
    token: str | None = None


class Socket:
    """One open WebSocket."""

    def __init__(
        self,
        scope: Mapping[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.query_string: bytes = scope["query_string"]
        self._subprotocols: list[str] = list(scope.get("subprotocols") or ())
        self._receive = receive
        self._send = send
        self._is_closed = False

    async def receive(self) -> bytes:
        """The next frame. Raises `SocketClosed` when there will be none."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise SocketClosed
        text = message.get("text")
        return text.encode("utf-8", "replace") if text is not None else message["bytes"]

    async def send(self, frame: bytes) -> None:
        """Send JSON as a text frame. Raises `SocketClosed` when the other side has gone."""
        try:
            await self._send({"type": "websocket.send", "text": frame.decode()})
        except OSError as error:
            raise SocketClosed from error

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close it, or refuse it where it is not open yet. Again, or after the other side: nothing."""
        if not self._is_closed:
            self._is_closed = True
            with suppress(OSError):  # the other side was faster
                await self._send({"type": "websocket.close", "code": code, "reason": reason})

    async def open(self, credentials: Credentials) -> bool:
        """Accept the caller once it has proven who it is; False when it was turned away.

        With the subprotocol `prefect` the first frame carries the token and is answered by
        `auth_success`. Without it, a caller can only be let in where nothing is required.
        """
        await self._receive()  # the request to connect
        if SUBPROTOCOL not in self._subprotocols:
            if credentials.required:
                await self.close(POLICY_VIOLATION, "use the subprotocol 'prefect' and send a token")
                return False
            await self._send({"type": "websocket.accept"})
            return True
        await self._send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        if await self._has_shown_token(credentials):
            await self.send(b'{"type":"auth_success"}')
            return True
        await self.close(POLICY_VIOLATION, "the first frame must carry a valid token")
        return False

    async def _has_shown_token(self, credentials: Credentials) -> bool:
        try:
            frame = await asyncio.wait_for(self.receive(), _FIRST_FRAME_SECONDS)
            first = msgspec.json.decode(frame, type=_FirstFrame)
        except (TimeoutError, msgspec.MsgspecError, UnicodeDecodeError):
            return False
        return first.type == "auth" and credentials.accept_token(first.token)
