"""Images that hold a deployment's code: built, tagged and pushed through a Docker engine."""

import sys
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO, cast

from headrace import __version__
from headrace._bindings import load
from headrace.deployments.deployment import Image
from headrace.errors import ConfigurationError, ImageFailed
from headrace.settings import settings

CODE = "/opt/headrace"
"""The directory of an image below which code lies."""

GENERATED = "auto"
"""Stands for a Dockerfile that is made up here."""

ENGINE_SECONDS = (
    600  # for one answer of the engine; a step of a build that says nothing for longer is dead
)


class DockerImage:
    """An image for deployments.

    Args:
        name: With or without registry and namespace; the setting
            `deployments_default_docker_build_namespace` goes before one that has neither.
        tag: The moment when not given, neither here nor in the name.
        dockerfile: Its path; `auto` for one that adds this directory and its requirements to the image
            that `headrace image build` makes.
        stream_progress_to: Where what the engine says is written; None for nowhere.
        build_backend: Accepted for the contract; the engine builds as it is set up to.
        base: The image that a generated Dockerfile begins with.
        credentials: For the registry: a block or mapping with `username`, `password` and maybe
            `registry_url`; what `docker login` has stored when not given.
        build_kwargs: More of the engine's options: `platform`, `buildargs`, `nocache`, `labels`, …

    Raises:
        ConfigurationError: Two tags are given, or no usable name.
    """

    def __init__(
        self,
        name: str,
        tag: str | None = None,
        dockerfile: str = GENERATED,
        stream_progress_to: TextIO | None = sys.stdout,
        build_backend: str = "docker-py",
        *,
        base: str | None = None,
        credentials: Any = None,
        **build_kwargs: Any,
    ) -> None:
        bare, own_tag = split_reference(name)
        if tag and own_tag:
            message = f"the image has one tag: either {own_tag!r}, as in its name, or {tag!r}"
            raise ConfigurationError(message)
        namespace = settings().deployments_default_docker_build_namespace
        self.name = f"{namespace.rstrip('/')}/{bare}" if namespace and "/" not in bare else bare
        self.tag = tag or own_tag or _tag_of(datetime.now(UTC))
        self.dockerfile = dockerfile
        self.build_backend = build_backend
        self._base = base
        self._credentials = credentials
        self._progress = stream_progress_to
        self._build_kwargs = build_kwargs

    @property
    def reference(self) -> str:
        """Name and tag."""
        return f"{self.name}:{self.tag}"

    @property
    def directory(self) -> str:
        """Where a generated Dockerfile puts the code."""
        return f"{CODE}/{Path.cwd().name}"

    def build(self) -> str:
        """Build it from the working directory; its id.

        Raises:
            ImageFailed: The engine cannot be reached or refuses, or the build fails.
            ConfigurationError: The Docker extra is not installed, or there is no such Dockerfile.
        """
        with tempfile.TemporaryDirectory(prefix="headrace-image-") as folder:
            dockerfile = Path(self.dockerfile)
            if self.dockerfile == GENERATED:
                dockerfile = Path(folder) / "Dockerfile"
                dockerfile.write_text(self.generate_dockerfile())
            elif not dockerfile.is_file():
                message = f"there is no Dockerfile {dockerfile.resolve()}"
                raise ConfigurationError(message)
            options = {"path": self._build_kwargs.get("context", "."), "rm": True, "forcerm": True}
            options |= {k: v for k, v in self._build_kwargs.items() if k != "context"}
            with _Engine() as engine:
                lines = engine.call(
                    "build",
                    tag=self.reference,
                    dockerfile=str(dockerfile.resolve()),
                    decode=True,
                    **options,
                )
                self._follow("built", lines)
                return engine.call("inspect_image", self.reference)["Id"]

    def push(self) -> None:
        """Push it to its registry.

        Raises:
            ImageFailed: The engine cannot be reached, or the registry refuses.
        """
        options: dict[str, Any] = {"stream": True, "decode": True}
        if self._credentials is not None:
            options["auth_config"] = read_credentials(self._credentials)
        with _Engine() as engine:
            self._follow("pushed", engine.call("push", self.name, self.tag, **options))

    def generate_dockerfile(self) -> str:
        """The Dockerfile that adds this directory's code to an image that has Headrace."""
        base = self._base or base_image()
        lines = [f"FROM {base}"]
        if Path("requirements.txt").is_file():
            place = f"{self.directory}/requirements.txt"
            lines += [f"COPY requirements.txt {place}", f"RUN python -m pip install -r {place}"]
        return "\n".join([*lines, f"COPY . {self.directory}/", f"WORKDIR {self.directory}/", ""])

    def _follow(self, what: str, lines: Iterable[Mapping[str, Any]]) -> None:
        for line in lines:
            if line.get("error"):
                message = f"the image {self.reference} could not be {what}: {line['error']}"
                raise ImageFailed(message)
            text = line.get("stream") or _status(line)
            if text and self._progress is not None:
                self._progress.write(text)
                self._progress.flush()

    def __repr__(self) -> str:
        return f"DockerImage({self.reference!r})"


