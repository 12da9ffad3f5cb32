"""The WebSocket of the contract's workers."""

import asyncio
import logging

import msgspec

from headrace.errors import HeadraceError
from headrace.server.api.operations import Operations
from headrace.server.auth.sockets import GOING_AWAY, Socket, SocketClosed
from headrace.server.services.container import Services
from headrace.server.services.worker_channel import Channel, greet, refresh
from headrace.wire.worker_channel import HeartbeatFrame, HelloFrame

operations = Operations("workers")
logger = logging.getLogger("headrace.server")

PROTOCOL_ERROR = 1002
HELLO_SECONDS = 10.0
"""How long a worker may take to say hello; it does so at once."""

_hello = msgspec.json.Decoder(HelloFrame)
_heartbeat = msgspec.json.Decoder(HeartbeatFrame)


@operations.socket("/work_pools/{name}/workers/connect")
async def connect_worker(services: Services, path: dict[str, str], socket: Socket) -> None:
    """Hear from a worker, and send it its pool's changes, until one of us goes."""
    try:
        frame = await asyncio.wait_for(socket.receive(), HELLO_SECONDS)
        channel, ready = await greet(services, path["name"], _hello.decode(frame).payload)
    except (TimeoutError, msgspec.MsgspecError, UnicodeDecodeError, HeadraceError) as error:
        logger.info("A worker of pool %s was turned away: %s", path["name"], error)
        await socket.close(PROTOCOL_ERROR, "protocol_error")
        return
    await socket.send(ready)
    hearing = asyncio.ensure_future(_hear(services, socket, channel))
    telling = asyncio.ensure_future(_tell(services, socket, channel))
    try:
        done, _ = await asyncio.wait((hearing, telling), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await socket.close(GOING_AWAY)
    finally:
        hearing.cancel()
        telling.cancel()


async def _hear(services: Services, socket: Socket, channel: Channel) -> None:
    """Take heartbeats until the worker goes. A frame of another kind is passed over."""
    while True:
        try:
            frame = await socket.receive()
        except SocketClosed:
            await services.liveness.leave(channel.pool_id, channel.name)
            raise
        try:
            beat = _heartbeat.decode(frame).payload
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        seconds = beat.heartbeat_interval_seconds or channel.heartbeat_seconds
        await services.liveness.beat(channel.pool_id, channel.name, seconds)


async def _tell(services: Services, socket: Socket, channel: Channel) -> None:
    """Send a snapshot with each change of the pool, until it is gone or the server stops."""
    with services.signals.listen((f"pool:{channel.pool_id}", "closing")) as listener:
        while not services.closing.is_set():
            try:
                snapshot = await refresh(services, channel)
            except HeadraceError:
                return
            if snapshot is not None:
                await socket.send(snapshot)
            # A while without news: the other server of a pair may have lost its voice.
            await listener.wait(60.0)
