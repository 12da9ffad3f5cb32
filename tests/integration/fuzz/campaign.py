"""The whole of it against one server: what was sent to each operation, what came back, what is wrong."""

import http.client
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil

from headrace.server.api.operations import Operation
from tests.integration.fuzz import garbage
from tests.integration.fuzz.caller import Caller
from tests.integration.fuzz.catalogue import OPERATIONS, label
from tests.integration.fuzz.conformance import Document
from tests.integration.fuzz.garbage import Kind, some
from tests.integration.fuzz.generated import Generated, aim
from tests.integration.fuzz.refusals import complain
from tests.integration.fuzz.rights import NEVER, is_taking
from tests.integration.fuzz.sockets import FIRST, MANY, Dialler, throw_all
from tests.integration.fuzz.world import World
from tests.interop.served import Served

MOST_MEGABYTES = 1024  # of the server's memory, after bodies of 10 MB that hold much
_FAILED = 1011


@dataclass
class Outcome:
    """What one campaign found."""

    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    sent: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    megabytes: int = 0

    def note(self, kind: str, operation: Operation, status: int, wrong: Iterable[str]) -> None:
        self.sent[kind] += 1
        self.statuses[label(operation)][status] += 1
        self.findings += [f"{kind}: {label(operation)}: {what}" for what in wrong]


class Campaign:
    """One server under everything."""

    def __init__(
        self,
        served: Served,
        seed: int,
        generated: Generated,
        every: int,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Choose what is sent.

        Args:
            served: The server, its database empty.
            seed: What is generated follows from it.
            generated: Requests of each operation, as documented and otherwise.
            every: One spoilt value of so many is sent; 1 sends all.
            say: Told how far it is.
        """
        self._say = say
        self._served = served
        self._port = urlsplit(served.url).port or 0
        self._seed, self._generated, self._every = seed, generated, every
        self._operations = sorted(OPERATIONS, key=is_taking)
        self.outcome = Outcome()

    def run(self) -> Outcome:
        """Send everything, one kind after the other."""
        with closing(Caller(self._port)) as caller, closing(Document(self._port)) as document:
            world = World(caller).fill()
            self._step("right", lambda: self._ask_rightly(world, document))
            self._step("generated", lambda: self._ask_generated(world.fill(), document))
            for name, kind in (
                ("fields", some(garbage.spoilt_fields, self._every)),
                ("bodies", garbage.bad_bodies),
                ("addresses", garbage.bad_addresses),
                ("headers", garbage.bad_headers),
                ("large bodies", garbage.some_large_bodies()),
            ):
                world.fill()
                self._step(name, lambda name=name, kind=kind: self._throw(name, kind, world))
            self._step("sockets", lambda: self._throw_frames(world.fill()))
            alive = caller.call("GET", "/health")
        self.outcome.findings += [] if alive.body == b"true" else ["the server is not well"]
        self.outcome.findings += [f"logged: {line}" for line in self._served.complaints()]
        self.outcome.megabytes = psutil.Process(self._served.pid).memory_info().rss >> 20
        if self.outcome.megabytes > MOST_MEGABYTES:
            self.outcome.findings.append(f"{self.outcome.megabytes} MB of memory")
        return self.outcome

    def _step(self, name: str, work: Callable[[], None]) -> None:
        began, known = time.monotonic(), len(self.outcome.findings)
        work()
        seconds = self.outcome.seconds[name] = time.monotonic() - began
        sent, found = self.outcome.sent[name], len(self.outcome.findings)
        self._say(f"{name}: {sent} sent in {seconds:.0f} s, {found} findings so far")
        for what in self.outcome.findings[known:]:
            self._say(what[:1000])

    def _ask_rightly(self, world: World, document: Document) -> None:
        for operation in self._operations:
            status, wrong = document.ask_rightly(world, operation)
            if (status >= 300) != (label(operation) in NEVER):
                wrong = [*wrong, f"a right request has {status}"]
            self.outcome.note("right", operation, status, wrong)

    def _ask_generated(self, world: World, document: Document) -> None:
        chance = random.Random(self._seed)
        for operation in self._operations:
            for case in self._generated.of(document.operation(operation)):
                aim(case, world, chance)
                status, wrong = document.ask(case)
                self.outcome.note("generated", operation, status, wrong)

    def _throw(self, name: str, kind: Kind, world: World) -> None:
        with closing(Caller(self._port)) as caller:
            for operation in self._operations:
                for one in kind(world, operation):
                    try:
                        reply = caller.call(operation.method, one.path, one.body, **one.headers)
                    except (OSError, http.client.HTTPException) as error:
                        caller.close()
                        self.outcome.note(name, operation, 0, [f"no answer: {error!r}"])
                        continue
                    unfinished = operation.unfinished and reply.status == 501
                    what = None if unfinished else complain(reply)
                    wrong = [] if what is None else [f"{one.path[:200]} {one.body!r:.300}: {what}"]
                    self.outcome.note(name, operation, reply.status, wrong)

    def _throw_frames(self, world: World) -> None:
        dialler = Dialler(self._port, world)
        for path, code in throw_all(dialler):
            self.outcome.sent["sockets"] += 1
            self.outcome.statuses[f"WebSocket {path}"][code or 1000] += 1
            if code == _FAILED:
                self.outcome.findings.append(f"sockets: {path} failed")
        self.outcome.sent["sockets"] += dialler.open_many(list(FIRST), MANY)