DeploymentImage = DockerImage
"""Its older name."""


def base_image() -> str:
    """The image that `headrace image build` makes for this version and Python."""
    return f"headrace:{__version__}-python{sys.version_info.major}.{sys.version_info.minor}"


def prepare_image(image: str | DockerImage, *, build: bool, push: bool) -> Image:
    """Build and push an image as asked for, and where deployments find their code in it.

    Raises:
        ImageFailed: As of `DockerImage.build` and `push`.
    """
    given = image if isinstance(image, DockerImage) else None
    if not build:
        return Image(given.reference if given else str(image))
    made = given or DockerImage(str(image))
    made.build()
    if push:
        made.push()
    return Image(made.reference, made.directory if made.dockerfile == GENERATED else None)


def split_reference(text: str) -> tuple[str, str | None]:
    """Name and tag of an image; a registry's port is no tag.

    Raises:
        ConfigurationError: There is no name.
    """
    path, slash, last = text.strip().rpartition("/")
    name, _, tag = last.partition(":")
    if not name:
        message = f"{text!r} is no name of an image"
        raise ConfigurationError(message)
    return f"{path}{slash}{name}", tag or None


def read_credentials(given: Any) -> dict[str, str]:
    """What the engine needs for a registry, out of a block or mapping."""
    fields = cast("Mapping[str, Any]", given if isinstance(given, Mapping) else vars(given))
    found: dict[str, str] = {}
    for name, key in (
        ("username", "username"),
        ("password", "password"),
        ("registry_url", "serveraddress"),
    ):
        value = fields.get(name)
        if value:
            reveal = getattr(value, "get_secret_value", None)
            found[key] = str(reveal() if reveal else value)
    if "username" not in found or "password" not in found:
        message = "credentials of a registry need a username and a password"
        raise ConfigurationError(message)
    return found


def _tag_of(moment: datetime) -> str:
    """A tag for a moment, without the characters that tags may not have."""
    return moment.strftime("%Y-%m-%dt%H-%M-%S-%f-00-00")


def _status(line: Mapping[str, Any]) -> str:
    """A line of a push that says something new, rather than how many bytes are through."""
    if "status" not in line or line.get("progressDetail"):
        return ""
    return f"{line.get('id', '')} {line['status']}".strip() + "\n"


class _Engine:
    """A connection to the Docker engine that the environment names."""

    def __enter__(self) -> "_Engine":
        try:
            sdk = load("docker:")
        except ImportError:
            message = (
                "building and pushing images needs the Docker SDK: pip install 'headrace[docker]'"
            )
            raise ConfigurationError(message) from None
        self._error: type[Exception] = sdk.errors.DockerException
        try:
            self._client = sdk.APIClient(
                **sdk.utils.kwargs_from_env(), timeout=ENGINE_SECONDS, version="auto"
            )
        except self._error as error:
            message = f"no Docker engine answers ({error}); is it running, and DOCKER_HOST right?"
            raise ImageFailed(message) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def call(self, operation: str, *arguments: Any, **options: Any) -> Any:
        """An operation of the SDK. Raises `ImageFailed`."""
        try:
            return getattr(self._client, operation)(*arguments, **options)
        except (self._error, TypeError, OSError) as error:
            message = f"the Docker engine refuses to {operation}: {error}"
            raise ImageFailed(message) from error
