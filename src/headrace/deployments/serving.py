"""Serving: registering deployments and running them here, until told to stop."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.client.default import default_client
from headrace.client.deployments import update_deployment
from headrace.client.http import Client, client_of
from headrace.core.misfires import Policy
from headrace.deployments.deployment import RunnerDeployment
from headrace.deployments.printing import Row, say, table
from headrace.deployments.schedule_lists import Seconds
from headrace.errors import ConfigurationError, HeadraceError
from headrace.schedules import Misfire, Schedule
from headrace.settings import settings
from headrace.wire.deployments import DeploymentUpdate
from headrace.worker.start import DeploymentRunner, run_deployments


def serve_flow(
    flow: Any,
    name: str | None = None,
    interval: Seconds | Iterable[Seconds] | None = None,
    cron: str | Iterable[str] | None = None,
    rrule: str | Iterable[str] | None = None,
    *,
    paused: bool | None = None,
    schedule: Schedule | None = None,
    schedules: Iterable[Schedule | Mapping[str, Any]] | None = None,
    misfire: Misfire | Policy | None = None,
    global_limit: Any = None,
    triggers: list[Any] | None = None,
    parameters: dict[str, Any] | None = None,
    description: str | None = None,
    tags: list[str] | None = None,
    version: str | None = None,
    enforce_parameter_schema: bool = True,
    pause_on_shutdown: bool = True,
    print_starting_message: bool = True,
    limit: int | None = None,
    webserver: bool = False,
    entrypoint_type: str = "file_path",
    work_pool_name: str | None = None,
) -> None:
    """Register a flow's deployment and run what is scheduled of it here: `flow.serve(...)`.

    Returns when it is told to stop by SIGINT or SIGTERM and its runs have ended.

    Args:
        flow: The flow.
        name: The deployment's name; that of the flow's file, or of the flow, when not given. A
            trailing `.py` is left off, so that `__file__` can be given.
        interval: Seconds, or a `timedelta`, between runs; several for several schedules.
        cron: A cron expression, or several.
        rrule: A recurrence rule, or several.
        paused: Whether its schedules make no runs to begin with.
        schedule: One schedule.
        schedules: Several schedules.
        misfire: What becomes of times that passed unused, for schedules that do not say so themselves.
        global_limit: Runs at once, wherever they run.
        triggers: Events that make a run of it: mappings as a deployment file has them.
        parameters: Of its runs.
        description: For people.
        tags: Of the deployment and its runs.
        version: A text of yours.
        enforce_parameter_schema: Whether runs whose parameters do not fit are refused.
        pause_on_shutdown: Whether its schedules make no runs while it is not served.
        print_starting_message: Whether to say what to do next.
        limit: Runs at once in this process.
        webserver: Accepted for the contract; a served deployment has no port.
        entrypoint_type: `file_path` or `module_path`.
        work_pool_name: Refused: a deployment of a work pool is deployed, not served.

    Raises:
        ConfigurationError: An argument makes no sense.
        HeadraceError: The API refuses, or does not answer.
    """
    del webserver
    _refuse_pool(work_pool_name, f"{flow.name!r}")
    deployment = RunnerDeployment.from_flow(
        flow,
        _name_of(name, flow),
        interval,
        cron,
        rrule,
        paused=paused,
        schedule=schedule,
        schedules=schedules,
        misfire=misfire,
        concurrency_limit=global_limit,
        triggers=triggers,
        parameters=parameters,
        description=description,
        tags=tags,
        version=version,
        enforce_parameter_schema=enforce_parameter_schema,
        entrypoint_type=entrypoint_type,
    )
    serve(
        deployment,
        pause_on_shutdown=pause_on_shutdown,
        print_starting_message=print_starting_message,
        limit=limit,
    )


def serve(
    *deployments: RunnerDeployment,
    pause_on_shutdown: bool = True,
    print_starting_message: bool = True,
    limit: int | None = None,
    **unknown: object,
) -> None:
    """Register deployments and run what is scheduled of them here, until told to stop.

    Args:
        *deployments: What `flow.to_deployment(...)` made.
        pause_on_shutdown: Whether their schedules make no runs while nobody serves them.
        print_starting_message: Whether to say what to do next.
        limit: Runs at once in this process; the setting `runner_process_limit` when not given.
        **unknown: Refused.

    Raises:
        ConfigurationError: A deployment belongs to a work pool, or an argument is unknown.
        HeadraceError: The API refuses, or does not answer.
    """
    if unknown or not deployments:
        what = f"no argument {sorted(unknown)}" if unknown else "at least one deployment to serve"
        message = (
            f"serve takes deployments, pause_on_shutdown, print_starting_message and limit: {what}"
        )
        raise ConfigurationError(message)
    for one in deployments:
        _refuse_pool(one.work_pool_name, repr(one.full_name))
    client = default_client()
    ids = tuple(one.register(client) for one in deployments)
    current = settings()

    def ready() -> None:
        if print_starting_message:
            say(_starting_message(deployments))

    def draining() -> None:
        if pause_on_shutdown:
            _pause(client, deployments, ids)

    run_deployments(
        DeploymentRunner(
            name=deployments[0].full_name.replace("/", "-"),
            deployment_ids=ids,
            limit=limit or current.runner_process_limit,
        ),
        current,
        lambda: client_of(current, client.url),
        ready=ready,
        draining=draining,
        say=say if print_starting_message else _silently,
    )


def _silently(text: str) -> None:
    del text


def _pause(client: Client, deployments: Iterable[RunnerDeployment], ids: Iterable[UUID]) -> None:
    for deployment, deployment_id in zip(deployments, ids, strict=True):
        try:
            update_deployment(client, deployment_id, DeploymentUpdate(paused=True))
            say(f"The schedules of {deployment.full_name!r} are paused until it is served again.")
        except HeadraceError as error:
            say(f"The schedules of {deployment.full_name!r} could not be paused: {error}")


def _refuse_pool(work_pool_name: str | None, what: str) -> None:
    if work_pool_name is not None:
        message = (
            f"{what} cannot be served with a work pool ({work_pool_name!r}): workers run what is in a "
            "pool. Use deploy instead of serve, or leave the work pool out."
        )
        raise ConfigurationError(message)


def _name_of(name: str | None, flow: Any) -> str:
    if name is None:
        return str(flow.name)
    path = Path(name)
    return path.stem if path.suffix == ".py" else name


def _starting_message(deployments: tuple[RunnerDeployment, ...]) -> str:
    rows = [Row(one.full_name, "served") for one in deployments]
    first = deployments[0].full_name
    return (
        f"{table('Serving these deployments; Ctrl-C stops it.', rows)}\n"
        f"To run one now:\n\n    headrace deployment run '{first}'\n"
    )
