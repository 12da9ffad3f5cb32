"""`headrace config …`."""

import click

from headrace import profiles
from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, done, hint, output_option, show_list
from headrace.settings import describe, settings, unknown_settings


@click.group(cls=Group)
def config() -> None:
    """View and change settings."""


@config.command()
@click.option("--show-defaults/--hide-defaults", default=False, help="Also what was not set.")
@click.option("--show-sources/--hide-sources", default=True, help="Where each value came from.")
@click.option("--show-secrets/--hide-secrets", default=False, help="Do not mask secrets.")
@output_option
def view(
    *, show_defaults: bool, show_sources: bool, show_secrets: bool, output: OutputFormat
) -> None:
    """Show the settings in force."""
    found = [
        s for s in describe(show_secrets=show_secrets) if show_defaults or s.source != "default"
    ]
    whole = {
        s.name: {"value": s.value, "source": s.source}
        | ({"without_effect": s.without_effect} if s.without_effect else {})
        for s in found
    }
    columns = ["setting", "value", *(["source"] if show_sources else [])]
    rows = [[s.name, s.value, *([s.source] if show_sources else [])] for s in found]
    empty = "Nothing is set; every setting has its default (--show-defaults lists them)."
    show_list(columns, rows, output, whole=whole, empty=empty)
    for s in found:
        if s.without_effect and s.source != "default" and output is OutputFormat.TEXT:
            hint(f"{s.name} has no effect: {s.without_effect}")


@config.command(name="set")
@click.argument("assignments", nargs=-1, required=True, metavar="NAME=VALUE…")
def set_(assignments: tuple[str, ...]) -> None:
    """Keep settings in the profile in use."""
    values: dict[str, str] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            message = f"write NAME=VALUE, not {assignment!r}"
            raise click.UsageError(message)
        values[name] = value
    name = profiles.set_in_profile(values)
    done(f"{', '.join(values)} kept in profile {name}")


@config.command()
@click.argument("names", nargs=-1, required=True)
@click.option("--yes", "-y", is_flag=True, help="Of the contract; nothing is asked.")
def unset(names: tuple[str, ...], *, yes: bool) -> None:
    """Take settings out of the profile in use."""
    del yes
    name = profiles.unset_in_profile(list(names))
    done(f"{', '.join(names)} taken out of profile {name}")


@config.command()
def validate() -> None:
    """Check that every value can be read and every name is a setting."""
    settings()
    wrong = unknown_settings()
    if wrong:
        names = "; ".join(f"{item.name} (in {item.source})" for item in wrong)
        message = f"not settings: {names}"
        raise click.ClickException(message)
    done("every setting can be read")
