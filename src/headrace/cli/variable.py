"""`headrace variable …`."""

import click
from msgspec import UNSET

from headrace.cli.documents import as_value
from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, output_option, print_json, show, show_list
from headrace.cli.session import confirm, connect
from headrace.client import variables
from headrace.client.pages import read_pages
from headrace.errors import ObjectAlreadyExists
from headrace.wire.variables import (
    ReadVariablesBody,
    VariableCreate,
    VariableSort,
    VariableUpdate,
)


@click.group(cls=Group)
def variable() -> None:
    """Read and write variables."""


@variable.command(name="set")
@click.argument("name")
@click.argument("value")
@click.option("--overwrite", is_flag=True, help="Change the variable if there is one.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
def set_(name: str, value: str, tags: tuple[str, ...], *, overwrite: bool) -> None:
    """Give a variable a value: JSON where it is JSON, else text."""
    client = connect()
    parsed = as_value(value)
    try:
        body = VariableCreate(name=name, value=parsed, tags=list(tags))
        variables.create_variable(client, body)
    except ObjectAlreadyExists as error:
        if not overwrite:
            message = f"there is a variable {name} already; change it with --overwrite"
            raise click.ClickException(message) from error
        change = VariableUpdate(value=parsed, tags=list(tags) if tags else UNSET)
        variables.update_variable(client, name, change)
    done(f"variable {name} set")


@variable.command()
@click.argument("name")
def get(name: str) -> None:
    """Print a variable's value."""
    value = variables.read_variable_by_name(connect(), name).value
    if isinstance(value, str):
        click.echo(value)
    else:
        print_json(value)


@variable.command()
@click.argument("name")
@output_option
def inspect(name: str, output: OutputFormat) -> None:
    """Show one variable."""
    found = variables.read_variable_by_name(connect(), name)
    fields = {
        "name": found.name,
        "value": found.value,
        "tags": ", ".join(found.tags),
        "updated": found.updated,
        "id": found.id,
    }
    show(fields, output, whole=found)


@variable.command(name="ls")
@click.option("--limit", type=click.IntRange(min=1), default=100, help="How many at most.")
@output_option
def list_(limit: int, output: OutputFormat) -> None:
    """List variables by name."""
    client = connect()
    found = read_pages(
        lambda size, at: variables.list_variables(
            client, ReadVariablesBody(limit=size, offset=at, sort=VariableSort.NAME_ASC)
        ),
        limit,
    )
    rows = [[v.name, v.value, ", ".join(v.tags), ago(v.updated)] for v in found]
    empty = "There are no variables. Set one: headrace variable set NAME VALUE"
    show_list(["name", "value", "tags", "updated"], rows, output, whole=found, empty=empty)


@variable.command(name="unset")
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def unset(name: str, *, yes: bool) -> None:
    """Delete a variable."""
    client = connect()
    variables.read_variable_by_name(client, name)
    confirm(f"Delete the variable {name}?", is_agreed=yes)
    variables.delete_variable(client, name)
    done(f"variable {name} deleted")


variable.add_command(unset, name="delete")
