"""Puts a worker together and runs it in the foreground."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from uuid import UUID

from headrace.client.http import Client
from headrace.errors import ObjectNotFound, WorkerTypeMismatch
from headrace.infrastructure.contract import Closing, Infrastructure
from headrace.infrastructure.kinds import KindContext, KindSpec
from headrace.infrastructure.registry import find_kind, make_infrastructure
from headrace.settings import Settings
from headrace.worker.api import WorkerApi
from headrace.worker.claiming import Source
from headrace.worker.environments import credentials_of
from headrace.worker.health import open_health_port
from headrace.worker.home import WorkerHome, open_home
from headrace.worker.installing import InstallPolicy, install_missing
from headrace.worker.service import Worker, WorkerOptions

NewClient = Callable[[], Client]
Say = Callable[[str], None]
Make = Callable[[KindSpec, KindContext], Infrastructure]

_PROCESS = "process"  # the kind of pools whose kind nobody names, and of what is served


@dataclass(frozen=True, slots=True)
class PoolWorker:
    """What `worker start` was asked for.

    Args:
        pool: The work pool.
        name: The worker's name; None is made from kind and machine.
        queues: Queues to take from; none is all of the pool's.
        kind: The infrastructure kind; None is the pool's.
        limit: Runs at once; None is as many as the machine bears.
        prefetch_seconds: How far ahead of their time runs are taken.
        run_once: Take what is due, and leave when it has ended.
        create_pool: Make the pool when there is none.
        base_job_template: The template for a pool that is made.
        health_port: Where `GET /health` is answered; None for nowhere.
        install: Whether what the kind needs is installed where it is missing.
    """

    pool: str
    name: str | None = None
    queues: tuple[str, ...] = ()
    kind: str | None = None
    limit: int | None = None
    prefetch_seconds: float = 0.0
    run_once: bool = False
    create_pool: bool = True
    base_job_template: dict[str, object] | None = None
    health_port: int | None = None
    install: InstallPolicy = InstallPolicy.PROMPT


@dataclass(frozen=True, slots=True)
class DeploymentRunner:
    """What `serve` was asked for: runs of some deployments, here."""

    name: str
    deployment_ids: tuple[UUID, ...]
    limit: int | None


def settle_kind(api: WorkerApi, asked: PoolWorker) -> KindSpec:
    """The infrastructure kind to work with; the pool is made when that was asked for.

    Raises:
        ObjectNotFound: There is no such pool, and it is not to be made.
        WorkerTypeMismatch: The pool is of another kind.
        InfrastructureError: This installation has no such kind.
    """
    pool = api.read_pool(asked.pool)
    if pool is None:
        if not asked.create_pool:
            message = (
                f"there is no work pool named {asked.pool!r}; make it with "
                f"`headrace work-pool create {asked.pool} --type TYPE`"
            )
            raise ObjectNotFound(message)
        spec = find_kind(asked.kind or _PROCESS)
        api.create_pool(asked.pool, spec.name, asked.base_job_template or dict(spec.template))
        return spec
    if asked.kind is not None and asked.kind != pool.type:
        message = (
            f"a worker of type {asked.kind!r} cannot work for the work pool {asked.pool!r}, which is "
            f"of type {pool.type!r}; leave out --type, or name another pool"
        )
        raise WorkerTypeMismatch(message)
    spec = find_kind(pool.type)
    if not pool.base_job_template and spec.template:
        # made without one, as the API allows: what deployments ask for would be lost
        api.set_template(asked.pool, dict(spec.template))
    return spec


def work_for_pool(
    asked: PoolWorker,
    settings: Settings,
    new_client: NewClient,
    say: Say = print,
    make: Make = make_infrastructure,
) -> None:
    """Work for a pool until a signal, or until what is due has run with `run_once`.

    Args:
        asked: The pool and how to work for it.
        settings: This process's settings.
        new_client: Makes clients of the API.
        say: Where messages to people go.
        make: Makes the infrastructure of a kind.

    Raises:
        HeadraceError: It cannot start, as `settle_kind`, `install_missing` and `WorkerHome` say.
    """
    api = WorkerApi(new_client(), new_client())
    with contextlib.closing(api):
        spec = settle_kind(api, asked)
        install_missing(spec, asked.install, say)
        home = open_home(
            settings.home / "workers",
            asked.name,
            f"{spec.name}-worker",
            outlives_boot=not spec.is_local,
        )
        with contextlib.closing(home):
            source = Source(
                owner=home.owner,
                work_pool_name=asked.pool,
                work_queue_names=asked.queues,
                prefetch_seconds=asked.prefetch_seconds,
            )
            options = WorkerOptions(
                name=home.name,
                limit=asked.limit,
                heartbeat_seconds=settings.worker_heartbeat_seconds,
                run_once=asked.run_once,
                credentials=credentials_of(settings),
                is_local=spec.is_local,
                launchers=spec.launchers,
            )
            host = settings.worker_webserver_host
            with _assembled(api, home, source, options, spec=spec, make=make) as worker:
                close = _no_port
                if asked.health_port is not None:
                    close = open_health_port(worker, host, asked.health_port)
                say(f"Worker {home.name!r} takes runs of work pool {asked.pool!r}.")
                with contextlib.ExitStack() as stack:
                    stack.callback(close)
                    _run_in_foreground(worker, say)


def run_deployments(
    asked: DeploymentRunner,
    settings: Settings,
    new_client: NewClient,
    *,
    ready: Callable[[], None],
    draining: Callable[[], None],
    say: Say = print,
) -> None:
    """Run what is scheduled of some deployments in this machine's processes, until a signal.

    Args:
        asked: Which deployments.
        settings: This process's settings.
        new_client: Makes clients of the API.
        ready: Called when runs are about to be taken.
        draining: Called once when nothing more is taken; what runs still runs.
        say: Where messages to people go.
    """
    api = WorkerApi(new_client(), new_client())
    with contextlib.closing(api):
        home = open_home(settings.home / "workers", None, f"serve-{asked.name}")
        with contextlib.closing(home):
            source = Source(owner=home.owner, deployment_ids=asked.deployment_ids)
            options = WorkerOptions(
                name=home.name,
                limit=asked.limit,
                credentials=credentials_of(settings),
            )
            with _assembled(api, home, source, options, spec=find_kind(_PROCESS)) as worker:
                ready()
                _run_in_foreground(worker, say, draining)


@contextmanager
def _assembled(
    api: WorkerApi,
    home: WorkerHome,
    source: Source,
    options: WorkerOptions,
    *,
    spec: KindSpec,
    make: Make = make_infrastructure,
) -> Generator[Worker]:
    context = KindContext(
        owner=home.owner, worker=home.name, pool=source.work_pool_name, directory=home.directory
    )
    infrastructure = make(spec, context)
    try:
        yield Worker(
            api=api,
            infrastructure=infrastructure,
            source=source,
            ledger=home.ledger,
            options=options,
        )
    finally:
        if isinstance(infrastructure, Closing):
            infrastructure.close()


def _run_in_foreground(
    worker: Worker, say: Say, draining: Callable[[], None] = lambda: None
) -> None:
    """Run until a signal: the first has it drain, the second stop what runs."""
    told = threading.Event()

    def on_signal(number: int, _: FrameType | None) -> None:
        if told.is_set():
            worker.stop()
            return
        told.set()
        worker.drain()
        name = signal.Signals(number).name
        count = len(worker.holdings)
        rest = f"{count} runs are being finished; once more stops them." if count else "Goodbye."
        sys.stderr.write(f"{name}: no more runs are taken. {rest}\n")

    before = _set_handlers(on_signal)
    closer = threading.Thread(target=_when, args=(told, draining), name="draining", daemon=True)
    closer.start()
    try:
        worker.run()
    finally:
        told.set()
        closer.join(timeout=30.0)
        for number, handler in before.items():
            signal.signal(number, handler)
    say("The worker has stopped.")


def _when(told: threading.Event, action: Callable[[], None]) -> None:
    told.wait()
    action()


def _set_handlers(
    handler: Callable[[int, FrameType | None], None],
) -> dict[signal.Signals, signal.Handlers | Callable[[int, FrameType | None], object] | int | None]:
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}


def _no_port() -> None:
    """There is nothing to close."""
