"""From a job configuration to the container that shall run. Pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast
from urllib.parse import urlsplit, urlunsplit

from headrace.core.image_names import is_moving
from headrace.core.sdks import Sdk
from headrace.errors import InfrastructureError
from headrace.infrastructure.containers import COMMANDS
from headrace.infrastructure.contract import Job

CONTRACT_IMAGE: Final = "prefecthq/prefect:3-latest"
"""The image of the contract's own SDK, for its deployments that name none."""

GATEWAY: Final = "host.docker.internal"
"""The name by which a container finds the machine of its engine."""

_MEMORY = re.compile(r"-1|\d+(\.\d+)? ?[bkmg]?b?", re.IGNORECASE)
_API_URLS = ("HEADRACE_API_URL", "PREFECT_API_URL")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  # as in an address
_DEFAULT_WAIT = 60.0  # seconds that a container may take to be created and to start
_NAME_LENGTH = 40  # of the part that people chose; an engine takes 63 as a host name, all in all
_ID_LENGTH = 12  # of the run's id in a name: the engine's own short ids are as long


class PullPolicy(StrEnum):
    """When an image is pulled before a container is made from it."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    IF_POSSIBLE = "IfPossible"
    """Always, and what is there will do where that fails."""
    NEVER = "Never"


@dataclass(frozen=True, slots=True)
class Login:
    """How a private registry is read. Its text does not show the password."""

    username: str
    password: str
    registry: str

    def __repr__(self) -> str:
        return f"Login({self.username!r} at {self.registry!r})"


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """One container.

    Args:
        name: Its name, a function of run, attempt and what people call the run.
        image: Repository with tag or digest.
        command: What it executes.
        environment: All of it.
        labels: Names and values on it, ours excepted.
        pull: When the image is pulled.
        login: For pulling.
        network_mode: As the engine has it; None leaves it to the engine.
        networks: Networks that it joins; the first one at its creation.
        volumes: `from:to[:mode]`, as the engine has it.
        memory: Its limit, as the engine has it (`512m`).
        memory_and_swap: The same with swap.
        privileged: Whether it may do all that its engine may.
        removed: Whether it is removed as soon as its end is told.
        extra_hosts: Names that it finds, besides those of its networks.
        wait: Seconds that it may take to be created and to start.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    pull: PullPolicy
    login: Login | None
    network_mode: str | None
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    memory: str | None
    memory_and_swap: str | None
    privileged: bool
    removed: bool
    extra_hosts: Mapping[str, str]
    wait: float


def plan_container(job: Job, *, is_linux: bool) -> ContainerPlan:
    """The container of a job.

    Args:
        job: The job; its configuration is that of the `docker` template.
        is_linux: The engine runs on Linux itself, not in a virtual machine on a desktop.

    Raises:
        InfrastructureError: A value cannot be used; the message names it.
    """
    said = job.configuration
    network_mode = _text(said, "network_mode")
    networks = _texts(said, "networks")
    if network_mode and networks:
        message = (
            f"the job asks for network_mode {network_mode!r} and for networks {list(networks)!r}; "
            "an engine takes one or the other"
        )
        raise InfrastructureError(message)
    environment = {**job.settings, **_mapping(said, "env"), **job.environment}
    told = {name: value for name, value in environment.items() if value is not None}
    if is_linux and not network_mode and not networks and _calls_loopback(told):
        # A server that listens on loopback is reached from its machine's own network only.
        network_mode = "host"
    hosts: dict[str, str] = {}
    if network_mode != "host" and _calls_loopback(told):
        told |= {name: _beyond(told[name]) for name in _API_URLS if name in told}
        hosts = {GATEWAY: "host-gateway"} if network_mode != "none" else {}
    image = _image(said, job.sdk)
    return ContainerPlan(
        name=_name(_text(said, "name") or job.name, job),
        image=image,
        command=_command(said.get("command")) or COMMANDS[job.sdk],
        environment=told,
        labels={k: v for k, v in _mapping(said, "labels").items() if v is not None},
        pull=_pull_policy(_text(said, "image_pull_policy"), image),
        login=_login(said.get("registry_credentials")),
        network_mode=network_mode,
        networks=networks,
        volumes=_texts(said, "volumes"),
        memory=_memory(said, "mem_limit"),
        memory_and_swap=_memory(said, "memswap_limit"),
        privileged=said.get("privileged") is True,
        removed=said.get("auto_remove") is True,
        extra_hosts=hosts,
        wait=_seconds(said.get("container_wait_timeout")),
    )


