"""Opening a source for a poll or a claim: names become queues, and that somebody asked is noted."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from headrace.errors import ValidationFailed
from headrace.server.services.container import Services
from headrace.server.services.sources import PoolSource, ServedSource, Source, SourceLook
from headrace.server.services.work_pools import find_pool_name
from headrace.server.services.work_queues import ensure_queues
from headrace.wire.faults import make_fault

_QUEUE_NAME = re.compile(r"[^/%&><]+")
"""As the contract has the names of queues."""


class Opened(NamedTuple):
    """A source and the first look at it."""

    source: Source
    look: SourceLook


async def open_pool(services: Services, pool: str, queues: Sequence[str]) -> Opened:
    """The queues of a pool that are polled; those that do not exist are made.

    Raises `ObjectNotFound` (the pool) and `ValidationFailed` (a name that no queue can have).
    """
    name = await find_pool_name(services.database, pool)
    source = PoolSource(services.database, name, frozenset(queues))
    look = await source.look()
    missing = source.queues.difference(lane.name for lane in look.lanes)
    if missing and look.pool_id is not None:
        _check_names(missing)
        await ensure_queues(services.database, services.signals, look.pool_id, sorted(missing))
        look = await source.look()
    return await _noted(services, Opened(source, look))


async def open_served(services: Services, deployments: Iterable[str]) -> Opened:
    """Deployments that one process serves."""
    source = ServedSource(services.database, frozenset(deployments))
    return await _noted(services, Opened(source, await source.look()))


async def note(services: Services, opened: Opened) -> None:
    """Somebody asks for work of this source, or has just waited for some."""
    ids = [lane.id for lane in opened.look.lanes]
    if opened.look.pool_id is not None:
        await services.liveness.polled_queues(ids)
    else:
        await services.liveness.polled_deployments(ids)


async def _noted(services: Services, opened: Opened) -> Opened:
    await note(services, opened)
    return opened


def _check_names(names: Iterable[str]) -> None:
    errors = [
        make_fault(
            "string_pattern_mismatch",
            ("body", "work_queue_names"),
            f"{name!r} cannot be a work queue: a name has no '/', '%', '&', '<' and '>'",
            name,
        )
        for name in names
        if not _QUEUE_NAME.fullmatch(name)
    ]
    if errors:
        raise ValidationFailed(errors)
