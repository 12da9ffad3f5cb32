"""What is used of the engine's SDK, typed; its own hints leave the answers open."""

from collections.abc import Generator, Mapping
from typing import Any, Protocol, cast

from docker import APIClient

Document = Mapping[str, Any]


class Transfer(Protocol):
    """An image's way from or to a registry, step by step."""

    def __call__(  # noqa: D102
        self,
        repository: str,
        tag: str | None,
        *,
        stream: bool,
        decode: bool,
        auth_config: Mapping[str, str] | None,
    ) -> Generator[Document]: ...


class Api(Protocol):
    """Requests to an engine. All raise the SDK's errors."""

    @property
    def api_version(self) -> str:
        """The version of the engine's API that is spoken."""
        ...

    def close(self) -> None: ...  # noqa: D102  # as in the SDK, like all below
    def info(self) -> Document: ...  # noqa: D102
    def inspect_image(self, image: str) -> Document: ...  # noqa: D102
    @property
    def pull(self) -> Transfer: ...  # noqa: D102
    @property
    def push(self) -> Transfer: ...  # noqa: D102
    def build(self, *, tag: str, decode: bool, **options: object) -> Generator[Document]: ...  # noqa: D102
    def create_host_config(self, **options: object) -> Document: ...  # noqa: D102
    def create_container(self, image: str, **options: object) -> Document: ...  # noqa: D102
    def inspect_container(self, container: str) -> Document: ...  # noqa: D102
    def connect_container_to_network(self, container: str, net_id: str) -> None: ...  # noqa: D102
    def start(self, container: str) -> None: ...  # noqa: D102
    def containers(self, *, all: bool, filters: Mapping[str, object]) -> list[Document]: ...  # noqa: A002, D102
    def kill(self, container: str, signal: str) -> None: ...  # noqa: D102
    def remove_container(self, container: str, *, v: bool, force: bool) -> None: ...  # noqa: D102
    def logs(self, container: str, **options: object) -> Any: ...  # noqa: D102
    def events(self, *, decode: bool, filters: Mapping[str, object]) -> Any: ...  # noqa: D102


def open_api(options: Mapping[str, Any], version: str, timeout: float) -> Api:
    """Connect to an engine.

    Args:
        options: Where it is, and how it is spoken to.
        version: Of its API; `auto` asks it.
        timeout: Seconds of silence in any answer.
    """
    return cast("Api", APIClient(**options, version=version, timeout=max(1, round(timeout))))


def status_code(error: Exception) -> int:
    """The HTTP status of a refusal; 0 where there was none."""
    response = getattr(error, "response", None)
    return int(getattr(response, "status_code", 0) or 0)
