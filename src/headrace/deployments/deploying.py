"""Deploying: registering deployments whose runs a work pool's workers run."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from headrace.client.default import default_client
from headrace.client.http import Client
from headrace.client.work_pools import read_work_pool
from headrace.core.misfires import Policy
from headrace.deployments.bundling import Uploads
from headrace.deployments.deployment import RunnerDeployment
from headrace.deployments.images import prepare_image
from headrace.deployments.printing import Row, say, table
from headrace.deployments.schedule_lists import Seconds
from headrace.errors import ConfigurationError, HeadraceError, ObjectNotFound
from headrace.schedules import Misfire, Schedule
from headrace.settings import settings


def deploy_flow(
    flow: Any,
    name: str,
    work_pool_name: str | None = None,
    image: Any = None,
    *,
    build: bool = True,
    push: bool = True,
    work_queue_name: str | None = None,
    job_variables: dict[str, Any] | None = None,
    interval: Seconds | None = None,
    cron: str | None = None,
    rrule: str | None = None,
    paused: bool | None = None,
    schedule: Schedule | None = None,
    schedules: Iterable[Schedule | Mapping[str, Any]] | None = None,
    misfire: Misfire | Policy | None = None,
    concurrency_limit: Any = None,
    triggers: list[Any] | None = None,
    parameters: dict[str, Any] | None = None,
    description: str | None = None,
    tags: list[str] | None = None,
    version: str | None = None,
    version_type: str | None = None,
    enforce_parameter_schema: bool = True,
    entrypoint_type: str = "file_path",
    print_next_steps: bool = True,
    ignore_warnings: bool = False,
    _sla: object = None,
) -> UUID:
    """Register a flow's deployment with a work pool: `flow.deploy(...)`; its id.

    Arguments as of `RunnerDeployment.from_flow` and `deploy`.

    Raises:
        ConfigurationError: An argument makes no sense, or no pool is named.
        ObjectNotFound: There is no such pool.
        HeadraceError: The API refuses, or does not answer.
    """
    deployment = RunnerDeployment.from_flow(
        flow,
        name,
        interval,
        cron,
        rrule,
        paused=paused,
        schedule=schedule,
        schedules=schedules,
        misfire=misfire,
        concurrency_limit=concurrency_limit,
        triggers=triggers,
        parameters=parameters,
        description=description,
        tags=tags,
        version=version,
        version_type=version_type,
        enforce_parameter_schema=enforce_parameter_schema,
        work_queue_name=work_queue_name,
        job_variables=job_variables,
        entrypoint_type=entrypoint_type,
        _sla=_sla,
    )
    return deploy(
        deployment,
        work_pool_name=work_pool_name,
        image=image,
        build=build,
        push=push,
        print_next_steps_message=print_next_steps,
        ignore_warnings=ignore_warnings,
    )[0]


def deploy(
    *deployments: RunnerDeployment,
    work_pool_name: str | None = None,
    image: Any = None,
    build: bool = True,
    push: bool = True,
    print_next_steps_message: bool = True,
    ignore_warnings: bool = False,
) -> list[UUID]:
    """Register deployments with a work pool, all or as many as can be; their ids.

    Args:
        *deployments: What `flow.to_deployment(...)` made.
        work_pool_name: The pool; the setting `deployments_default_work_pool_name` when not given.
        image: Name of the image, or `DockerImage`, that holds the code and that containers are made
            from. Without one, runs fetch the code: from the flow's source, or as it is here now.
        build: Build the image first.
        push: Push the image afterwards.
        print_next_steps_message: Whether to print a table and what to do next.
        ignore_warnings: Accepted for the contract.

    Raises:
        ConfigurationError: No pool is named, or the pool's runs need an image.
        ObjectNotFound: There is no such pool.
        CodeUnavailable: The code cannot be packed.
        HeadraceError: The API refused one; what the others came to is printed.
    """
    del ignore_warnings
    pool = work_pool_name or settings().deployments_default_work_pool_name
    if pool is None:
        message = "name the work pool that runs it: deploy(..., work_pool_name=NAME)"
        raise ConfigurationError(message)
    client = default_client()
    template = _read_template(client, pool)
    if image is None:
        _check_images(template, pool, deployments)
    prepared = None if image is None else prepare_image(image, build=build, push=push)
    uploads = Uploads(client)
    ids: list[UUID] = []
    rows: list[Row] = []
    refused: HeadraceError | None = None
    for one in deployments:
        try:
            ids.append(one.register(client, pool, uploads, prepared))
            rows.append(Row(one.full_name, "applied"))
        except HeadraceError as error:
            refused = refused or error
            rows.append(Row(one.full_name, "failed", str(error)))
    if print_next_steps_message or refused is not None:
        say(_message(pool, rows))
    if refused is not None:
        raise refused
    return ids


def _read_template(client: Client, name: str) -> dict[str, Any]:
    try:
        return read_work_pool(client, name).base_job_template
    except ObjectNotFound:
        message = (
            f"there is no work pool named {name!r}; make it with "
            f"`headrace work-pool create {name} --type process`"
        )
        raise ObjectNotFound(message) from None


def _check_images(
    template: dict[str, Any], pool: str, deployments: Iterable[RunnerDeployment]
) -> None:
    """Refuse now what every run would fail of: containers without an image."""
    properties = template.get("variables", {}).get("properties", {})
    if "image" not in properties or properties["image"].get("default"):
        return
    for one in deployments:
        if not one.job_variables.get("image"):
            message = (
                f"runs of the work pool {pool!r} are containers, and {one.full_name!r} names no image: "
                "make one with `headrace image build`, and name it with deploy(..., image=NAME, "
                "build=False)"
            )
            raise ConfigurationError(message)


def _message(pool: str, rows: list[Row]) -> str:
    done = [row.name for row in rows if row.status == "applied"]
    text = table(f"Deployed to the work pool {pool!r}:", rows)
    if done:
        text += (
            "\nTo have runs of this pool executed, start a worker:\n\n"
            f"    headrace worker start --pool '{pool}'\n"
            f"\nTo make a run:\n\n    headrace deployment run '{done[0]}'\n"
        )
    return text