def _pull_policy(value: str | None, image: str) -> PullPolicy:
    """What is asked for; else by the tag, which may move where it is `latest`."""
    if value is None:
        return PullPolicy.ALWAYS if is_moving(image) else PullPolicy.IF_NOT_PRESENT
    try:
        return PullPolicy(value)
    except ValueError:
        known = ", ".join(PullPolicy)
        message = f"the job's 'image_pull_policy' is {value!r}; give one of {known}"
        raise InfrastructureError(message) from None


def _image(said: Mapping[str, object], sdk: Sdk) -> str:
    image = _text(said, "image")
    if image:
        return image
    if sdk is Sdk.PREFECT:
        return CONTRACT_IMAGE
    message = (
        "the job names no image; make one with `headrace image build` and give it as the job "
        "variable 'image'"
    )
    raise InfrastructureError(message)


def _name(wished: str, job: Job) -> str:
    plain = re.sub(r"[^a-zA-Z0-9_.-]+", "-", wished)[:_NAME_LENGTH].strip("-_.") or "run"
    return f"{plain}-{job.run_id.replace('-', '')[:_ID_LENGTH]}-{job.epoch}"


def _calls_loopback(environment: Mapping[str, str]) -> bool:
    return any(_is_loopback(environment.get(name, "")) for name in _API_URLS)


def _is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def _beyond(url: str) -> str:
    """The same address as a container sees it."""
    if not _is_loopback(url):
        return url
    parts = urlsplit(url)
    host = GATEWAY if parts.port is None else f"{GATEWAY}:{parts.port}"
    return urlunsplit(parts._replace(netloc=host))


def _command(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(part) for part in cast("list[object]", value))
    if not value:
        return ()
    try:
        return tuple(shlex.split(str(value)))
    except ValueError as error:
        message = f"the job's 'command' {value!r} cannot be split into words: {error}"
        raise InfrastructureError(message) from None


def _login(value: object) -> Login | None:
    if not value:
        return None
    if not isinstance(value, Mapping):
        message = (
            "the job's 'registry_credentials' are no credentials: give a block of the type "
            "docker-registry-credentials, or username, password and registry_url"
        )
        raise InfrastructureError(message)
    given = cast("Mapping[str, object]", value)
    missing = [name for name in ("username", "password", "registry_url") if not given.get(name)]
    if missing:
        message = f"the job's 'registry_credentials' have no {' and no '.join(missing)}"
        raise InfrastructureError(message)
    return Login(str(given["username"]), str(given["password"]), str(given["registry_url"]))


def _seconds(value: object) -> float:
    if value is None:
        return _DEFAULT_WAIT
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        message = f"the job's 'container_wait_timeout' is {value!r}; give seconds, more than 0"
        raise InfrastructureError(message)
    return float(value)


def _text(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return None if value is None or value == "" else str(value)


def _memory(said: Mapping[str, object], name: str) -> str | None:
    """An amount of memory, as the engine has it."""
    value = _text(said, name)
    if value is not None and not _MEMORY.fullmatch(value):
        message = f"the job's {name!r} is {value!r}; give a number with a unit, as in 512m or 2g"
        raise InfrastructureError(message)
    return value


def _texts(said: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = said.get(name)
    if not value:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        message = f"the job's {name!r} are {value!r}; give a list"
        raise InfrastructureError(message)
    return tuple(str(one) for one in cast("Sequence[object]", value))


def _mapping(said: Mapping[str, object], name: str) -> dict[str, str | None]:
    value = said.get(name)
    if not value:
        return {}
    if not isinstance(value, Mapping):
        message = f"the job's {name!r} is {value!r}; give it as names and values"
        raise InfrastructureError(message)
    items = cast("Mapping[object, object]", value)
    return {str(k): None if v is None else str(v) for k, v in items.items()}
