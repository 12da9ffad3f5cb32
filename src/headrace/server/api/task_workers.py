"""HTTP and WebSocket of task workers: processes that run background tasks."""

import asyncio
import logging
from contextlib import suppress

import msgspec

from headrace.errors import HeadraceError, ValidationFailed
from headrace.server.api.operations import Call, Operations
from headrace.server.auth.sockets import GOING_AWAY, Socket, SocketClosed
from headrace.server.services import task_deliveries
from headrace.server.services.container import Services
from headrace.server.services.task_deliveries import ACK_SECONDS, BEAT_SECONDS
from headrace.wire.decode import decode, encode
from headrace.wire.task_worker_channel import ReplyFrame, SubscribeFrame
from headrace.wire.task_workers import ReadTaskWorkersBody, TaskWorkerResponse

operations = Operations("task workers")
logger = logging.getLogger("headrace.server")

# The contract's code for a frame that is not the one expected.
_PROTOCOL_VIOLATION = 4001


@operations.post("/task_workers/filter", ReadTaskWorkersBody, returns=list[TaskWorkerResponse])
async def read_task_workers(call: Call[ReadTaskWorkersBody]) -> bytes:
    """List the task workers that are connected."""
    wanted = call.body.task_worker_filter
    keys = [] if wanted is None else wanted.task_keys
    return encode(await task_deliveries.list_workers(call.services.database, keys))


@operations.socket("/task_runs/subscriptions/scheduled")
async def subscribe_task_worker(services: Services, _: dict[str, str], socket: Socket) -> None:
    """Send background task runs to a task worker, one at a time, until one of us goes."""
    try:
        subscription = decode(SubscribeFrame, await socket.receive())
    except ValidationFailed as error:
        await socket.close(_PROTOCOL_VIOLATION, f"not a subscription: {error}"[:120])
        return
    owner = await task_deliveries.arrive(services.database, subscription)
    conversation = _Conversation(services, socket, owner, subscription.keys)
    hearing = asyncio.ensure_future(conversation.hear())
    sending = asyncio.ensure_future(conversation.deliver())
    try:
        done, _rest = await asyncio.wait({hearing, sending}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            with suppress(SocketClosed):
                task.result()
    finally:
        for task in (hearing, sending):
            task.cancel()
        await asyncio.gather(hearing, sending, return_exceptions=True)
        await conversation.end()
    await socket.close(GOING_AWAY if services.closing.is_set() else 1000)


class _Conversation:
    """One task worker's connection: task runs go out, acknowledgements come in."""

    def __init__(self, services: Services, socket: Socket, owner: str, keys: list[str]) -> None:
        self._services = services
        self._socket = socket
        self._owner = owner
        self._keys = keys
        self._acknowledged = asyncio.Event()
        self._unacknowledged: str | None = None
        self._is_holding = False

    async def hear(self) -> None:
        """Take acknowledgements until the task worker goes. Other frames are passed over."""
        while True:
            frame = await self._socket.receive()
            try:
                reply = msgspec.json.decode(frame, type=ReplyFrame)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            if reply.type == "quit":
                return
            if reply.type == "ack":
                self._acknowledged.set()

    async def deliver(self) -> None:
        """Send what is due, each when the one before is acknowledged, until the server stops."""
        loop, database = asyncio.get_running_loop(), self._services.database
        topics = [f"task:{key}" for key in self._keys]
        next_beat = loop.time() + BEAT_SECONDS
        with self._services.signals.listen([*topics, "closing"]) as listener:
            while not self._services.closing.is_set():
                taken = await task_deliveries.take(database, self._keys, self._owner)
                if taken is None:
                    await listener.wait(max(0.0, next_beat - loop.time()))
                else:
                    await self._hand_over(taken)
                if loop.time() >= next_beat:
                    next_beat = loop.time() + BEAT_SECONDS
                    await task_deliveries.stay(database, self._owner, is_holding=self._is_holding)

    async def _hand_over(self, taken: task_deliveries.Delivery) -> None:
        self._acknowledged.clear()
        self._unacknowledged = taken.run_id
        await self._socket.send(taken.text)
        try:
            await asyncio.wait_for(self._acknowledged.wait(), ACK_SECONDS)
        except TimeoutError:
            logger.info("A task worker did not acknowledge task run %s", taken.run_id)
            raise SocketClosed from None
        self._unacknowledged = None
        self._is_holding = True

    async def end(self) -> None:
        """Give back what was not acknowledged; forget the connection."""
        database = self._services.database
        try:
            if self._unacknowledged is not None:
                await task_deliveries.give_back(database, self._owner, self._unacknowledged)
                self._services.signals.publish(*(f"task:{key}" for key in self._keys))
            await task_deliveries.leave(database, self._owner)
        except HeadraceError as error:
            # What it had expires by itself.
            logger.warning("A task worker's end could not be noted: %s", error)
