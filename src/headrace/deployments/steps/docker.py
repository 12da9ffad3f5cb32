"""Steps that build and push the image of a deployment's runs."""

from pathlib import Path
from typing import Any

from headrace.deployments.images import GENERATED, DockerImage

PERSISTED = "Dockerfile.generated"
"""Where a generated Dockerfile is kept that is asked to be."""


def build_docker_image(  # noqa: PLR0917  # the contract's signature
    image_name: str,
    dockerfile: str = "Dockerfile",
    tag: str | None = None,
    additional_tags: list[str] | None = None,
    ignore_cache: bool = False,
    persist_dockerfile: bool = False,
    dockerfile_output_path: str = PERSISTED,
    **build_kwargs: Any,
) -> dict[str, Any]:
    """Build an image from the working directory.

    Args:
        image_name: With its registry, if it is to be pushed.
        dockerfile: Its path; `auto` for one that adds this directory and its requirements.
        tag: The moment when not given.
        additional_tags: More tags of the same image.
        ignore_cache: Whether every layer is built anew.
        persist_dockerfile: Whether a generated Dockerfile is kept.
        dockerfile_output_path: Where it is kept.
        **build_kwargs: More of the engine's options: `platform`, `buildargs`, …

    Raises:
        HeadraceError: The engine cannot be reached, or the build fails.
    """
    if ignore_cache:
        build_kwargs["nocache"] = True
    image = DockerImage(image_name, tag, dockerfile, **build_kwargs)
    if persist_dockerfile and dockerfile == GENERATED:
        Path(dockerfile_output_path).write_text(image.generate_dockerfile(), encoding="utf-8")
    image_id = image.build()
    build_kwargs.pop("nocache", None)  # the other tags are of the same layers
    for other in additional_tags or []:
        DockerImage(image_name, other, dockerfile, **build_kwargs).build()
    return {
        "image_name": image.name,
        "tag": image.tag,
        "image": image.reference,
        "image_id": image_id,
        "additional_tags": additional_tags or [],
    }


def push_docker_image(
    image_name: str,
    tag: str | None = None,
    credentials: Any = None,
    additional_tags: list[str] | None = None,
) -> dict[str, Any]:
    """Push an image that was built.

    Args:
        image_name: With its registry.
        tag: `latest` when not given.
        credentials: A block or mapping with `username`, `password` and maybe `registry_url`; what
            `docker login` has stored when not given.
        additional_tags: More tags that are pushed.

    Raises:
        HeadraceError: The engine cannot be reached, or the registry refuses.
    """
    image = DockerImage(image_name, tag or "latest", credentials=credentials)
    image.push()
    for other in additional_tags or []:
        DockerImage(image_name, other, credentials=credentials).push()
    return {
        "image_name": image.name,
        "tag": image.tag,
        "image": image.reference,
        "additional_tags": additional_tags or [],
    }
