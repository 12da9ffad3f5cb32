"""Frames of a task worker's WebSocket. The server sends task runs as they are."""

from typing import Annotated, Literal

from msgspec import Meta

from headrace.wire.objects import Wire


class SubscribeFrame(Wire, kw_only=True):
    """What a task worker says first: the tasks that it runs, and what it calls itself."""

    type: Literal["subscribe"]
    keys: Annotated[list[str], Meta(min_length=1)]
    client_id: str


class ReplyFrame(Wire, kw_only=True):
    """What it says to a task run that it is sent: `ack`, or `quit` when it takes no more."""

    type: str
