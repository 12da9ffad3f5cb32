"""Images of a Docker engine: looked up, pulled, built and pushed."""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from typing import Any

from docker.errors import APIError, ImageNotFound

from headrace.core.image_names import split_image
from headrace.errors import ImageFailed, InfrastructureError
from headrace.infrastructure.docker.api import Document
from headrace.infrastructure.docker.connection import Connection
from headrace.infrastructure.docker.failures import pull_failure
from headrace.infrastructure.docker.plan import Login

_BUILD = 600.0  # seconds of silence: a step of a build that says nothing for longer is dead

Say = Callable[[str], object]


class Images:
    """The images of an engine.

    Args:
        connection: To the engine.
    """

    def __init__(self, connection: Connection) -> None:
        self._at = connection

    def has(self, image: str) -> bool:
        """Whether the engine has an image."""
        with self._at.told(f"the image {image!r} cannot be looked up"):
            try:
                self._at.short().inspect_image(image)
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
        if tag is None and "@" not in image:
            tag = "latest"
        account = {"username": login.username, "password": login.password} if login else None
        with self._at.told(f"the image {image!r} cannot be pulled"), self._at.long() as client:
            try:
                steps = client.pull(repository, tag, stream=True, decode=True, auth_config=account)
                for step in steps:
                    if "error" in step:
                        raise pull_failure(image, str(step["error"]))
                    if not is_wanted():
                        message = f"the image {image!r} is not wanted any more"
                        raise InfrastructureError(message)
            except APIError as error:
                raise pull_failure(image, str(error.explanation or error)) from None

    def build(self, image: str, options: Mapping[str, Any], say: Say) -> str:
        """Build an image; its id.

        Args:
            image: Its name and tag.
            options: The engine's own: `path`, `dockerfile`, `buildargs`, `platform`, …
            say: Takes the engine's progress, with its line breaks.

        Raises:
            ImageFailed: A step failed, or there is no such option.
            InfrastructureError: The engine refuses, or cannot be reached.
        """
        failed = f"the image {image} could not be built"
        with self._at.told(failed), self._at.long(_BUILD) as client:
            try:
                steps = client.build(tag=image, decode=True, **options)
            except TypeError as error:  # the SDK's, for an option that it does not have
                message = f"{failed}: {error}"
                raise ImageFailed(message) from None
            _follow(steps, failed, say)
            return str(client.inspect_image(image)["Id"])

    def push(self, image: str, login: Mapping[str, str] | None, say: Say) -> None:
        """Push an image to its registry.

        Args:
            image: Its name and tag.
            login: For the registry, as the SDK has it; what `docker login` has stored where None.
            say: Takes the engine's progress, with its line breaks.

        Raises:
            ImageFailed: The registry refuses.
            InfrastructureError: The engine refuses, or cannot be reached.
        """
        repository, tag = split_image(image)
        failed = f"the image {image} could not be pushed"
        with self._at.told(failed), self._at.long(_BUILD) as client:
            steps = client.push(repository, tag, stream=True, decode=True, auth_config=login)
            _follow(steps, failed, say)


@contextmanager
def open_images() -> Generator[Images]:
    """The images of the engine that the environment names."""
    with closing(Connection()) as connection:
        yield Images(connection)


def _follow(steps: Iterable[Document], failed: str, say: Say) -> None:
    for step in steps:
        if step.get("error"):
            message = f"{failed}: {step['error']}"
            raise ImageFailed(message)
        text = step.get("stream") or _status(step)
        if text:
            say(str(text))


def _status(step: Document) -> str:
    """A line of a push that says something new, rather than how many bytes are through."""
    if "status" not in step or step.get("progressDetail"):
        return ""
    return f"{step.get('id', '')} {step['status']}".strip() + "\n"
