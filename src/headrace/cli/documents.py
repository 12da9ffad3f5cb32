"""JSON that comes in through options and files."""

import sys
from pathlib import Path
from typing import Any

import click
import msgspec


def read_document(argument: str) -> Any:
    """The JSON value in a file, or on standard input for `-`.

    Raises:
        click.UsageError: There is no such file, or it holds no JSON.
    """
    try:
        text = sys.stdin.read() if argument == "-" else Path(argument).read_text(encoding="utf-8")
        return msgspec.json.decode(text)
    except OSError as error:
        message = f"cannot read {argument}: {error.strerror}"
        raise click.UsageError(message) from error
    except msgspec.DecodeError as error:
        message = f"{argument} holds no JSON: {error}"
        raise click.UsageError(message) from error


def read_value(text: str, what: str) -> Any:
    """The JSON value of an option: given as it is, in the file that `@file` names, or on input for `-`.

    Raises:
        click.UsageError: There is no such file, or it is no JSON.
    """
    if text == "-" or text.startswith("@"):
        return read_document(text.removeprefix("@"))
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        message = f"{what} is no JSON: {error}"
        raise click.UsageError(message) from error


def read_object(text: str, what: str) -> dict[str, Any]:
    """A JSON object given as an option's value, or on standard input for `-`."""
    source = sys.stdin.read() if text == "-" else text
    try:
        return msgspec.json.decode(source, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        message = f"{what} must be a JSON object: {error}"
        raise click.UsageError(message) from error


def read_assignments(pairs: tuple[str, ...], what: str) -> dict[str, Any]:
    """`name=value` pairs; a value that is JSON is taken as such, any other as text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            message = f"{what} must look like name=value, not {pair!r}"
            raise click.UsageError(message)
        found[name] = as_value(value)
    return found


def as_value(text: str) -> Any:
    """What a person meant by a word: JSON where it is JSON, else the text itself."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
