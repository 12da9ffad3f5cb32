"""WebSockets on which the server sends what a filter means, as it comes."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from headrace.errors import ValidationFailed
from headrace.server.auth.sockets import Socket, SocketClosed
from headrace.wire.decode import decode

F = TypeVar("F")

_PROTOCOL_ERROR = 1002


class _Subscription(msgspec.Struct):
    type: str
    filter: msgspec.Raw = msgspec.Raw(b"{}")
    backfill: bool = True


async def take_filter(socket: Socket, kind: type[F]) -> tuple[F, bool]:
    """What the caller wants to follow, and whether it wants what is there already.

    Closes the socket and raises `SocketClosed` where the first frame does not say so.
    """
    try:
        wanted = msgspec.json.decode(await socket.receive(), type=_Subscription)
        if wanted.type == "filter":
            return decode(kind, bytes(wanted.filter)), wanted.backfill
    except (msgspec.MsgspecError, UnicodeDecodeError, ValidationFailed):
        pass
    await socket.close(_PROTOCOL_ERROR, "the first frame must be a filter")
    raise SocketClosed


async def pump(socket: Socket, texts: AsyncIterator[bytes], start: bytes) -> None:
    """Send each text as a frame until the other side goes away.

    Args:
        socket: Where to.
        texts: JSON objects.
        start: What the frame begins with, up to the object.
    """

    async def send() -> None:
        async for text in texts:
            await socket.send(start + text + b"}")

    sending = asyncio.create_task(send())
    leaving = asyncio.create_task(_until_closed(socket))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _until_closed(socket: Socket) -> None:
    try:
        while True:
            await socket.receive()
    except SocketClosed:
        return
