"""The block types that every server has, as data: what they are called and what they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SystemBlock:
    """A block type with the newest schema of its blocks.

    Args:
        name: What people see.
        slug: What programs and placeholders call it.
        description: What it is for.
        fields: Its schema.
        capabilities: What its blocks can do.
        code_example: How a flow uses it, in Markdown; none where no class of ours does.
    """

    name: str
    slug: str
    description: str
    fields: Fields
    capabilities: tuple[str, ...] = ()
    code_example: str | None = None


def _fields(
    slug: str,
    title: str,
    description: str,
    properties: Mapping[str, Mapping[str, object]],
    *,
    required: tuple[str, ...] = (),
    secret: tuple[str, ...] = (),
) -> Fields:
    placed = {
        name: {**given, "position": position}
        for position, (name, given) in enumerate(properties.items())
    }
    fields: dict[str, object] = {
        "block_schema_references": {},
        "block_type_slug": slug,
        "description": description,
        "properties": placed,
        "secret_fields": list(secret),
        "title": title,
        "type": "object",
    }
    if required:
        fields["required"] = list(required)
    return MappingProxyType(fields)


def _example(module: str, name: str, use: str) -> str:
    return f"```python\nfrom {module} import {name}\n\nblock = {name}.load('my-block')\n{use}\n```"


_HIDDEN: Final = "One value that is stored encrypted and hidden wherever it is shown."
_LOCAL: Final = "A folder on the machine that reads or writes it."
_REMOTE: Final = "A folder in storage elsewhere, reached through fsspec."
_WEBHOOK: Final = "An address that is called over HTTP."

_FILES: Final = ("read-path", "write-path", "get-directory", "put-directory")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")

SYSTEM_BLOCKS: Final = (
    SystemBlock(
        name="Secret",
        slug="secret",
        description=_HIDDEN,
        code_example=_example("headrace.blocks.system", "Secret", "value = block.get()"),
        fields=_fields(
            "secret",
            "Secret",
            _HIDDEN,
            {
                "value": {
                    "description": "What is to be kept secret: text, or any JSON.",
                    "format": "password",
                    "title": "Value",
                    "writeOnly": True,
                }
            },
            required=("value",),
            secret=("value",),
        ),
    ),
    SystemBlock(
        name="Local File System",
        slug="local-file-system",
        description=_LOCAL,
        fields=_fields(
            "local-file-system",
            "LocalFileSystem",
            _LOCAL,
            {
                "basepath": {
                    "anyOf": [{"type": "string"}, {"type": "null"}],
                    "default": None,
                    "description": "The folder that paths start from; the working directory if none.",
                    "title": "Base path",
                }
            },
        ),
        capabilities=_FILES,
    ),
    SystemBlock(
        name="Remote File System",
        slug="remote-file-system",
        description=_REMOTE,
        fields=_fields(
            "remote-file-system",
            "RemoteFileSystem",
            _REMOTE,
            {
                "basepath": {
                    "description": "Where paths start, with the scheme: s3://bucket/folder",
                    "title": "Base path",
                    "type": "string",
                },
                "settings": {
                    "additionalProperties": True,
                    "description": "Arguments for the storage's fsspec class, such as credentials.",
                    "title": "Settings",
                    "type": "object",
                },
            },
            required=("basepath",),
            secret=("settings.*",),
        ),
        capabilities=_FILES,
    ),
    SystemBlock(
        name="Webhook",
        slug="webhook",
        description=_WEBHOOK,
        fields=_fields(
            "webhook",
            "Webhook",
            _WEBHOOK,
            {
                "method": {
                    "default": "POST",
                    "description": "The HTTP method of the call.",
                    "enum": list(_METHODS),
                    "title": "Method",
                    "type": "string",
                },
                "url": {
                    "description": "The address that is called.",
                    "format": "password",
                    "title": "URL",
                    "type": "string",
                    "writeOnly": True,
                },
                "headers": {
                    "description": "Headers that are sent with it.",
                    "title": "Headers",
                    "type": "object",
                },
                "allow_private_urls": {
                    "default": True,
                    "description": "Whether the address may be one inside of your own network.",
                    "title": "Allow private addresses",
                    "type": "boolean",
                },
                "verify": {
                    "default": True,
                    "description": "Whether the certificate of the address is checked.",
                    "title": "Verify certificates",
                    "type": "boolean",
                },
            },
            required=("url",),
            secret=("url", "headers.*"),
        ),
    ),
)
"""In the order in which they are installed."""
