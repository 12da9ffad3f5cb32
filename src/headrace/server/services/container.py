"""What every request handler and background loop works with, put together once by `server.app`."""

import asyncio
from dataclasses import dataclass, field

from headrace.server.config import ServerConfig
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

    def close_calls(self) -> None:
        """Let every call that is held open answer now."""
        self.closing.set()
        self.signals.deliver(("closing",))  # here only: other servers go on
