"""What every request handler and background loop works with, put together once by `server.app`."""

import asyncio
from dataclasses import dataclass, field

from headrace.core.ids import new_id
from headrace.server.config import ServerConfig
from headrace.server.secrets import Keyring
from headrace.server.services.block_documents import BlockDocuments
from headrace.server.services.claims import Claims
from headrace.server.services.event_tail import EventTail
from headrace.server.services.events import EventIntake
from headrace.server.services.leases import Heartbeats
from headrace.server.services.liveness import Liveness
from headrace.server.services.polls import Polls
from headrace.server.services.signals import Signals
from headrace.server.store.database import Database


@dataclass(slots=True)
class Services:
    """The parts of one running server.

    A service that keeps state of its own (the claims' waiters, say) is a field here. Plain services
    are modules of functions that take the `Database` and, where they wake somebody, the `Signals`.
    """

    database: Database
    config: ServerConfig
    signals: Signals = field(default_factory=Signals)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server begins to stop; the topic `closing` is delivered then. A call that is held
    open listens to it and answers with what it has."""

    server_id: str = field(default_factory=new_id)
    """Names this process where servers share a database: who leads a loop."""
    claims: Claims = field(init=False)
    polls: Polls = field(init=False)
    liveness: Liveness = field(init=False)
    heartbeats: Heartbeats = field(default_factory=Heartbeats)
    event_intake: EventIntake = field(init=False)
    event_tail: EventTail = field(init=False)
    blocks: BlockDocuments = field(init=False)

    def __post_init__(self) -> None:
        """Make the parts that stand on others."""
        self.claims = Claims(self.database, self.signals, self.closing, self.config.lease_terms)
        self.polls = Polls(self.database, self.signals)
        self.liveness = Liveness(self.database, self.signals)
        self.event_intake = EventIntake(self.database, self.signals, self.heartbeats)
        keyring = Keyring(self.config.encryption_keys, self.config.key_file)
        self.blocks = BlockDocuments(self.database, self.signals, keyring)
        self.event_tail = EventTail(self.database, self.signals, self.closing)

    def close_calls(self) -> None:
        """Let every call that is held open answer now."""
        self.closing.set()
        self.signals.deliver(("closing",))  # here only: other servers go on
