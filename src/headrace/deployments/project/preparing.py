"""From a deployment of a file to all that is needed to make it: read, filled and checked, nothing done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from headrace.client.http import Client
from headrace.core.placeholders import MISSING, has_placeholders
from headrace.deployments.bundling import Uploads
from headrace.deployments.deployment import checked_name
from headrace.deployments.images import GENERATED
from headrace.deployments.project.checks import Pool, check_entry, check_image, find_pool
from headrace.deployments.project.code import Code, read_code
from headrace.deployments.project.document import Document, Place
from headrace.deployments.project.entries import Entry, Steps, read_entry, unknown_fields
from headrace.deployments.project.options import Options, schedules_of
from headrace.deployments.project.timing import read_schedules
from headrace.deployments.project.triggers import read_triggers
from headrace.deployments.project.values import STEPS, fill_fields
from headrace.deployments.references import References
from headrace.deployments.steps.names import OURS
from headrace.errors import ConfigurationError
from headrace.wire.work_pools import WorkPoolCreate

BUILDS_IMAGE = "headrace.deployments.steps.docker:build_docker_image"


@dataclass(frozen=True, slots=True)
class Project:
    """A deployment file and what it is deployed with.

    Args:
        document: The file; an empty one where there is none.
        client: Of the API.
        references: Looks up what placeholders name.
        default_pool: The work pool for deployments that name none.
        say: Takes a line of progress.
        warn: Takes a line about what may be a mistake.
        uploads: What was uploaded for deployments of this command.
        new_pool: A work pool that is made with the first deployment to it.
    """

    document: Document
    client: Client
    references: References
    default_pool: str | None
    say: Callable[[str], object]
    warn: Callable[[str], object]
    uploads: Uploads
    new_pool: WorkPoolCreate | None = None

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The deployments of the file.

        Raises:
            ConfigurationError: What stands there is no list of mappings.
        """
        found: Any = self.document.values.get("deployments") or []
        if not isinstance(found, list):
            message = f"{self.document.where(('deployments',))}: `deployments` is no list"
            raise ConfigurationError(message)
        for index, one in enumerate(cast("list[Any]", found)):
            if not isinstance(one, dict):
                where = self.document.where(("deployments", index))
                message = f"{where}: a deployment is a mapping, as `name: …`, not {one!r}"
                raise ConfigurationError(message)
        return cast("list[dict[str, Any]]", found)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A deployment that can be made.

    Args:
        values: Its fields; only what its steps come to is still to be filled in.
        place: Where in the file it stands.
        code: What its flow's code says.
        pool: The work pool.
        build: Steps before it is made.
        push: Steps after those.
        pull: Steps of its runs; None where the file says nothing.
        is_image_built: Whether one of the steps builds the runs' image.
        is_code_in_image: Whether that image is known to have the code, and where.
    """

    values: dict[str, Any]
    place: Place
    code: Code
    pool: Pool
    build: Steps
    push: Steps
    pull: Steps | None
    is_image_built: bool
    is_code_in_image: bool


def prepare(project: Project, index: int | None, options: Options) -> Prepared:
    """Read, fill and check one deployment; nothing is made, run or changed.

    Args:
        project: The file.
        index: The deployment's place in its list; None for one that is not in it.
        options: Of the command line.

    Raises:
        ConfigurationError: Something is wrong; names all that is, with the lines.
        MissingFlowError: The flow is not where its entrypoint says.
        HeadraceError: The API refuses, or does not answer.
    """
    document = project.document
    place: Place = () if index is None else ("deployments", index)
    written = {} if index is None else project.entries[index]
    for line in unknown_fields(written):
        project.warn(f"{document.where(place)}: {line}")
    values = fill_fields(options.over(written), project.references)
    entry = read_known(values, document, place)
    where = document.where(place)
    if not entry.entrypoint:
        message = f"{where}: no entrypoint says where the flow is: path/to/file.py:function"
        raise ConfigurationError(message)
    if not entry.name:
        message = f"{where}: the deployment has no name; give one with --name"
        raise ConfigurationError(message)
    checked_name(entry.name)
    named = entry.work_pool.name if entry.work_pool else None
    named = named or project.default_pool
    pool: Pool
    if project.new_pool is not None and named == project.new_pool.name:
        pool = project.new_pool
    else:
        pool = find_pool(project.client, named, document, place)
    code = read_code(entry.entrypoint)
    check_entry(entry, code, pool, document, place)
    read_schedules(known_schedules(values), datetime.now(UTC), document, (*place, "schedules"))
    triggers = [one for one in entry.triggers or [] if not has_placeholders(one)]
    read_triggers(triggers, entry.name, document, (*place, "triggers"))
    if entry.sla:
        project.warn(f"{where}: `sla` is kept in the file only: nothing watches service levels")
    build, push, pull = (_steps(values, document, name) for name in STEPS)
    images: list[Any] = [
        v for step in build or [] for k, v in step.items() if OURS.get(k) == BUILDS_IMAGE
    ]
    is_code_in_image = any(one.get("dockerfile") == GENERATED for one in images if one)
    variables = (entry.work_pool.job_variables if entry.work_pool else None) or {}
    check_image(variables, code, pool, is_built=bool(images))
    return Prepared(
        values,
        place,
        code,
        pool,
        build or [],
        push or [],
        pull,
        is_image_built=bool(images),
        is_code_in_image=is_code_in_image,
    )


def read_known(values: Mapping[str, Any], document: Document, place: Place) -> Entry:
    """What is known before any step ran; a text that waits for a step's outcome is left out."""
    known = {n: v if n in STEPS else _known(v) for n, v in values.items()}
    kept = {n: v for n, v in known.items() if v is not MISSING}
    return read_entry(kept, document, place)


def _known(value: object) -> object:
    if isinstance(value, str):
        return MISSING if has_placeholders(value) else value
    if isinstance(value, Mapping):
        every = cast("Mapping[str, object]", value).items()
        known = {name: _known(one) for name, one in every}
        return {name: one for name, one in known.items() if one is not MISSING}
    if isinstance(value, list):
        listed = [_known(one) for one in cast("list[object]", value)]
        return [one for one in listed if one is not MISSING]
    return value


def known_schedules(values: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The schedules that no step's outcome is needed for."""
    return [one for one in schedules_of(values) if not has_placeholders(one)]


def _steps(values: Mapping[str, Any], document: Document, name: str) -> Steps | None:
    """A deployment's own steps of a kind, or those of the whole file; None where there are neither."""
    found = values.get(name)
    if found is None:
        found = document.values.get(name)
    if isinstance(found, dict):
        found = cast("Any", [found])
    if found is None:
        return None
    if not isinstance(found, list):
        message = f"{document.where((name,))}: `{name}` is a list of steps, not {found!r}"
        raise ConfigurationError(message)
    for index, step in enumerate(cast("list[Any]", found)):
        if not isinstance(step, dict):
            message = f"{document.where((name, index))}: a step is a mapping, not {step!r}"
            raise ConfigurationError(message)
    return cast("Steps", found)
