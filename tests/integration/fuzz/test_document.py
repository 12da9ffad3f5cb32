"""Every operation can succeed, and its answers are what the document says."""

from contextlib import closing
from typing import Any

from tests.integration.fuzz.caller import Caller
from tests.integration.fuzz.catalogue import OPERATIONS, label
from tests.integration.fuzz.conformance import Document
from tests.integration.fuzz.rights import NEVER, is_taking
from tests.integration.fuzz.world import World


def test_every_operation_can_succeed_as_documented(server: Any):
    """A right request to each operation has an answer of 2xx that its schema describes."""
    found: list[str] = []
    with closing(Caller(server.port)) as caller, closing(Document(server.port)) as document:
        world = World(caller).fill()
        for operation in sorted(OPERATIONS, key=is_taking):
            status, differences = document.ask_rightly(world, operation)
            if (status >= 300) != (label(operation) in NEVER):
                found.append(f"{label(operation)}: {status}")
            found += [f"{label(operation)}: {what}" for what in differences]
    assert not found, "\n".join(found)
