"""The composition root: puts the parts of the server together."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from headrace.errors import StoreError
from headrace.server.api import (
    admin,
    artifacts,
    automations,
    blocks,
    bundles,
    claims,
    collections,
    concurrency_limits,
    deployments,
    events,
    flow_run_inputs,
    flow_run_lists,
    flow_runs,
    flows,
    logs,
    pages,
    polls,
    saved_searches,
    tag_limits,
    task_runs,
    task_workers,
    variables,
    work_pools,
    work_queues,
    worker_channel,
    workers,
)
from headrace.server.api.document import document_operations
from headrace.server.api.exposition import metrics_operations
from headrace.server.api.gateway import AsgiApp, Gateway, Receive, Scope, Send
from headrace.server.api.metrics import RequestMetrics
from headrace.server.api.operations import Operations
from headrace.server.config import ServerConfig
from headrace.server.services.container import Services
from headrace.server.services.loops.bundle_expiry import BundleExpiryLoop
from headrace.server.services.loops.cancellation import CancellationLoop
from headrace.server.services.loops.deployment_status import DeploymentStatusLoop
from headrace.server.services.loops.key_renewal import KeyRenewalLoop
from headrace.server.services.loops.lateness import LatenessLoop
from headrace.server.services.loops.leases import LeaseLoop
from headrace.server.services.loops.log_indexing import LogIndexingLoop
from headrace.server.services.loops.pause_expiry import PauseExpiryLoop
from headrace.server.services.loops.placement import run_everywhere, run_on_leader
from headrace.server.services.loops.retention import RetentionLoop
from headrace.server.services.loops.scheduling import SCHEDULER, SchedulingLoop
from headrace.server.services.loops.service import LoopService, stop_all, utc_now
from headrace.server.services.loops.signs_of_life import SignsOfLifeLoop
from headrace.server.services.loops.slot_expiry import SlotExpiryLoop
from headrace.server.services.loops.worker_status import WorkerStatusLoop
from headrace.server.services.system_blocks import install_system_blocks
from headrace.server.store.database import Database

logger = logging.getLogger("headrace.server")

_LONGEST_CATCH_UP = 10.0
"""Seconds that a start waits for at most: some thousand schedules with a misfire policy."""

# One line per noun: its module has the operations.
NOUNS: tuple[Operations, ...] = (
    admin.operations,
    artifacts.operations,
    blocks.operations,
    automations.operations,
    bundles.operations,
    claims.operations,
    collections.operations,
    concurrency_limits.operations,
    deployments.operations,
    events.operations,
    flow_run_lists.operations,
    flow_runs.operations,
    flows.operations,
    flow_run_inputs.operations,
    logs.operations,
    pages.operations,
    polls.operations,
    saved_searches.operations,
    tag_limits.operations,
    task_runs.operations,
    task_workers.operations,
    variables.operations,
    work_pools.operations,
    work_queues.operations,
    worker_channel.operations,
    workers.operations,
)

# One line per background loop: what makes it from the services.
LOOPS: tuple[Callable[[Services], LoopService], ...] = (
    lambda services: run_on_leader(
        services, LeaseLoop(services.database, services.signals, terms=services.config.lease_terms)
    ),
    lambda services: run_everywhere(
        services, SignsOfLifeLoop(services.database, services.liveness, services.heartbeats)
    ),
    lambda services: run_on_leader(
        services, WorkerStatusLoop(services.database, services.signals, services.liveness)
    ),
    lambda services: run_on_leader(services, SchedulingLoop(services.database, services.signals)),
    lambda services: run_on_leader(services, LatenessLoop(services.database, services.signals)),
    lambda services: run_on_leader(services, PauseExpiryLoop(services.database, services.signals)),
    lambda services: run_on_leader(services, CancellationLoop(services.database, services.signals)),
    lambda services: run_on_leader(services, KeyRenewalLoop(services.blocks)),
    lambda services: run_on_leader(services, LogIndexingLoop(services.database, services.signals)),
    lambda services: run_on_leader(services, BundleExpiryLoop(services.database)),
    lambda services: run_on_leader(services, SlotExpiryLoop(services.database, services.signals)),
    lambda services: run_on_leader(
        services, DeploymentStatusLoop(services.database, services.signals)
    ),
    lambda services: run_on_leader(
        services,
        RetentionLoop(
            services.database, services.signals, timedelta(days=services.config.retention_days)
        ),
    ),
)


class Application:
    """The whole server as one ASGI application."""

    def __init__(
        self, services: Services, nouns: Sequence[Operations], loops: Sequence[LoopService]
    ) -> None:
        self.services = services
        self.metrics = RequestMetrics()
        self._loops = loops
        everything = [*nouns, metrics_operations(self.metrics)]
        self._gateway: AsgiApp = Gateway(
            services, [*everything, document_operations(everything)], self.metrics
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection: the process's life, a request or a WebSocket."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await self._gateway(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        await self.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await self.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def begin(self) -> None:
        """Do what comes before the first request, and start the background loops."""
        forward = await self.services.database.share_signals(self.services.signals.deliver)
        if forward is not None:  # other servers share the database
            self.services.signals.forward_to(forward)
        await self._install()
        await self._catch_up()
        for loop in self._loops:
            loop.start()

    async def end(self) -> None:
        """Have held calls answer, and stop the background loops."""
        self.services.close_calls()
        await stop_all(self._loops)

    async def _install(self) -> None:
        try:
            await install_system_blocks(self.services.database)
        except StoreError as error:  # a database that only answers can be looked into all the same
            logger.warning("the system's block types could not be installed: %s", error)

    async def _catch_up(self) -> None:
        """Judge missed times before a worker can take a run that is to be skipped."""
        if not any(service.loop.name == SCHEDULER for service in self._loops):
            return
        loop = SchedulingLoop(self.services.database, self.services.signals)
        try:
            async with asyncio.timeout(_LONGEST_CATCH_UP):
                await loop.catch_up(utc_now())
        except (StoreError, TimeoutError) as error:  # the loop goes on with it
            logger.warning("runs that were missed meanwhile could not all be judged: %s", error)


def build_app(database: Database, config: ServerConfig, **parts: Any) -> Application:
    """The application over an open database.

    Args:
        database: Open, migrated and owned; whoever opened it closes it after the application.
        config: The settings of this server.
        parts: Fields of `Services` to use instead of the usual ones, for tests.
    """
    services = Services(database=database, config=config, **parts)
    loops = [make(services) for make in LOOPS] if config.loops_enabled else []
    wanted = [service for service in loops if service.loop.name not in config.loops_disabled]
    return Application(services, NOUNS, wanted)
