"""The end of a flow run in one request: its last reports, and the state that it ends in."""

from headrace.wire.events import Event
from headrace.wire.logs import LogCreate
from headrace.wire.objects import Strict
from headrace.wire.states import StateCreate


class EndFlowRunBody(Strict, kw_only=True):
    """What a run has not told yet, and the state that is proposed once all of that is durable."""

    state: StateCreate
    events: list[Event] = []
    logs: list[LogCreate] = []
