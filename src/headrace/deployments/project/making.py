"""Making a prepared deployment: its build and push steps, what will change, and the deployment itself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from headrace.client.deployments import create_deployment, read_deployment_by_name
from headrace.client.flows import create_flow
from headrace.client.work_pools import create_work_pool
from headrace.core.sdks import Sdk
from headrace.deployments.images import CODE
from headrace.deployments.project.changes import list_changes
from headrace.deployments.project.checks import check_entry, needs_image
from headrace.deployments.project.entries import Entry, Limit, Steps, read_entry
from headrace.deployments.project.options import schedules_of
from headrace.deployments.project.preparing import Prepared, Project
from headrace.deployments.project.timing import read_schedules
from headrace.deployments.project.triggers import read_triggers
from headrace.deployments.project.values import STEPS, fill_outputs, fill_pull_steps
from headrace.deployments.steps.core import run_steps
from headrace.deployments.triggers import replace_triggers
from headrace.errors import ConfigurationError, ObjectNotFound
from headrace.sources.storages import SET_DIRECTORY
from headrace.wire.deployments import (
    ConcurrencyOptions,
    DeploymentCreate,
    DeploymentResponse,
    DeploymentScheduleCreate,
    VersionInfo,
)
from headrace.wire.flows import FlowCreate

VERSION_TYPES = (
    "prefect:simple",
    "vcs:git",
    "vcs:github",
    "vcs:gitlab",
    "vcs:bitbucket",
    "vcs:azuredevops",
)
"""What a version may be said to be of, by the contract."""


@dataclass(frozen=True, slots=True)
class Made:
    """A deployment that was made or changed.

    Args:
        id: The server's.
        full_name: `flow/deployment`.
        pool: The work pool's name.
        is_new: Whether it was not there before.
    """

    id: UUID
    full_name: str
    pool: str
    is_new: bool


def make(project: Project, prepared: Prepared) -> Made:
    """Run a deployment's steps, say what will change, and make it.

    Raises:
        StepExecutionError: A step failed; the deployment was not touched.
        ConfigurationError: What the steps came to does not fit.
        HeadraceError: The API refuses, or does not answer.
    """
    outputs: dict[str, Any] = {}
    built = outputs  # fields see what was built; only pull steps see what was pushed
    for title, steps in (("build", prepared.build), ("push", prepared.push)):
        if steps:
            project.say(f"Running the {title} steps of the deployment:")
            outputs = run_steps(steps, outputs, project.say)
            built = built if title == "push" else outputs
    entry, body = _describe(project, prepared, built, outputs)
    below = (*prepared.place, "triggers")
    triggers = read_triggers(entry.triggers or [], body.name, project.document, below)
    flow = create_flow(project.client, FlowCreate(name=prepared.code.name))
    body.flow_id = flow.id
    full_name = f"{prepared.code.name}/{body.name}"
    before = _read_existing(project, full_name)
    if before is not None:
        _keep_schedules(before, body)
        _tell_changes(project, before, full_name, body)
    if project.new_pool is not None and prepared.pool is project.new_pool:
        create_work_pool(project.client, project.new_pool)
    made = create_deployment(project.client, body, prepared.code.sdk)
    replace_triggers(project.client, made.id, triggers)
    return Made(made.id, full_name, prepared.pool.name, before is None)


def _describe(
    project: Project, prepared: Prepared, built: dict[str, Any], outputs: dict[str, Any]
) -> tuple[Entry, DeploymentCreate]:
    document, place, code = project.document, prepared.place, prepared.code

    def miss(name: str) -> None:
        project.warn(f"{document.where(place)}: no step came to {{{{ {name} }}}}; it is left out")

    values = fill_outputs(prepared.values, built, miss)
    entry = read_entry({n: v for n, v in values.items() if n not in STEPS}, document, place)
    check_entry(entry, code, prepared.pool, document, place)
    schedules = read_schedules(
        schedules_of(values), datetime.now(UTC), document, (*place, "schedules")
    )
    version = entry.version or code.version
    body = DeploymentCreate(
        name=entry.name or "",
        flow_id=_UNKNOWN,
        entrypoint=entry.entrypoint,
        description=entry.description or code.description,
        version=version,
        version_info=_version_info(entry, version),
        tags=_tags(entry),
        schedules=schedules,
        paused=bool(entry.paused),
        parameters=entry.parameters or {},
        parameter_openapi_schema=code.parameter_schema,
        enforce_parameter_schema=entry.enforce_parameter_schema is not False,
        work_pool_name=prepared.pool.name,
        work_queue_name=entry.work_pool.work_queue_name if entry.work_pool else None,
        job_variables=(entry.work_pool.job_variables if entry.work_pool else None) or {},
        pull_steps=_pull_steps(project, prepared, entry, outputs),
    )
    _set_limit(body, entry.concurrency_limit)
    return entry, body


_UNKNOWN = UUID(int=0)
"""Stands for the flow's id until the flow is registered, which is done last."""


