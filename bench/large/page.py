"""The page of results: one section for each kind of database, each with the run it is of."""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

HEAD = """# A large database

Made by `uv run --group bench python -m bench.large --database …`: a year of work, one million flow runs
with five million task runs and ten million log lines, asked through the server, one request at a time.
The bounds are those of the design; point calls are compared with the same call on a small database.
"""


def write(path: Path, dialect: str, about: Iterable[str], table: Iterable[str]) -> None:
    """Put this run's section in the place of the one that there was for this kind of database."""
    sections = _sections(path.read_text()) if path.exists() else {}
    sections[dialect] = "\n".join([*about, "", *table])
    body = "".join(f"\n## {name}\n\n{text}\n" for name, text in sorted(sections.items()))
    path.write_text(HEAD + body)


def describe(runs: int, many: int, load: tuple[float, float]) -> list[str]:
    """What a reader must know of a run: when, on what, and how busy the machine was."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {runs:,} flow runs; {many} requests of each kind",
        f"- machine: {os.cpu_count()} cores, {memory:.0f} GiB; load (1 min) from {load[0]:.1f} "
        f"to {load[1]:.1f}, of which the measuring itself is 1",
    ]


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
