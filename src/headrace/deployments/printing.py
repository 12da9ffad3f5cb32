"""What registering deployments prints: a table, and the command to run next."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One deployment in the table."""

    name: str
    status: str
    detail: str = ""


def table(title: str, rows: Sequence[Row]) -> str:
    """A plain table that is as wide as it must be."""
    heads = Row("Name", "Status", "Details")
    shown = [heads, *rows]
    columns = 3 if any(row.detail for row in rows) else 2
    cells = [[row.name, row.status, row.detail][:columns] for row in shown]
    widths = [max(len(line[i]) for line in cells) for i in range(columns)]
    rule = "+".join("-" * (width + 2) for width in widths)
    lines = [title, f"+{rule}+"]
    for number, line in enumerate(cells):
        body = " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        lines.append(f"| {body} |")
        if number == 0:
            lines.append(f"+{rule}+")
    lines.append(f"+{rule}+")
    return "\n".join(lines)


def say(text: str) -> None:
    """Print to whoever started this."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
