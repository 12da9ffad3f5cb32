"""What `headrace deploy` does, loaded when it does it: the help needs none of this."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from headrace.cli.documents import read_assignments, read_object
from headrace.cli.output import done, hint
from headrace.cli.session import connect
from headrace.deployments.project.document import Document, find_file, read_document
from headrace.deployments.project.making import Made, make
from headrace.deployments.project.options import Options
from headrace.deployments.project.preparing import Project, prepare
from headrace.deployments.project.selection import choose, is_pattern
from headrace.deployments.references import References
from headrace.settings import settings

_NO_FILE = Document(Path("command line"))


def run(
    *, entrypoint: str | None, names: tuple[str, ...], every: bool, file: Path | None, **given: Any
) -> None:
    """Choose, check all, then make them one after the other."""
    found = file or find_file(Path.cwd())
    document = read_document(found) if found else _NO_FILE
    client = connect()
    project = Project(
        document=document,
        client=client,
        references=References(client),
        default_pool=settings().deployments_default_work_pool_name,
        say=hint,
        warn=_warn,
    )
    indices, missing = _choose(project, names, entrypoint, every=every)
    options = _read_options(given)
    if len(indices) > 1:
        if options != Options():
            _warn("options for one deployment are left out where several are deployed")
        options = Options()
    else:
        name = missing[0] if indices == [None] and missing else None
        options = _named(options, entrypoint, name)
        missing = () if name else missing
    prepared = [prepare(project, index, options) for index in indices]
    made = [_make(project, one) for one in prepared]
    _tell_next(made)
    if missing:
        message = f"the file has no deployment {', '.join(missing)}; the others were deployed"
        raise click.ClickException(message)


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
    if names and entrypoint:
        return [None], names
    if names:
        message = (
            f"{project.document.path.name} has no deployment {names[0]}; for a new one say where its flow "
            "is: headrace deploy path/to/file.py:function --name NAME"
        )
        raise click.UsageError(message)
    if len(entries) == 1 and not entrypoint:
        return [0], ()
    if entries:
        known = ", ".join(str(entry.get("name")) for entry in entries)
        message = f"say which deployment with --name, or --all; the file has: {known}"
        raise click.UsageError(message)
    message = (
        "say where the flow is, and a name: headrace deploy path/to/file.py:function --name NAME"
    )
    raise click.UsageError(message)


def _named(options: Options, entrypoint: str | None, name: str | None) -> Options:
    changed: dict[str, Any] = {"entrypoint": entrypoint, "name": name}
    return Options(**{**{f: getattr(options, f) for f in Options.__dataclass_fields__}, **changed})


def _read_options(given: Mapping[str, Any]) -> Options:
    fields = {
        name: given[name]
        for name in ("description", "version", "version_type", "enforce_parameter_schema")
        if given[name] is not None
    }
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
        msgspec.json.decode(one, type=dict[str, Any])
        if one.lstrip().startswith("{")
        else {"rrule": one}
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
