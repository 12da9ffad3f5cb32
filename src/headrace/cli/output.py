"""What a command prints: JSON for programs, tables and cards for people.

Results go to standard output; progress, hints and errors to standard error, so that a pipe carries
nothing but results.
"""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

import click

from headrace._bindings import load

F = TypeVar("F", bound=Callable[..., Any])

NARROWEST = 40  # columns; below this a table is not made narrower
STATE_COLOURS = {
    "COMPLETED": "green",
    "RUNNING": "blue",
    "PENDING": "cyan",
    "SCHEDULED": "yellow",
    "PAUSED": "magenta",
    "CANCELLING": "magenta",
    "CANCELLED": "bright_black",
    "FAILED": "red",
    "CRASHED": "red",
    "READY": "green",
    "ONLINE": "green",
    "NOT_READY": "yellow",
    "OFFLINE": "bright_black",
}


class OutputFormat(StrEnum):
    """How a command prints its result."""

    TEXT = "text"
    JSON = "json"


def _as_format(_context: click.Context, _option: click.Parameter, value: str) -> OutputFormat:
    return OutputFormat(value)


def output_option(command: F) -> F:
    """The `--output` option that commands with a result have."""
    return click.option(
        "--output",
        "-o",
        type=click.Choice([form.value for form in OutputFormat]),
        default=OutputFormat.TEXT.value,
        callback=_as_format,
        help="'json' prints one JSON document for programs.",
    )(command)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json_text(value))


def json_text(value: Any, indent: int = 2) -> str:
    """A JSON document; what encodes it is loaded only now, for `version` needs none of it."""
    return load("msgspec.json:format")(load("msgspec.json:encode")(value), indent=indent).decode()


def show(fields: Mapping[str, Any], output: OutputFormat, *, whole: Any = None) -> None:
    """One object: as JSON (`whole` where given, else the fields), or as a card of its fields."""
    if output is OutputFormat.JSON:
        print_json(fields if whole is None else whole)
        return
    width = max((len(name) for name in fields), default=0)
    for name, value in fields.items():
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {_cell(value)}")


def show_list(
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    output: OutputFormat,
    *,
    whole: Any,
    empty: str,
) -> None:
    """Many objects: as a JSON list of `whole`, or as a table; `empty` is said where there are none."""
    if output is OutputFormat.JSON:
        print_json(whole)
        return
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [[_cell(value) for value in row] for row in rows]
    for line in _table(list(columns), cells, _width()):
        click.echo(line)


def done(message: str) -> None:
    """Say that something was done."""
    click.echo(f"{click.style('✓', fg='green')} {message}")


def hint(message: str) -> None:
    """Say what to do next; to standard error."""
    click.echo(click.style(message, dim=True), err=True)


def ago(moment: datetime | None) -> str:
    """How long since, or until, a moment, in one unit."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    size = next(
        (f"{int(abs(seconds) // unit)} {name}" for unit, name in _UNITS if abs(seconds) >= unit),
        "0 s",
    )
    return f"{size} ago" if seconds >= 0 else f"in {size}"


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, Mapping | list | tuple):
        return json_text(value, indent=-1) if value else ""
    return str(value)


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return max(NARROWEST, int(columns) if columns.isdigit() else shutil.get_terminal_size().columns)


def _table(columns: list[str], rows: list[list[str]], width: int) -> list[str]:
    """Lines of a table no wider than `width`; the widest columns give way, their text is cut.

    Cut cells end with an ellipsis. Where output is no terminal nothing is cut.
    """
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    if sys.stdout.isatty():
        room = width - 2 * (len(columns) - 1)
        while sum(widths) > room and max(widths) > 8:
            widths[widths.index(max(widths))] -= 1
    head = "  ".join(_fit(name.upper(), w) for name, w in zip(columns, widths, strict=True))
    lines = [click.style(head.rstrip(), bold=True)]
    for row in rows:
        parts = [_coloured(_fit(text, w), text) for text, w in zip(row, widths, strict=True)]
        lines.append("  ".join(parts).rstrip())
    return lines


def _fit(text: str, width: int) -> str:
    line = " ".join(text.split("\n"))
    return line.ljust(width) if len(line) <= width else line[: width - 1] + "…"


def _coloured(shown: str, text: str) -> str:
    colour = STATE_COLOURS.get(text.upper())
    return click.style(shown, fg=colour) if colour else shown
