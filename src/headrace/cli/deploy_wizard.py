"""The questions of `headrace deploy` at a terminal. All are asked before anything is made."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from headrace.cli.output import hint
from headrace.client.http import Client
from headrace.client.work_pools import list_work_pools
from headrace.deployments.deployment import checked_name
from headrace.deployments.project.checks import Pool, needs_image
from headrace.deployments.project.discovery import find_flows
from headrace.deployments.project.document import Document
from headrace.deployments.project.preparing import Project
from headrace.deployments.project.repository import read_repository
from headrace.deployments.project.timing import read_schedules
from headrace.errors import ConfigurationError
from headrace.infrastructure.templates import DEFAULT_TEMPLATES
from headrace.wire.work_pools import ReadWorkPoolsBody, WorkPoolCreate

MOST_SHOWN = 30  # choices in a list: more do not fit on a screen
CLONE_STEP = "prefect.deployments.steps.git_clone"
BUILD_STEP = "prefect_docker.deployments.steps.build_docker_image"
PUSH_STEP = "prefect_docker.deployments.steps.push_docker_image"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line said already; None is asked for.

    Args:
        entrypoint: Where the flow is.
        name: The deployment's.
        pool: The work pool's.
        has_schedule: Whether there are schedules, or shall be none.
        image: The image's name.
        build: Whether an image is built.
        push: Whether it is pushed.
        clone: Whether runs clone the repository.
        save: Whether the deployment is written to the file.
    """

    entrypoint: str | None
    name: str | None
    pool: str | None
    has_schedule: bool
    image: str | None
    build: bool | None
    push: bool | None
    clone: bool | None
    save: bool | None


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered.

    Args:
        fields: Of the deployment, as a file has them.
        new_pool: A work pool that is to be made first.
        save: Whether the deployment is written to the file.
    """

    fields: dict[str, Any]
    new_pool: WorkPoolCreate | None
    save: bool


def choose_entry(entries: list[dict[str, Any]]) -> int | None:
    """Which deployment of the file; None for a new one."""
    shown = [f"{one.get('name')} ({one.get('entrypoint')})" for one in entries]
    answer = _choose("Which deployment?", [*shown, "a new one"])
    return answer if answer < len(entries) else None


def ask(project: Project, asked: Asked) -> Answers:
    """Ask for all that is needed to deploy a flow and is not given.

    Raises:
        click.Abort: Ctrl-C, or the end of input; nothing was made.
    """
    fields: dict[str, Any] = {"entrypoint": asked.entrypoint or _ask_entrypoint()}
    fields["name"] = asked.name or _ask_name()
    if not asked.has_schedule and click.confirm("Run it on a schedule?", default=False):
        fields["schedules"] = _ask_schedules()
    pool, new_pool = _ask_pool(project.client, asked.pool or project.default_pool)
    fields["work_pool"] = {"name": pool.name}
    if needs_image(pool):
        _ask_image(fields, asked)
    _ask_clone(fields, asked)
    save = asked.save
    if save is None:
        name = project.document.path.name
        save = click.confirm(f"Write it to {name}, to deploy it again from there?", default=True)
    return Answers(fields, new_pool, save)


def _ask_entrypoint() -> str:
    found = find_flows(Path.cwd())[:MOST_SHOWN]
    if not found:
        hint("No flows are found in this directory and those below it.")
        return click.prompt("Where is the flow? (path/to/file.py:function)")
    shown = [f"{one.name} ({one.entrypoint})" for one in found]
    answer = _choose("Which flow?", [*shown, "one that is not in the list"])
    if answer < len(found):
        return found[answer].entrypoint
    return click.prompt("Where is the flow? (path/to/file.py:function)")


def _ask_name() -> str:
    def checked(text: str) -> str:
        try:
            return checked_name(text)
        except ConfigurationError as error:
            raise click.UsageError(str(error)) from None

    return click.prompt("What is the deployment called?", default="default", value_proc=checked)


def _ask_schedules() -> list[dict[str, Any]]:
    schedules: list[dict[str, Any]] = []
    while True:
        kind = ("interval", "cron", "rrule")[
            _choose(
                "How is it said when?",
                ["every so many seconds", "by a cron expression", "by a recurrence rule"],
            )
        ]
        value: Any = _ask_when(kind)
        schedule: dict[str, Any] = {kind: value}
        if kind != "interval":
            schedule["timezone"] = click.prompt(
                "In which time zone?",
                default="UTC",
                value_proc=lambda zone, one=schedule: _checked_zone(one, zone),
            )
        schedules.append(schedule)
        if not click.confirm("Another schedule?", default=False):
            return schedules


def _ask_when(kind: str) -> Any:
    if kind == "interval":
        return click.prompt(
            "Seconds between runs", default=3600, type=click.IntRange(min=1), show_default=True
        )
    shown = {"cron": "0 9 * * *", "rrule": "FREQ=DAILY"}[kind]

    def checked(text: str) -> str:
        _check_schedule({kind: text})
        return text

    return click.prompt("When?", default=shown, value_proc=checked)


def _checked_zone(schedule: dict[str, Any], zone: str) -> str:
    _check_schedule({**schedule, "timezone": zone})
    return zone


def _check_schedule(schedule: dict[str, Any]) -> None:
    try:
        read_schedules([schedule], datetime.now(UTC), Document(Path("your answer")), ())
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from None


def _ask_pool(client: Client, name: str | None) -> tuple[Pool, WorkPoolCreate | None]:
    """The pool, and the same where it is still to be made."""
    pools = list_work_pools(client, ReadWorkPoolsBody())
    if name is not None:
        found = next((one for one in pools if one.name == name), None)
        if found is not None:
            return found, None
        if not click.confirm(f"There is no work pool {name!r}. Make it?", default=True):
            raise click.Abort
        made = _new_pool(name)
        return made, made
    if pools:
        shown = [f"{one.name} ({one.type})" for one in pools[:MOST_SHOWN]]
        answer = _choose("Which work pool runs it?", [*shown, "a new one"])
        if answer < len(shown):
            return pools[answer], None
    else:
        hint("There are no work pools yet: one is made for this deployment.")
    made = _new_pool(click.prompt("What is the work pool called?", default="default-pool"))
    return made, made


def _new_pool(name: str) -> WorkPoolCreate:
    kinds = sorted(DEFAULT_TEMPLATES)
    kind = click.prompt("What runs the work?", type=click.Choice(kinds), default="process")
    return WorkPoolCreate(name=name, type=kind, base_job_template=DEFAULT_TEMPLATES[kind])


def _ask_image(fields: dict[str, Any], asked: Asked) -> None:
    build = asked.build
    if build is None:
        build = click.confirm("Build an image with the code?", default=True)
    name = asked.image or click.prompt("The image's name, with its registry if it is to be pushed")
    push = asked.push
    if build and not _split_tag(name)[1]:
        name = f"{name}:{click.prompt('Its tag', default='latest')}"
    if build and push is None:
        push = click.confirm("Push it to its registry?", default=True)
    add_image(fields, name, build=build, push=bool(push))


def add_image(fields: dict[str, Any], name: str, *, build: bool, push: bool) -> None:
    """Have runs start from an image, with the steps that make it where it is to be built."""
    pool = fields.setdefault("work_pool", {})
    variables = pool.setdefault("job_variables", {})
    if not build:
        variables["image"] = name
        return
    image, tag = _split_tag(name)
    step = {"id": "build-image", "image_name": image, "tag": tag or "latest", "dockerfile": "auto"}
    fields["build"] = [{BUILD_STEP: step}]
    variables["image"] = "{{ build-image.image }}"
    if push:
        inputs = {"image_name": "{{ build-image.image_name }}", "tag": "{{ build-image.tag }}"}
        fields["push"] = [{PUSH_STEP: inputs}]


def _split_tag(name: str) -> tuple[str, str]:
    """An image's name and its tag; a registry's port is none."""
    image, colon, tag = name.rpartition(":")
    return (image, tag) if colon and "/" not in tag else (name, "")


def _ask_clone(fields: dict[str, Any], asked: Asked) -> None:
    if "build" in fields:  # the code is in the image
        return
    repository = read_repository(Path.cwd())
    if repository is None or repository.url is None:
        return
    clone = asked.clone
    if clone is None:
        clone = click.confirm(f"Shall runs clone the code from {repository.url}?", default=False)
    if not clone:
        return
    branch = click.prompt("Which branch?", default=repository.branch or "main")
    block = None
    if click.confirm("Is the repository private?", default=False):
        block = click.prompt("The name of the secret block that holds its token")
    fields["pull"] = [clone_step(repository.url, branch, block)]


def clone_step(url: str, branch: str | None, block: str | None = None) -> dict[str, Any]:
    """The pull step that clones a repository, with the token in a secret block where one is named."""
    step: dict[str, Any] = {"repository": url}
    if branch:
        step["branch"] = branch
    if block:
        step["access_token"] = f"{{{{ prefect.blocks.secret.{block} }}}}"
    return {CLONE_STEP: step}


def _choose(question: str, choices: list[str]) -> int:
    """The index of the choice whose number is entered."""
    for number, choice in enumerate(choices, 1):
        click.echo(f"  {number:>2}  {choice}")
    return click.prompt(question, type=click.IntRange(1, len(choices)), default=1) - 1
