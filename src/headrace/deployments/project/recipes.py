"""Recipes: what `headrace init` puts into a new deployment file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from headrace.errors import ConfigurationError

_STEPS = "prefect.deployments.steps"
_DOCKER = "prefect_docker.deployments.steps"


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a recipe has to be told.

    Args:
        name: As `--field NAME=VALUE` has it.
        question: For people.
        default: Taken where nobody can be asked; None where there is none.
    """

    name: str
    question: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where runs get the code from, in one word.

    Args:
        description: For people, one line.
        fields: What it has to be told.
        requires: The package of the contract's SDK that has its steps too; None for its own.
    """

    description: str
    fields: tuple[Field, ...] = ()
    requires: str | None = None


_REPOSITORY = Field("repository", "The repository's address")
_BRANCH = Field("branch", "The branch", "main")
_IMAGE = Field("image_name", "The image's name, with its registry if it is to be pushed")
_TAG = Field("tag", "The image's tag", "latest")
_PROJECT = "the project's name"
_FOLDER = Field("folder", "The folder in it", _PROJECT)
_BUCKET = Field("bucket", "The bucket's name")
_CONTAINER = Field("container", "The container's name")

RECIPES: dict[str, Recipe] = {
    "local": Recipe("Runs find the code where it is now, on this machine."),
    "git": Recipe("Runs clone a git repository.", (_REPOSITORY, _BRANCH)),
    "docker": Recipe("An image is built with the code in it.", (_IMAGE, _TAG)),
    "docker-git": Recipe(
        "An image is built, and runs clone a git repository in it.",
        (_IMAGE, _TAG, _REPOSITORY, _BRANCH),
    ),
    "s3": Recipe(
        "The code is put into an S3 bucket, and runs get it from there.",
        (_BUCKET, _FOLDER),
        "prefect-aws",
    ),
    "gcs": Recipe(
        "The code is put into a Google Cloud Storage bucket, and runs get it from there.",
        (_BUCKET, _FOLDER),
        "prefect-gcp",
    ),
    "azure": Recipe(
        "The code is put into an Azure Blob Storage container, and runs get it from there.",
        (_CONTAINER, _FOLDER),
        "prefect-azure",
    ),
    "docker-s3": Recipe(
        "An image is built, and runs in it get the code from an S3 bucket.",
        (_IMAGE, _TAG, _BUCKET, _FOLDER),
        "prefect-aws",
    ),
    "docker-gcs": Recipe(
        "An image is built, and runs in it get the code from a Google Cloud Storage bucket.",
        (_IMAGE, _TAG, _BUCKET, _FOLDER),
        "prefect-gcp",
    ),
    "docker-azure": Recipe(
        "An image is built, and runs in it get the code from an Azure Blob Storage container.",
        (_IMAGE, _TAG, _CONTAINER, _FOLDER),
        "prefect-azure",
    ),
}
"""The recipes, the simplest first."""


def write_file(name: str, recipe: str, values: Mapping[str, str]) -> dict[str, Any]:
    """The deployment file of a recipe.

    Args:
        name: Of the project.
        recipe: A key of `RECIPES`.
        values: Of the recipe's fields.

    Raises:
        ConfigurationError: There is no such recipe, a value is missing, or one is of no field.
    """
    if recipe not in RECIPES:
        message = f"there is no recipe {recipe!r}; there are {', '.join(RECIPES)}"
        raise ConfigurationError(message)
    fields = RECIPES[recipe].fields
    known = {one.name: one.default for one in fields}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        has = ", ".join(known) or "none"
        message = f"the recipe {recipe} has no field {', '.join(unknown)}; it has: {has}"
        raise ConfigurationError(message)
    given = {**known, **values}
    missing = [one for one, value in given.items() if not value]
    if missing:
        message = f"the recipe {recipe} needs {', '.join(missing)}: give --field {missing[0]}=…"
        raise ConfigurationError(message)
    filled = {one: name if value == _PROJECT else str(value) for one, value in given.items()}
    return {
        "name": name,
        "build": _build(recipe, filled),
        "push": _push(recipe, filled),
        "pull": _pull(recipe, filled),
        "deployments": [_deployment(recipe)],
    }


def _build(recipe: str, values: Mapping[str, str]) -> list[dict[str, Any]] | None:
    if not recipe.startswith("docker"):
        return None
    inputs = {
        "id": "build-image",
        "requires": "prefect-docker",
        "image_name": values["image_name"],
        "tag": values["tag"],
        "dockerfile": "auto",
    }
    return [{f"{_DOCKER}.build_docker_image": inputs}]


def _push(recipe: str, values: Mapping[str, str]) -> list[dict[str, Any]] | None:
    steps: list[dict[str, Any]] = []
    if recipe.startswith("docker"):
        inputs = {
            "requires": "prefect-docker",
            "image_name": "{{ build-image.image_name }}",
            "tag": "{{ build-image.tag }}",
        }
        steps.append({f"{_DOCKER}.push_docker_image": inputs})
    cloud = _CLOUDS.get(recipe.removeprefix("docker-"))
    if cloud is not None:
        where = {one: values[one] for one in (cloud.place, "folder")}
        inputs = {"id": "pushed", "requires": RECIPES[recipe].requires, **where}
        steps.append({f"{cloud.package}.deployments.steps.{cloud.push}": inputs})
    return steps or None


def _pull(recipe: str, values: Mapping[str, str]) -> list[dict[str, Any]] | None:
    if recipe in {"git", "docker-git"}:
        inputs = {"repository": values["repository"], "branch": values["branch"]}
        return [{f"{_STEPS}.git_clone": inputs}]
    cloud = _CLOUDS.get(recipe.removeprefix("docker-"))
    if cloud is not None:
        inputs = {
            "requires": RECIPES[recipe].requires,
            cloud.place: f"{{{{ pushed.{cloud.place} }}}}",
            "folder": "{{ pushed.folder }}",
        }
        return [{f"{cloud.package}.deployments.steps.{cloud.pull}": inputs}]
    return None  # the directory that it is deployed from, or the one in the image


class _Cloud(NamedTuple):
    """Steps of a package of the contract's SDK, and their word for the place they reach."""

    package: str
    push: str
    pull: str
    place: str


_CLOUDS = {
    "s3": _Cloud("prefect_aws", "push_to_s3", "pull_from_s3", "bucket"),
    "gcs": _Cloud("prefect_gcp", "push_to_gcs", "pull_from_gcs", "bucket"),
    "azure": _Cloud(
        "prefect_azure", "push_to_azure_blob_storage", "pull_from_azure_blob_storage", "container"
    ),
}


def _deployment(recipe: str) -> dict[str, Any]:
    variables = {"image": "{{ build-image.image }}"} if recipe.startswith("docker") else {}
    return {
        "name": None,
        "version": None,
        "tags": [],
        "description": None,
        "entrypoint": None,
        "parameters": {},
        "schedules": [],
        "work_pool": {"name": None, "work_queue_name": None, "job_variables": variables},
    }
