"""`headrace profile …`."""

import click

from headrace import profiles
from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, done, output_option, show, show_list
from headrace.cli.session import confirm

DEFAULT_PROFILE = "local"


@click.group(cls=Group)
def profile() -> None:
    """Keep sets of settings under a name."""


@profile.command(name="ls")
@output_option
def list_(output: OutputFormat) -> None:
    """List profiles; the one in use is marked."""
    active = profiles.active_profile()
    names = profiles.list_profiles()
    whole = [{"name": name, "active": name == active} for name in names]
    rows = [["*" if name == active else "", name] for name in names]
    empty = "There are no profiles. Make one: headrace profile create NAME"
    show_list(["", "name"], rows, output, whole=whole, empty=empty)


@profile.command()
@click.argument("name")
@click.option("--from", "source", metavar="NAME", help="Copy the settings of this profile.")
def create(name: str, source: str | None) -> None:
    """Make a profile."""
    profiles.create_profile(name, source=source)
    done(f"profile {name} made; use it with: headrace profile use {name}")


@profile.command(name="populate-defaults")
def populate_defaults() -> None:
    """Make the profiles that most machines need: one for this machine's own server."""
    if DEFAULT_PROFILE in profiles.list_profiles():
        done(f"profile {DEFAULT_PROFILE} is there already; nothing was changed")
        return
    profiles.create_profile(DEFAULT_PROFILE)
    done(f"profile {DEFAULT_PROFILE} made: it has this machine's own server")


@profile.command()
@click.argument("name")
def use(name: str) -> None:
    """Use a profile from now on."""
    profiles.use_profile(name)
    done(f"using profile {name}")


@profile.command()
@click.argument("name", required=False)
@click.option("--show-secrets", is_flag=True, help="Do not mask secrets.")
@output_option
def inspect(name: str | None, *, show_secrets: bool, output: OutputFormat) -> None:
    """Show the settings that a profile holds."""
    wanted = name or profiles.active_profile()
    if wanted is None:
        message = "no profile is in use; name one"
        raise click.UsageError(message)
    show(profiles.inspect_profile(wanted, show_secrets=show_secrets), output)


@profile.command()
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Give a profile another name."""
    profiles.rename_profile(name, new_name)
    done(f"profile {name} is now {new_name}")


@profile.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(name: str, *, yes: bool) -> None:
    """Delete a profile."""
    profiles.inspect_profile(name)
    confirm(f"Delete the profile {name}?", is_agreed=yes)
    profiles.delete_profile(name)
    done(f"profile {name} deleted")
