"""What can be known to be wrong before anything is built: all of it, with its field and line."""

from collections.abc import Mapping
from typing import Any

from headrace.client.http import Client
from headrace.client.work_pools import read_work_pool
from headrace.core.parameters import find_parameter_faults
from headrace.core.placeholders import has_placeholders
from headrace.core.sdks import Sdk
from headrace.core.templates import Layer, check_variables, find_unknown
from headrace.deployments.project.code import Code
from headrace.deployments.project.document import Document, Place
from headrace.deployments.project.entries import Entry
from headrace.errors import ConfigurationError, ObjectNotFound, ValidationFailed
from headrace.wire.work_pools import WorkPoolCreate, WorkPoolResponse

Pool = WorkPoolResponse | WorkPoolCreate
"""A work pool that is there, or one that is still to be made."""


def find_pool(
    client: Client, name: str | None, document: Document, place: Place
) -> WorkPoolResponse:
    """The work pool that is to run a deployment.

    Raises:
        ConfigurationError: None is named, or there is none of this name.
    """
    if not name:
        message = (
            f"{document.where(place)}: no work pool is named; say which with --pool, with `work_pool` in "
            "the file, or with the setting HEADRACE_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME"
        )
        raise ConfigurationError(message)
    try:
        return read_work_pool(client, name)
    except ObjectNotFound:
        where = document.where((*place, "work_pool", "name"))
        message = (
            f"{where}: there is no work pool {name!r}; make it with "
            f"`headrace work-pool create {name} --type process`"
        )
        raise ConfigurationError(message) from None


def check_entry(entry: Entry, code: Code, pool: Pool, document: Document, place: Place) -> None:
    """Refuse parameters, job variables and images that the server or a run would refuse.

    Raises:
        ConfigurationError: Names every bad field.
    """
    faults = _parameter_faults(entry, code, document, (*place, "parameters"))
    variables = (entry.work_pool.job_variables if entry.work_pool else None) or {}
    below = (*place, "work_pool", "job_variables")
    faults += _variable_faults(variables, code, pool, document, below)
    if faults:
        raise ConfigurationError("; ".join(faults))


def needs_image(pool: Pool) -> bool:
    """Whether runs of a pool start from an image, and so do not see this machine's files."""
    return _image_field(pool) is not None


def _image_field(pool: Pool) -> dict[str, Any] | None:
    template = pool.base_job_template or {}
    return template.get("variables", {}).get("properties", {}).get("image")


def check_image(variables: Mapping[str, Any], code: Code, pool: Pool, *, is_built: bool) -> None:
    """Refuse a deployment whose runs would have no image to start from.

    Raises:
        ConfigurationError: The pool's runs need an image, and none is named or built.
    """
    image = _image_field(pool)
    if image is None or is_built or variables.get("image") or image.get("default"):
        return
    if code.sdk is Sdk.PREFECT:  # its workers bring an image of their own
        return
    message = (
        f"runs of the work pool {pool.name!r} (type {pool.type}) start from an image, and none is named: "
        "make one with `headrace image build`, then name it as the job variable `image`, or add a build step"
    )
    raise ConfigurationError(message)


def _parameter_faults(entry: Entry, code: Code, document: Document, place: Place) -> list[str]:
    given = {n: v for n, v in (entry.parameters or {}).items() if not has_placeholders(v)}
    if entry.enforce_parameter_schema is False:
        return []
    faults = find_parameter_faults(code.parameter_schema, given, complete=False)
    return [
        f"{document.where((*place, *fault.path))}: parameter {fault.field!r}: {fault.message}"
        for fault in faults
    ]


def _variable_faults(
    variables: Mapping[str, Any],
    code: Code,
    pool: Pool,
    document: Document,
    place: Place,
) -> list[str]:
    template = pool.base_job_template
    if not template:
        return []
    layers = [Layer("deployment", variables)]
    faults: list[str] = []
    try:
        check_variables(template, layers, complete=False)
    except ValidationFailed as error:
        for one in error.errors:
            loc = one["loc"]
            path: Place = tuple(loc[2:]) if isinstance(loc, list) else ()  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # a fault is free-form
            faults.append(f"{document.where((*place, *path))}: {one['msg']}")
    unknown = () if code.sdk is Sdk.PREFECT else find_unknown(template, layers)
    known = ", ".join(sorted(template.get("variables", {}).get("properties", {})))
    for name in (one.partition(": ")[2] for one in unknown):
        where = document.where((*place, name))
        faults.append(
            f"{where}: the work pool {pool.name!r} has no job variable {name!r}; it has: {known}"
        )
    return faults
