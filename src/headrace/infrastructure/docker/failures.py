"""What goes wrong between the worker and an engine, as errors that say what to do."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import requests
import urllib3
from docker.errors import APIError, DockerException

from headrace.errors import InfrastructureError, InfrastructureUnavailable
from headrace.infrastructure.docker.api import status_code

_BUSY: Final = frozenset({429, 502, 503, 504})  # a proxy's or a registry's: later it may work

_FULL: Final = "no space left on device"

# What registries and networks say when it may work in a moment; else a pull fails for good.
_TRANSIENT: Final = (
    "timeout",
    "timed out",
    "toomanyrequests",
    "too many requests",
    "connection refused",
    "connection reset",
    "no such host",
    "temporary failure",
    "server misbehaving",
    "unexpected eof",
    "service unavailable",
    "bad gateway",
    "internal server error",
)


@contextmanager
def told(what: str, engine: str) -> Generator[None]:
    """Raise what the engine's SDK raises as our own errors.

    Args:
        what: What was tried: "the container x cannot be made".
        engine: Where the engine is.

    Raises:
        InfrastructureUnavailable: The engine cannot be reached, or is busy.
        InfrastructureError: It refuses.
    """
    try:
        yield
    except APIError as error:
        message = f"{what}: {_with_advice(_said(error))}"
        if status_code(error) in _BUSY:
            raise InfrastructureUnavailable(message) from None
        raise InfrastructureError(message) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
        raise _unreachable(engine, error) from None
    except DockerException as error:
        if _is_about_reaching(error):
            raise _unreachable(engine, error) from None
        message = f"{what}: {error}"
        raise InfrastructureError(message) from None


def pull_failure(image: str, said: str) -> InfrastructureError:
    """The error for a pull that did not go well, from what the engine said."""
    message = f"the image {image!r} cannot be pulled: {said}"
    if any(words in said.lower() for words in _TRANSIENT):
        return InfrastructureUnavailable(message)
    if _FULL in said:
        return InfrastructureError(_with_advice(message))
    return InfrastructureError(
        f"{message}; look at its name and tag, and give 'registry_credentials' where it is private"
    )


def _said(error: APIError) -> str:
    return str(error.explanation or error).strip()


def _with_advice(said: str) -> str:
    """What the engine said, and what to do where that is not in it."""
    if _FULL not in said:
        return said
    return f"{said}; the disk of the engine's machine is full: make room (`docker system prune`)"


def _unreachable(engine: str, error: Exception) -> InfrastructureUnavailable:
    message = (
        f"the Docker engine at {engine} does not answer ({_root(error)}); start it, or say where "
        "it is with DOCKER_HOST"
    )
    return InfrastructureUnavailable(message)


def _is_about_reaching(error: DockerException) -> bool:
    return isinstance(error.__context__ or error.__cause__, requests.RequestException | OSError)


def _root(error: BaseException) -> str:
    """The innermost cause: what the system said."""
    seen: BaseException = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return str(seen) or type(seen).__name__
