"""What is used of the engine's SDK, typed; its own hints leave the answers open."""

from collections.abc import Generator, Mapping
from typing import Any, Protocol, cast

from docker import APIClient

Document = Mapping[str, Any]


class Transfer(Protocol):
    """An image's way from or to a registry, step by step."""

    def __call__(
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

    def close(self) -> None: ...
    def info(self) -> Document: ...
    def inspect_image(self, image: str) -> Document: ...
    @property
    def pull(self) -> Transfer: ...
    @property
    def push(self) -> Transfer: ...
    def build(self, *, tag: str, decode: bool, **options: object) -> Generator[Document]: ...
    def create_host_config(self, **options: object) -> Document: ...
    def create_container(self, image: str, **options: object) -> Document: ...
    def inspect_container(self, container: str) -> Document: ...
    def connect_container_to_network(self, container: str, net_id: str) -> None: ...
    def start(self, container: str) -> None: ...
    def containers(self, *, all: bool, filters: Mapping[str, object]) -> list[Document]: ...  # noqa: A002  # as the SDK has it
    def kill(self, container: str, signal: str) -> None: ...
    def remove_container(self, container: str, *, v: bool, force: bool) -> None: ...
    def logs(self, container: str, **options: object) -> Any: ...
    def events(self, *, decode: bool, filters: Mapping[str, object]) -> Any: ...


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
