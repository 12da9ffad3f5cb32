"""A Docker engine: the few requests that the kind needs, each with a time-out and its errors told."""

import contextlib
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, Final

from docker.errors import APIError, ImageNotFound, NotFound
from docker.utils import kwargs_from_env

from headrace.errors import InfrastructureError
from headrace.infrastructure.docker.api import Api, Document, open_api, status_code
from headrace.infrastructure.docker.failures import pull_failure, told
from headrace.infrastructure.docker.plan import ContainerPlan, Login, split_image

_SHORT = 15.0  # seconds for a short request; an engine under load may take several
_LONG = 3600.0  # seconds of silence in a stream: a pull, an output, the events
_DEFAULT_URL: Final = "unix:///var/run/docker.sock"
_CONFLICT, _NOT_MODIFIED = 409, 304

Labels = Mapping[str, str]


class Engine:
    """One engine, found as the `docker` command finds it. Thread-safe; connects when it is needed.

    Args:
        environment: Where `DOCKER_HOST` and its like are read; the process's own when not given.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        given = dict(environment) if environment is not None else None
        self._options: dict[str, Any] = dict(kwargs_from_env(environment=given))
        self.url = str(self._options.get("base_url") or _DEFAULT_URL)
        self._lock = threading.Lock()
        self._client: Api | None = None
        self._version = ""

    @property
    def is_here(self) -> bool:
        """Whether its containers can share this machine's own network."""
        return sys.platform == "linux" and self.url.startswith(("unix:", "http+unix:"))

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def identity(self) -> str:
        """What tells this engine from others, also after it was restarted."""
        with self._told("the engine cannot be asked"):
            return str(self._short().info()["ID"])

    # Images.

    def has_image(self, image: str) -> bool:
        """Whether the engine has an image."""
        with self._told(f"the image {image!r} cannot be looked up"):
            try:
                self._short().inspect_image(image)
            except ImageNotFound:
                return False
            return True

    def pull(self, image: str, login: Login | None, is_wanted: Callable[[], bool]) -> None:
        """Pull an image.

        Raises:
            InfrastructureUnavailable: It may work in a moment.
            InfrastructureError: There is no such image for us, or it is not wanted any more.
        """
        repository, tag = split_image(image)
        account = {"username": login.username, "password": login.password} if login else None
        with self._told(f"the image {image!r} cannot be pulled"), self._long() as client:
            try:
                steps = client.pull(
                    repository, tag or None, stream=True, decode=True, auth_config=account
                )
                for step in steps:
                    if "error" in step:
                        raise pull_failure(image, str(step["error"]))
                    if not is_wanted():
                        message = f"the image {image!r} is not wanted any more"
                        raise InfrastructureError(message)
            except APIError as error:
                raise pull_failure(image, str(error.explanation or error)) from None

    # Containers.

    def create(self, plan: ContainerPlan, labels: Labels) -> str:
        """Make a container, or find the one of this name and these labels; its id."""
        with self._told(f"the container {plan.name!r} cannot be made"):
            client = self._short()
            host = client.create_host_config(
                binds=list(plan.volumes) or None,
                network_mode=plan.network_mode or (plan.networks[0] if plan.networks else None),
                mem_limit=plan.memory,
                memswap_limit=plan.memory_and_swap,
                privileged=plan.privileged,
                extra_hosts=dict(plan.extra_hosts) or None,
            )
            try:
                made = client.create_container(
                    image=plan.image,
                    command=list(plan.command),
                    name=plan.name,
                    environment=dict(plan.environment),
                    labels={**plan.labels, **labels},
                    host_config=host,
                )
            except APIError as error:
                if status_code(error) != _CONFLICT:
                    raise
                return self._own(plan.name, labels)
            return str(made["Id"])

    def _own(self, name: str, labels: Labels) -> str:
        """The container of this name, if it is the attempt's."""
        found = self.inspect(name)
        if found is None:
            message = f"the container {name!r} is being removed; its attempt cannot start again"
            raise InfrastructureError(message)
        has: Mapping[str, str] = found["Config"].get("Labels") or {}
        if any(has.get(label) != value for label, value in labels.items()):
            message = f"another container is named {name!r}; remove it"
            raise InfrastructureError(message)
        return str(found["Id"])

    def join(self, container: str, network: str) -> None:
        """Put a container into one more network; into none twice."""
        with self._told(f"the container cannot join the network {network!r}"):
            found = self._short().inspect_container(container)
            if network not in found["NetworkSettings"]["Networks"]:
                self._short().connect_container_to_network(container, network)

    def start(self, container: str, wait: float) -> None:
        """Start a container; nothing where it was started before.

        Args:
            container: Its id.
            wait: Seconds that this may take.
        """
        with self._told("the container cannot be started"), self._long(wait) as client:
            try:
                client.start(container)
            except APIError as error:
                if status_code(error) != _NOT_MODIFIED:
                    raise

    def inspect(self, container: str) -> Document | None:
        """All that is known of a container by id or name; None when there is none."""
        with self._told("the container cannot be looked at"):
            try:
                return self._short().inspect_container(container)
            except NotFound:
                return None

    def listed(self, labels: Labels) -> list[Document]:
        """The containers that have all these labels, whatever their state."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        with self._told("the containers cannot be listed"):
            return self._short().containers(all=True, filters={"label": wanted})

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container; nothing where it does not run."""
        with self._told("the container cannot be stopped"):
            try:
                self._short().kill(container, name)
            except NotFound:
                return
            except APIError as error:
                if status_code(error) != _CONFLICT:
                    raise  # a conflict: it does not run any more

    def remove(self, container: str) -> None:
        """Remove a container with what it wrote; nothing where there is none."""
        with self._told("the container cannot be removed"):
            try:
                self._short().remove_container(container, v=True, force=True)
            except NotFound:
                return
            except APIError as error:
                if status_code(error) != _CONFLICT:
                    raise  # a conflict: it is being removed already

    # Outputs and events.

    def last_lines(self, container: str, count: int) -> list[str]:
        """The last lines of both outputs of a container; none where it is gone."""
        with self._told("the container's output cannot be read"):
            try:
                raw: bytes = self._short().logs(container, tail=count)
            except NotFound:
                return []
            return raw.decode("utf-8", "replace").splitlines()

    @contextlib.contextmanager
    def printing(self, container: str, since: float, *, follow: bool) -> Generator[Iterable[bytes]]:
        """What a container prints, each part after its time: fixed digits, UTC, and a space.

        Args:
            container: Its id.
            since: From this moment on, seconds since the epoch; 0 is from the beginning.
            follow: Until it ends; else what there is now.
        """
        with self._told("the container's output cannot be read"), self._long() as client:
            options = {"stream": True, "follow": follow, "timestamps": True}
            stream = client.logs(container, **options, **({"since": since} if since else {}))
            with contextlib.closing(stream):
                yield stream

    @contextlib.contextmanager
    def watching(self, labels: Labels) -> Generator[Iterable[Document]]:
        """The ends of containers that have these labels, as they happen. Closing it ends it."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        filters = {"type": "container", "event": "die", "label": wanted}
        with self._told("the engine's events cannot be read"), self._long() as client:
            stream = client.events(decode=True, filters=filters)
            with contextlib.closing(stream):
                yield stream

    def _told(self, what: str) -> contextlib.AbstractContextManager[None]:
        return told(what, self.url)

    def _short(self) -> Api:
        with self._lock:
            if self._client is None:
                self._client = open_api(self._options, "auto", _SHORT)
                self._version = self._client.api_version
            return self._client

    @contextlib.contextmanager
    def _long(self, timeout: float = _LONG) -> Generator[Api]:
        """A client of its own, so that a stream holds up nobody."""
        self._short()
        client = open_api(self._options, self._version, timeout)
        with contextlib.closing(client):
            yield client
