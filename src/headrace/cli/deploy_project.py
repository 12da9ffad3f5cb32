"""What `headrace deploy` does, loaded when it does it: the help needs none of this."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click

from headrace.cli.deploy_wizard import Asked, add_image, ask, choose_entry, clone_step
from headrace.cli.documents import read_assignments, read_object
from headrace.cli.output import done, hint
from headrace.cli.session import connect, may_ask
from headrace.deployments.bundling import Uploads
from headrace.deployments.project.document import FILE_NAMES, Document, find_file, read_document
from headrace.deployments.project.making import Made, make
from headrace.deployments.project.options import Options
from headrace.deployments.project.preparing import Prepared, Project, prepare
from headrace.deployments.project.repository import read_repository
from headrace.deployments.project.saving import save_entry
from headrace.deployments.project.selection import choose, is_pattern
from headrace.deployments.references import References
from headrace.settings import settings


def run(
    *, entrypoint: str | None, names: tuple[str, ...], every: bool, file: Path | None, **given: Any
) -> None:
    """Choose, ask, check all, then make them one after the other."""
    found = file or find_file(Path.cwd())
    document = read_document(found) if found else Document(Path(FILE_NAMES[0]))
    client = connect()
    project = Project(
        document=document,
        client=client,
        references=References(lambda: client),
        default_pool=settings().deployments_default_work_pool_name,
        say=hint,
        warn=_warn,
        uploads=Uploads(client),
    )
    indices, missing = _choose(project, names, entrypoint, every=every)
    options = _read_options(given)
    if len(indices) > 1:
        if options != Options():
            _warn("options for one deployment are left out where several are deployed")
        _deploy(project, indices, Options())
    elif indices == [None]:
        name = missing[0] if missing else None
        missing = ()
        _deploy_new(project, replace(options, entrypoint=entrypoint, name=name), given)
    else:
        unused = [f"--{name}" for name in _FOR_NEW if given[name] not in (None, False)]
        if unused:
            _warn(f"{', '.join(unused)}: for a deployment that is not in the file; left out")
        _deploy(project, indices, replace(options, entrypoint=entrypoint))
    if missing:
        message = f"the file has no deployment {', '.join(missing)}; the others were deployed"
        raise click.ClickException(message)


_FOR_NEW = ("image", "build", "push", "clone", "save")
"""Options that answer the questions for a new deployment."""


def _deploy(project: Project, indices: list[int | None], options: Options) -> None:
    prepared = [prepare(project, index, options) for index in indices]
    for line in dict.fromkeys(line for one in prepared for line in _clone_warnings(one)):
        _warn(line)
    made = [_make(project, one) for one in prepared]
    _tell_next(made)


def _deploy_new(project: Project, options: Options, given: Mapping[str, Any]) -> None:
    """A deployment that is not in the file: what is missing is asked for, if someone can be asked."""
    fields: dict[str, Any] = {}
    save, new_pool = given["save"], None
    if may_ask():
        if options.name and project.entries:
            hint(
                f"{project.document.path.name} has no deployment {options.name}: this is a new one."
            )
        answers = ask(project, _asked(options, given))
        fields, save, new_pool = answers.fields, answers.save, answers.new_pool
    else:
        if given["image"]:
            add_image(fields, given["image"], build=bool(given["build"]), push=bool(given["push"]))
        if given["clone"]:
            fields["pull"] = [_clone_here()]
    if options.job_variables:  # beside those that the answers came to
        answered = fields.get("work_pool", {}).get("job_variables", {})
        options = replace(options, job_variables={**answered, **options.job_variables})
    values = options.over(fields)
    _deploy(
        replace(project, new_pool=new_pool),
        [None],
        Options(fields={name: value for name, value in values.items() if value is not None}),
    )
    if save:
        save_entry(project.document.path, values)
        done(f"written to {project.document.path.name}")


def _asked(options: Options, given: Mapping[str, Any]) -> Asked:
    return Asked(
        entrypoint=options.entrypoint,
        name=options.name,
        pool=options.pool,
        has_schedule=bool(options.schedules) or given["no_schedule"],
        image=given["image"],
        build=given["build"],
        push=given["push"],
        clone=given["clone"],
        save=given["save"],
    )


def _clone_here() -> dict[str, Any]:
    repository = read_repository(Path.cwd())
    if repository is None or repository.url is None:
        message = "--clone needs a git repository with a remote; this directory is in none"
        raise click.UsageError(message)
    return clone_step(repository.url, repository.branch)


def _clone_warnings(prepared: Prepared) -> list[str]:
    """What runs that clone will not see of this directory."""
    inputs: list[Any] = [one for step in prepared.pull or [] for one in step.values()]
    given = [cast("dict[str, Any]", one) for one in inputs if isinstance(one, dict)]
    cloned = {str(one["repository"]) for one in given if "repository" in one}
    repository = read_repository(Path.cwd()) if cloned else None
    if repository is None or repository.url not in cloned:
        return []
    return repository.warnings(Path.cwd())


def _choose(
    project: Project, names: tuple[str, ...], entrypoint: str | None, *, every: bool
) -> tuple[list[int | None], tuple[str, ...]]:
    """The places of what is to be deployed, None for a new one; and the names that are not there."""
    entries = project.entries
    if every:
        if not entries:
            message = f"{project.document.path.name} has no deployments to deploy"
            raise click.UsageError(message)
        return list(range(len(entries))), ()
    chosen = choose(entries, names, Path.cwd())
    if chosen.indices:
        return list(chosen.indices), chosen.missing
    if len(names) > 1 or any(is_pattern(name) for name in names):
        message = f"{project.document.path.name} has no deployment {', '.join(names)}"
        raise click.UsageError(message)
    if names and (entrypoint or may_ask()):
        return [None], names
    if names:
        message = (
            f"{project.document.path.name} has no deployment {names[0]}; for a new one say where its flow "
            "is: headrace deploy path/to/file.py:function --name NAME"
        )
        raise click.UsageError(message)
    if len(entries) == 1 and not entrypoint:
        return [0], ()
    if may_ask():
        index = choose_entry(entries) if entries and not entrypoint else None
        return [index], ()
    if entries:
        known = ", ".join(str(entry.get("name")) for entry in entries)
        message = f"say which deployment with --name, or --all; the file has: {known}"
        raise click.UsageError(message)
    message = (
        "say where the flow is, and a name: headrace deploy path/to/file.py:function --name NAME"
    )
    raise click.UsageError(message)


def _read_options(given: Mapping[str, Any]) -> Options:
    fields = {
        name: given[name]
        for name in ("description", "version", "version_type", "enforce_parameter_schema")
        if given[name] is not None
    }
    if given["triggers"]:
        fields["triggers"] = [_read_trigger(one) for one in given["triggers"]]
    if given["sla"]:
        fields["sla"] = [read_object(one, "--sla") for one in given["sla"]]
    if given["tags"]:
        fields["tags"] = list(given["tags"])
    parameters = read_object(given["params"], "--params") if given["params"] else {}
    return Options(
        fields=fields,
        parameters=parameters | read_assignments(given["pairs"], "--param"),
        job_variables=_read_variables(given["variables"]),
        pool=given["pool"],
        queue=given["queue"],
        limit=given["concurrency_limit"],
        strategy=given["collision_strategy"],
        schedules=_read_schedules(given),
        timezone=given["timezone"],
    )


def _read_trigger(given: str) -> dict[str, Any]:
    """A trigger out of JSON, or out of a file of YAML, of which JSON is a part."""
    if given.lstrip().startswith("{"):
        return read_object(given, "--trigger")
    return read_document(Path(given)).values


def _read_variables(given: tuple[str, ...]) -> dict[str, Any]:
    """Job variables out of `name=value`, and out of JSON objects."""
    found: dict[str, Any] = {}
    for one in given:
        if one.lstrip().startswith("{"):
            found |= read_object(one, "--job-variable")
        else:
            found |= read_assignments((one,), "--job-variable")
    return found


def _read_schedules(given: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    anchor = given["anchor_date"]
    schedules: list[dict[str, Any]] = [{"cron": one} for one in given["cron"]]
    schedules += [
        {"interval": one, **({"anchor_date": anchor} if anchor else {})}
        for one in given["interval"]
    ]
    schedules += [
        read_object(one, "--rrule") if one.lstrip().startswith("{") else {"rrule": one}
        for one in given["rrule"]
    ]
    return tuple(schedules)


def _make(project: Project, one: Any) -> Made:
    made = make(project, one)
    done(f"deployment {made.full_name} {'made' if made.is_new else 'brought up to date'}")
    return made


def _tell_next(made: list[Made]) -> None:
    for pool in dict.fromkeys(one.pool for one in made):
        hint(f"Run a worker for it: headrace worker start --pool '{pool}'")
    hint(f"Make a run: headrace deployment run '{made[-1].full_name}'")


def _warn(line: str) -> None:
    click.echo(f"{click.style('Warning:', fg='yellow', bold=True)} {line}", err=True)
