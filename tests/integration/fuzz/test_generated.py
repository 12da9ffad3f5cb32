"""A sample of the requests that are generated from the document: no answer is the server's fault."""

import random
from contextlib import closing
from typing import Any

from tests.integration.fuzz.caller import Caller
from tests.integration.fuzz.catalogue import OPERATIONS, label
from tests.integration.fuzz.conformance import Document
from tests.integration.fuzz.generated import Generated, aim
from tests.integration.fuzz.rights import is_taking
from tests.integration.fuzz.world import World

SEED = 7
EACH = 2  # cases as documented and as many otherwise: generating one takes a tenth of a second
STEP = 3  # one operation in so many


def test_generated_requests_are_answered_as_documented(server: Any):
    """Status, media type, headers and body of each answer are those that the document foresees."""
    found: list[str] = []
    sent = 0
    generated, chance = Generated(EACH, SEED), random.Random(SEED)
    with closing(Caller(server.port)) as caller, closing(Document(server.port)) as document:
        world = World(caller).fill()
        for operation in sorted(OPERATIONS[::STEP], key=is_taking):
            for case in generated.of(document.operation(operation)):
                aim(case, world, chance)
                _, differences = document.ask(case)
                sent += 1
                found += [f"{label(operation)}: {what}" for what in differences]
    assert not found, "\n".join(found)
    assert sent > len(OPERATIONS) // STEP