def _tags(entry: Entry) -> list[str]:
    given = [entry.tags] if isinstance(entry.tags, str) else entry.tags or []
    return [tag for tag in given if tag]  # a variable that is not set is an empty one


def _pull_steps(
    project: Project, prepared: Prepared, entry: Entry, outputs: dict[str, Any]
) -> Steps:
    if prepared.pull is not None:
        return fill_pull_steps(prepared.pull, outputs, project.references)
    here = Path.cwd()
    directory = str(here)
    if prepared.is_code_in_image:
        directory = f"{CODE}/{here.name}"
    elif prepared.code.sdk is Sdk.PREFECT and prepared.is_image_built:
        directory = f"{_IN_IMAGES}/{here.name}"
    elif prepared.code.sdk is Sdk.PREFECT and _has_image(entry):
        directory = _IN_IMAGES
    elif prepared.code.sdk is Sdk.HEADRACE and needs_image(prepared.pool):
        project.say("Its runs do not see this machine's files: the code is uploaded for them.")
        return [project.uploads.step_for(directory)]
    return [{SET_DIRECTORY: {"directory": directory}}]


_IN_IMAGES = "/opt/prefect"
"""Where the contract's command looks for code in images that it did not make."""


def _has_image(entry: Entry) -> bool:
    return bool(((entry.work_pool and entry.work_pool.job_variables) or {}).get("image"))


def _version_info(entry: Entry, version: str | None) -> VersionInfo | None:
    kind = entry.version_type or VERSION_TYPES[0]
    if kind not in VERSION_TYPES:
        message = f"version_type is one of {', '.join(VERSION_TYPES)}, not {kind!r}"
        raise ConfigurationError(message)
    return None if version is None else VersionInfo(type=kind, version=version)


def _set_limit(body: DeploymentCreate, given: int | Limit | None) -> None:
    limit = given if isinstance(given, Limit) else Limit(limit=given)
    if limit.limit is not None and limit.limit < 1:
        message = f"a concurrency limit is a whole number above 0; this is {limit.limit}"
        raise ConfigurationError(message)
    body.concurrency_limit = limit.limit
    if limit.collision_strategy is not None:
        body.concurrency_options = ConcurrencyOptions(
            collision_strategy=limit.collision_strategy,
            grace_period_seconds=limit.grace_period_seconds,
        )


def _read_existing(project: Project, full_name: str) -> DeploymentResponse | None:
    flow_name, _, name = full_name.rpartition("/")
    try:
        return read_deployment_by_name(project.client, flow_name, name)
    except ObjectNotFound:
        return None


def _keep_schedules(before: DeploymentResponse, body: DeploymentCreate) -> None:
    """A file that says nothing of schedules leaves those that were made elsewhere."""
    if not body.schedules:
        body.schedules = [
            DeploymentScheduleCreate(
                schedule=one.schedule,
                active=one.active,
                max_scheduled_runs=one.max_scheduled_runs,
                parameters=one.parameters,
                slug=one.slug,
                misfire=one.misfire,
            )
            for one in before.schedules
        ]


def _tell_changes(
    project: Project, before: DeploymentResponse, full_name: str, body: DeploymentCreate
) -> None:
    lines = list_changes(before, body)
    result = "What changes:" if lines else "Nothing changes."
    project.say(f"The deployment {full_name!r} exists. {result}")
    for line in lines:
        project.say(f"  {line}")
    if before.paused and not body.paused:
        project.say(
            "  It is paused, and stays so: `headrace deployment schedule resume` starts it."
        )
