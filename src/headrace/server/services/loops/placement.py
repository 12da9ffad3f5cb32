"""Where a loop runs: on every server, or on the one that leads it."""

from dataclasses import replace

from headrace.server.services.container import Services
from headrace.server.services.loops.leadership import Leadership, LoopLeases, SoleServer
from headrace.server.services.loops.service import Loop, LoopService, Pace


def run_on_leader(services: Services, loop: Loop) -> LoopService:
    """A loop that one of the servers of a database runs at a time."""
    leadership: Leadership = SoleServer()
    if services.database.dialect == "postgresql":
        leadership = LoopLeases(services.database, services.server_id)
    return LoopService(loop, services.signals, leadership, pace=_pace(services, loop))


def run_everywhere(services: Services, loop: Loop) -> LoopService:
    """A loop that every server runs, for what it keeps in memory."""
    return LoopService(loop, services.signals, pace=_pace(services, loop))


def _pace(services: Services, loop: Loop) -> Pace:
    seconds = services.config.loop_seconds.get(loop.name)
    return loop.pace if seconds is None else replace(loop.pace, interval=seconds)
