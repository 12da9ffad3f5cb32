"""Images that hold a deployment's code: built, tagged and pushed through a Docker engine."""

import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from headrace import __version__
from headrace._bindings import HEAVY, load
from headrace.core.image_names import split_image
from headrace.deployments.deployment import Image
from headrace.errors import ConfigurationError
from headrace.settings import settings

if TYPE_CHECKING:
    from headrace.infrastructure.docker.images import Images

CODE = "/opt/headrace"
"""The directory of an image below which code lies."""

GENERATED = "auto"
"""Stands for a Dockerfile that is made up here."""


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
        bare, own_tag = split_image(name.strip())
        if not bare or bare.endswith("/"):
            message = f"{name!r} is no name of an image"
            raise ConfigurationError(message)
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
            ImageFailed: The build fails.
            InfrastructureError: The engine cannot be reached or refuses.
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
            options |= {"dockerfile": str(dockerfile.resolve())}
            with _images() as images:
                return images.build(self.reference, options, self._say)

    def push(self) -> None:
        """Push it to its registry.

        Raises:
            ImageFailed: The registry refuses.
            InfrastructureError: The engine cannot be reached or refuses.
        """
        login = None if self._credentials is None else read_credentials(self._credentials)
        with _images() as images:
            images.push(self.reference, login, self._say)

    def generate_dockerfile(self) -> str:
        """The Dockerfile that adds this directory's code to an image that has Headrace."""
        base = self._base or base_image()
        lines = [f"FROM {base}"]
        if Path("requirements.txt").is_file():
            place = f"{self.directory}/requirements.txt"
            lines += [f"COPY requirements.txt {place}", f"RUN python -m pip install -r {place}"]
        return "\n".join([*lines, f"COPY . {self.directory}/", f"WORKDIR {self.directory}/", ""])

    def _say(self, text: str) -> None:
        if self._progress is not None:
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
        InfrastructureError: As of `DockerImage.build` and `push`.
    """
    given = image if isinstance(image, DockerImage) else None
    if not build:
        return Image(given.reference if given else str(image))
    made = given or DockerImage(str(image))
    made.build()
    if push:
        made.push()
    return Image(made.reference, made.directory if made.dockerfile == GENERATED else None)


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


def _images() -> AbstractContextManager["Images"]:
    try:
        return load(HEAVY["docker images"])()
    except ImportError:
        message = "building and pushing images needs the Docker SDK: pip install 'headrace[docker]'"
        raise ConfigurationError(message) from None
