"""`headrace block …`."""

from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import click

from headrace._bindings import load
from headrace.cli.documents import as_value
from headrace.cli.groups import Group
from headrace.cli.output import OutputFormat, ago, done, hint, output_option, show, show_list
from headrace.cli.session import confirm, connect, may_ask
from headrace.client import Client, blocks
from headrace.client.pages import read_pages
from headrace.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockSchemaFilter,
    BlockSchemaFilterBlockTypeId,
    BlockType,
    ReadBlockDocumentsBody,
    ReadBlockSchemasBody,
    ReadBlockTypesBody,
)


@click.group(cls=Group)
def block() -> None:
    """Keep configuration and secrets under a name."""


@block.group(name="type")
def type_() -> None:
    """The types of blocks that the server knows."""


@type_.command(name="ls")
@output_option
def list_types(output: OutputFormat) -> None:
    """List the types of blocks."""
    client = connect()
    found = read_pages(
        lambda size, at: blocks.list_block_types(client, ReadBlockTypesBody(limit=size, offset=at))
    )
    rows = [[t.slug, t.name, t.description] for t in found]
    show_list(["slug", "name", "description"], rows, output, whole=found, empty="No types.")


@type_.command(name="inspect")
@click.argument("slug")
@output_option
def inspect_type(slug: str, output: OutputFormat) -> None:
    """Show one type of blocks, and the fields that its blocks have."""
    client = connect()
    found = blocks.read_block_type_by_slug(client, slug)
    fields = {
        "slug": found.slug,
        "name": found.name,
        "description": found.description,
        "documentation": found.documentation_url,
        "fields": ", ".join(_properties(client, found)),
        "id": found.id,
    }
    show(fields, output, whole=found)


@type_.command(name="delete")
@click.argument("slug")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete_type(slug: str, *, yes: bool) -> None:
    """Delete a type with all of its blocks."""
    client = connect()
    found = blocks.read_block_type_by_slug(client, slug)
    confirm(f"Delete the type {slug} with all of its blocks?", is_agreed=yes)
    blocks.delete_block_type(client, found.id)
    done(f"type {slug} deleted")


@block.command(name="ls")
@output_option
def list_(output: OutputFormat) -> None:
    """List blocks by type and name."""
    client = connect()
    found = read_pages(
        lambda size, at: blocks.list_block_documents(
            client, ReadBlockDocumentsBody(limit=size, offset=at)
        )
    )
    found.sort(key=lambda d: (_slug(d), d.name or ""))
    rows = [[f"{_slug(d)}/{d.name}", d.block_type_name, ago(d.updated), d.id] for d in found]
    empty = "There are no blocks. Make one: headrace block create TYPE"
    show_list(["block", "type", "updated", "id"], rows, output, whole=found, empty=empty)


@block.command()
@click.argument("slug", required=False)
@click.option("--id", "document_id", type=click.UUID, help="The block's id, instead of its name.")
@output_option
def inspect(slug: str | None, document_id: UUID | None, output: OutputFormat) -> None:
    """Show one block, by 'type/name' or id; secrets are masked."""
    found = _find(connect(), slug, document_id)
    fields = {"block": f"{_slug(found)}/{found.name}", **found.data}
    show(fields | {"updated": found.updated, "id": found.id}, output, whole=found)


@block.command()
@click.argument("slug", required=False)
@click.option("--id", "document_id", type=click.UUID, help="The block's id, instead of its name.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def delete(slug: str | None, document_id: UUID | None, *, yes: bool) -> None:
    """Delete one block, by 'type/name' or id."""
    client = connect()
    found = _find(client, slug, document_id)
    name = f"{_slug(found)}/{found.name}"
    confirm(f"Delete the block {name}?", is_agreed=yes)
    blocks.delete_block_document(client, found.id)
    done(f"block {name} deleted")


@block.command()
@click.argument("block_type_slug")
@click.option("--name", "-n", help="The block's name.")
@click.option("--field", "-f", "pairs", multiple=True, metavar="NAME=VALUE", help="One field.")
def create(block_type_slug: str, name: str | None, pairs: tuple[str, ...]) -> None:
    """Make a block of a type; asks at a terminal for the fields that were not given."""
    client = connect()
    kind = blocks.read_block_type_by_slug(client, block_type_slug)
    schema = _newest_schema(client, kind)
    given = {key: as_value(value) for key, _, value in (pair.partition("=") for pair in pairs)}
    unknown = sorted(given.keys() - _properties(client, kind).keys())
    if unknown:
        message = f"blocks of type {kind.slug} have no field {', '.join(unknown)}"
        raise click.UsageError(message)
    required = schema.fields.get("required", [])
    secret = set(schema.fields.get("secret_fields", []))
    lacking = [field for field in required if field not in given]
    if (lacking or name is None) and not may_ask():
        wanted = [*(["--name"] if name is None else []), *(f"--field {f}=…" for f in lacking)]
        message = f"there is no terminal to ask at: give {' '.join(wanted)}"
        raise click.UsageError(message)
    for field in lacking:
        given[field] = as_value(click.prompt(field, hide_input=field in secret))
    body = BlockDocumentCreate(
        name=name or click.prompt("name of the block"),
        block_type_id=kind.id,
        block_schema_id=schema.id,
        data=given,
    )
    made = blocks.create_block_document(client, body)
    done(f"block {kind.slug}/{made.name} made")


@block.command()
@click.option("--module", "-m", help="A module that defines types of blocks.")
@click.option(
    "--file", "-f", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file that defines types of blocks.",
)  # fmt: skip
def register(module: str | None, path: Path | None) -> None:
    """Make the types of blocks in a module or file known to the server."""
    if (module is None) == (path is None):
        message = "give a module by --module, or a file by --file"
        raise click.UsageError(message)
    loaded: ModuleType = load("headrace.engine.entrypoints:load_module")(module or str(path))
    base: type[Any] = load("headrace.blocks.core:Block")
    kinds: list[Any] = [value for value in loaded.__dict__.values() if _is_kind(value, base)]
    if not kinds:
        message = f"{module or path} defines no type of blocks: a subclass of headrace's Block"
        raise click.ClickException(message)
    for kind in kinds:
        kind.register_type_and_schema()
        done(f"type {kind.get_block_type_slug()} registered")
    hint("Make a block: headrace block create TYPE")


def _is_kind(value: object, base: type[Any]) -> bool:
    return isinstance(value, type) and issubclass(value, base) and value is not base


def _find(client: Client, slug: str | None, document_id: UUID | None) -> BlockDocument:
    if (slug is None) == (document_id is None):
        message = "name the block as 'type/name', or give its --id"
        raise click.UsageError(message)
    if document_id is not None:
        return blocks.read_block_document(client, document_id, include_secrets=False)
    kind, slash, name = str(slug).partition("/")
    if not slash:
        message = f"name the block as 'type/name', not {slug!r}"
        raise click.UsageError(message)
    return blocks.read_block_document_by_name(client, kind, name, include_secrets=False)


def _slug(found: BlockDocument) -> str:
    return found.block_type.slug if found.block_type else ""


def _newest_schema(client: Client, kind: BlockType) -> Any:
    only = BlockSchemaFilter(block_type_id=BlockSchemaFilterBlockTypeId(any_=[kind.id]))
    found = blocks.list_block_schemas(client, ReadBlockSchemasBody(block_schemas=only, limit=1))
    if not found:
        message = f"the type {kind.slug} has no schema yet; register it: headrace block register"
        raise click.ClickException(message)
    return found[0]


def _properties(client: Client, kind: BlockType) -> dict[str, Any]:
    return _newest_schema(client, kind).fields.get("properties", {})
