"""A deployment as Python describes it, before the API has it."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from headrace.client.default import default_client
from headrace.client.deployments import create_deployment
from headrace.client.flows import create_flow
from headrace.client.http import Client
from headrace.core.misfires import Policy
from headrace.deployments.bundling import Uploads
from headrace.deployments.flow_sources import flow_from_source
from headrace.deployments.parameter_schema import describe_parameters
from headrace.deployments.schedule_lists import Seconds, list_schedules
from headrace.deployments.triggers import make_automation, replace_triggers
from headrace.engine.entrypoints import load_flow
from headrace.errors import ConfigurationError, NotImplementedYet, ValidationFailed
from headrace.schedules import Misfire, Schedule
from headrace.sources.storages import SET_DIRECTORY, RunnerStorage
from headrace.wire.automations import AutomationCreate
from headrace.wire.deployments import (
    ConcurrencyLimitStrategy,
    ConcurrencyOptions,
    DeploymentCreate,
    DeploymentScheduleCreate,
    VersionInfo,
)
from headrace.wire.flows import FlowCreate


@dataclass(frozen=True, slots=True)
class Image:
    """The image of a deployment's containers.

    Args:
        reference: Name and tag.
        directory: Where the code lies in it; None where runs fetch it.
    """

    reference: str
    directory: str | None = None


@dataclass(kw_only=True)
class RunnerDeployment:
    """What a flow is to be run as: when, with which parameters, and where.

    Args:
        name: Names it among the flow's deployments.
        flow_name: The flow.
        entrypoint: Where to load the flow from: `path/file.py:name`, relative to `path`, or
            `module:name`.
        path: The directory of the code.
        description: For people; the flow's when not given.
        version: A text of yours; the flow's when not given.
        tags: Of the deployment and its runs.
        schedules: When it runs by itself.
        concurrency_limit: Runs at once, over all workers.
        collision_strategy: What becomes of a run beyond that: ENQUEUE or CANCEL_NEW.
        paused: Whether its schedules make no runs.
        parameters: Of its runs, where a run has no others.
        parameter_schema: The JSON schema of the flow's parameters.
        enforce_parameter_schema: Whether runs whose parameters do not fit are refused.
        work_pool_name: The pool that runs it; None for one that is served.
        work_queue_name: The pool's queue; None is its default.
        job_variables: Values for the pool's job template.
        storage: Where its runs get the code from; without one a pool's runs get what is in `path` now.
        triggers: Events that make a run of it, in place of those it had; none leaves those.
    """

    name: str
    flow_name: str
    entrypoint: str
    path: str = "."
    description: str | None = None
    version: str | None = None
    tags: list[str] = field(default_factory=list[str])
    schedules: list[DeploymentScheduleCreate] = field(
        default_factory=list[DeploymentScheduleCreate]
    )
    concurrency_limit: int | None = None
    collision_strategy: str | None = None
    paused: bool = False
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    parameter_schema: dict[str, Any] | None = None
    enforce_parameter_schema: bool = True
    work_pool_name: str | None = None
    work_queue_name: str | None = None
    job_variables: dict[str, Any] = field(default_factory=dict[str, Any])
    storage: RunnerStorage | None = None
    triggers: list[AutomationCreate] = field(default_factory=list[AutomationCreate])

    @property
    def is_installed(self) -> bool:
        """Whether the code is a module of an installed distribution, which is not of `path`."""
        module = self.entrypoint.partition(":")[0]
        if module.endswith(".py"):
            return False
        spec = find_spec(module)
        origin = Path(spec.origin) if spec is not None and spec.origin else None
        return origin is not None and not origin.is_relative_to(Path(self.path).resolve())

    @property
    def full_name(self) -> str:
        """`flow/deployment`, as the command line takes it."""
        return f"{self.flow_name}/{self.name}"

    @classmethod
    def from_flow(
        cls,
        flow: Any,
        name: str,
        interval: Seconds | Iterable[Seconds] | None = None,
        cron: str | Iterable[str] | None = None,
        rrule: str | Iterable[str] | None = None,
        *,
        paused: bool | None = None,
        schedule: Schedule | None = None,
        schedules: Iterable[Schedule | Mapping[str, Any]] | None = None,
        misfire: Misfire | Policy | None = None,
        concurrency_limit: Any = None,
        parameters: dict[str, Any] | None = None,
        triggers: Sequence[Mapping[str, Any]] | None = None,
        description: str | None = None,
        tags: list[str] | None = None,
        version: str | None = None,
        version_type: str | None = None,
        enforce_parameter_schema: bool = True,
        work_pool_name: str | None = None,
        work_queue_name: str | None = None,
        job_variables: dict[str, Any] | None = None,
        entrypoint_type: str = "file_path",
        _sla: object = None,
    ) -> Self:
        """The deployment of a flow whose code is on this machine.

        Raises:
            ConfigurationError: The schedules, the limit or the flow's place make no sense.
            NotImplementedYet: Service levels and version types come later.
        """
        _refuse_later(_sla=_sla, version_type=version_type)
        limit, strategy = read_limit(concurrency_limit)
        storage: RunnerStorage | None = flow.storage
        if storage is None:
            path, entrypoint = locate(flow, as_module=str(entrypoint_type).endswith("module_path"))
        else:
            path, entrypoint = ".", flow.entrypoint
        return cls(
            name=checked_name(name),
            flow_name=flow.name,
            entrypoint=entrypoint,
            path=path,
            description=description or flow.description,
            version=version or flow.version,
            tags=list(tags or []),
            schedules=list_schedules(
                interval=interval,
                cron=cron,
                rrule=rrule,
                schedule=schedule,
                schedules=schedules,
                misfire=misfire,
            ),
            concurrency_limit=limit,
            collision_strategy=strategy,
            paused=bool(paused),
            parameters=dict(parameters or {}),
            parameter_schema=describe_parameters(flow.fn),
            enforce_parameter_schema=enforce_parameter_schema,
            work_pool_name=work_pool_name,
            work_queue_name=work_queue_name,
            job_variables=dict(job_variables or {}),
            storage=storage,
            triggers=_read_triggers(triggers or (), name),
        )

    @classmethod
    def from_entrypoint(cls, entrypoint: str, name: str, *args: Any, **options: Any) -> Self:
        """The deployment of the flow at `path/file.py:name` or `module:name`.

        Args:
            entrypoint: Where the flow is.
            name: The deployment's name.
            args: As of `from_flow`.
            options: As above; and `flow_name`, instead of the flow's own.
        """
        flow_name = options.pop("flow_name", None)
        made = cls.from_flow(load_flow(entrypoint), name, *args, **options)
        return replace(made, flow_name=flow_name) if flow_name else made

    @classmethod
    def from_storage(
        cls, storage: RunnerStorage, entrypoint: str, name: str, *args: Any, **options: Any
    ) -> Self:
        """The deployment of a flow whose code a storage has.

        The code is brought here once, to learn the flow's name and parameters.

        Args:
            storage: Where the code is.
            entrypoint: Where in it the flow is.
            name: The deployment's name.
            args: As of `from_flow`.
            options: As above; and `flow_name`, instead of the flow's own.
        """
        flow_name = options.pop("flow_name", None)
        made = cls.from_flow(flow_from_source(storage, entrypoint), name, *args, **options)
        return replace(made, flow_name=flow_name) if flow_name else made

    def apply(
        self,
        schedules: Iterable[Schedule | Mapping[str, Any]] | None = None,
        work_pool_name: str | None = None,
        image: str | None = None,
    ) -> UUID:
        """Register it with the configured API, or change the one of this name; its id.

        Args:
            schedules: Instead of its own.
            work_pool_name: The pool that runs it, instead of its own.
            image: What its containers are made from.

        Raises:
            ConfigurationError: A schedule makes no sense.
            HeadraceError: The API refuses, or does not answer.
        """
        chosen = self
        if schedules is not None:
            chosen = replace(self, schedules=list_schedules(schedules=schedules))
        made_from = Image(image) if image else None
        return chosen.register(default_client(), work_pool_name, image=made_from)

    def register(
        self,
        client: Client,
        work_pool_name: str | None = None,
        uploads: Uploads | None = None,
        image: Image | None = None,
    ) -> UUID:
        """Register it with an API, or change the one of this name; its id.

        Args:
            client: The API.
            work_pool_name: The pool that runs it, instead of its own.
            uploads: What was uploaded with others that are registered now.
            image: What its containers are made from.

        Raises:
            HeadraceError: The API refuses, or does not answer.
        """
        flow = create_flow(client, FlowCreate(name=self.flow_name))
        body = self._body(flow.id, work_pool_name or self.work_pool_name)
        if image is not None:
            body.job_variables = {**body.job_variables, "image": image.reference}
        if self.storage is not None:
            steps = self.storage.to_pull_step()
            body.pull_steps = steps if isinstance(steps, list) else [steps]
        elif body.work_pool_name is None:
            body.path = self.path
        elif image is not None and image.directory is not None:
            body.pull_steps = [{SET_DIRECTORY: {"directory": image.directory}}]
        elif not self.is_installed:
            body.pull_steps = [(uploads or Uploads(client)).step_for(self.path)]
        made = create_deployment(client, body)
        if self.triggers:
            replace_triggers(client, made.id, self.triggers)
        return made.id

    def _body(self, flow_id: UUID, pool: str | None) -> DeploymentCreate:
        options = None
        if self.collision_strategy is not None:
            options = ConcurrencyOptions(
                collision_strategy=ConcurrencyLimitStrategy(self.collision_strategy)
            )
        body = DeploymentCreate(
            name=self.name,
            flow_id=flow_id,
            entrypoint=self.entrypoint,
            description=self.description,
            version=self.version,
            tags=self.tags,
            schedules=self.schedules,
            concurrency_limit=self.concurrency_limit,
            concurrency_options=options,
            paused=self.paused,
            parameters=self.parameters,
            parameter_openapi_schema=self.parameter_schema,
            enforce_parameter_schema=self.enforce_parameter_schema,
            work_pool_name=pool,
            work_queue_name=self.work_queue_name,
            job_variables=self.job_variables,
        )
        if self.version is not None:
            body.version_info = VersionInfo(type="prefect:simple", version=self.version)
        return body


deployment_of = RunnerDeployment.from_flow
"""What `flow.to_deployment` calls."""


def _read_triggers(given: Sequence[Mapping[str, Any]], name: str) -> list[AutomationCreate]:
    made: list[AutomationCreate] = []
    for number, one in enumerate(given):
        if not isinstance(one, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # what a user may write
            message = f"trigger {number + 1} of {name!r} is {one!r}: write a mapping as in a deployment file"
            raise ConfigurationError(message)
        try:
            made.append(make_automation(one, name, number))
        except ValidationFailed as error:
            message = f"trigger {number + 1} of {name!r} cannot be used: {error}"
            raise ConfigurationError(message) from None
    return made


def read_limit(value: Any) -> tuple[int | None, str | None]:
    """Limit and strategy out of a number, or of an object with `limit` and `collision_strategy`.

    Raises:
        ConfigurationError: It is neither.
    """
    if value is None:
        return None, None
    limit = getattr(value, "limit", value)
    strategy = getattr(value, "collision_strategy", None)
    if not isinstance(limit, int) or isinstance(limit, bool) or limit <= 0:
        message = f"a concurrency limit is a whole number above 0; this is {value!r}"
        raise ConfigurationError(message)
    return limit, None if strategy is None else str(getattr(strategy, "value", strategy))


def checked_name(name: str) -> str:
    """A deployment's name; a file name stands for what it is called.

    Raises:
        ConfigurationError: It has a character that names may not have.
    """
    banned = sorted(set(name) & set("/%&><"))
    if not name or banned:
        message = f"a deployment's name must not be empty or have {banned}; it is {name!r}"
        raise ConfigurationError(message)
    return name


def locate(flow: Any, *, as_module: bool = False) -> tuple[str, str]:
    """The directory of a flow's code, and its entrypoint relative to that.

    Raises:
        ConfigurationError: The flow is in no file, as in an interactive session.
    """
    if as_module:
        return ".", f"{flow.fn.__module__}:{flow.fn.__qualname__}"
    place, _, name = str(flow.entrypoint).rpartition(":")
    if not place.endswith(".py"):
        message = (
            f"the flow {flow.name!r} is in no file that another process could load it from "
            f"({flow.entrypoint}); put it into one"
        )
        raise ConfigurationError(message)
    if "<locals>" in name:
        message = (
            f"the flow {flow.name!r} is made inside a function ({name}); another process can only "
            "load one that is at the top of its file"
        )
        raise ConfigurationError(message)
    absolute = Path(place).resolve()
    try:
        return ".", f"{absolute.relative_to(Path.cwd())}:{name}"
    except ValueError:
        return os.fspath(absolute.parent), f"{absolute.name}:{name}"


def _refuse_later(**values: object) -> None:
    for name, value in values.items():
        if value:
            message = f"{name.strip('_')} of a deployment cannot be given yet; leave it out"
            raise NotImplementedYet(message)
