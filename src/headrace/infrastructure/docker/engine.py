"""A Docker engine: the few requests that the kind needs, each with a time-out and its errors told."""

import contextlib
from collections.abc import Generator, Iterable, Mapping

from docker.errors import APIError, NotFound

from headrace.errors import InfrastructureError
from headrace.infrastructure.docker.api import Document, status_code
from headrace.infrastructure.docker.connection import Connection
from headrace.infrastructure.docker.images import Images
from headrace.infrastructure.docker.plan import ContainerPlan

_CONFLICT, _NOT_MODIFIED = 409, 304

Labels = Mapping[str, str]


class Engine:
    """One engine, found as the `docker` command finds it. Thread-safe; connects when it is needed.

    Args:
        environment: Where `DOCKER_HOST` and its like are read; the process's own when not given.
    """

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._at = Connection(environment)
        self.images = Images(self._at)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._at.url

    @property
    def is_here(self) -> bool:
        """Whether its containers can share this machine's own network."""
        return self._at.is_here

    def close(self) -> None:
        """Close the connections."""
        self._at.close()

    def identity(self) -> str:
        """What tells this engine from others, also after it was restarted."""
        with self._at.told("the engine cannot be asked"):
            return str(self._at.short().info()["ID"])

    # Containers.

    def create(self, plan: ContainerPlan, labels: Labels) -> str:
        """Make a container, or find the one of this name and these labels; its id."""
        with self._at.told(f"the container {plan.name!r} cannot be made"):
            client = self._at.short()
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
        with self._at.told(f"the container cannot join the network {network!r}"):
            found = self._at.short().inspect_container(container)
            if network not in found["NetworkSettings"]["Networks"]:
                self._at.short().connect_container_to_network(container, network)

    def start(self, container: str, wait: float) -> None:
        """Start a container; nothing where it was started before.

        Args:
            container: Its id.
            wait: Seconds that this may take.
        """
        with self._at.told("the container cannot be started"), self._at.long(wait) as client:
            try:
                client.start(container)
            except APIError as error:
                if status_code(error) != _NOT_MODIFIED:
                    raise

    def inspect(self, container: str) -> Document | None:
        """All that is known of a container by id or name; None when there is none."""
        with self._at.told("the container cannot be looked at"):
            try:
                return self._at.short().inspect_container(container)
            except NotFound:
                return None

    def listed(self, labels: Labels) -> list[Document]:
        """The containers that have all these labels, whatever their state."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        with self._at.told("the containers cannot be listed"):
            return self._at.short().containers(all=True, filters={"label": wanted})

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container; nothing where it does not run."""
        with self._at.told("the container cannot be stopped"):
            try:
                self._at.short().kill(container, name)
            except NotFound:
                return
            except APIError as error:
                if status_code(error) != _CONFLICT:
                    raise  # a conflict: it does not run any more

    def remove(self, container: str) -> None:
        """Remove a container with what it wrote; nothing where there is none."""
        with self._at.told("the container cannot be removed"):
            try:
                self._at.short().remove_container(container, v=True, force=True)
            except NotFound:
                return
            except APIError as error:
                if status_code(error) != _CONFLICT:
                    raise  # a conflict: it is being removed already

    # Outputs and events.

    def last_lines(self, container: str, count: int) -> list[str]:
        """The last lines of both outputs of a container; none where it is gone."""
        with self._at.told("the container's output cannot be read"):
            try:
                raw: bytes = self._at.short().logs(container, tail=count)
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
        with self._at.told("the container's output cannot be read"), self._at.long() as client:
            options = {"stream": True, "follow": follow, "timestamps": True}
            stream = client.logs(container, **options, **({"since": since} if since else {}))
            with contextlib.closing(stream):
                yield stream

    @contextlib.contextmanager
    def watching(self, labels: Labels) -> Generator[Iterable[Document]]:
        """The ends of containers that have these labels, as they happen. Closing it ends it."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        filters = {"type": "container", "event": "die", "label": wanted}
        with self._at.told("the engine's events cannot be read"), self._at.long() as client:
            stream = client.events(decode=True, filters=filters)
            with contextlib.closing(stream):
                yield stream
