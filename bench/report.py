"""The results as a page: medians side by side, errors, versions, machine, date."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import Figure
from bench.sides import Side

Results = dict[str, list[Figure]]  # by the side's name


HEAD = """# Results

Made by `uv run python -m bench`. Medians. All figures of a table are of one run: one side after the
other, on the same machine. The peer's default settings are the base of the factors.
"""


def read_or_begin(path: Path, *, add: bool) -> str:
    """What stands on the page before this run: its head, with `add` all that is there."""
    return path.read_text() if add and path.exists() else HEAD


def write(path: Path, before: str, results: Results, sides: list[Side], repeats: int) -> None:
    """Write the page to `path`: what stood there before, and this run."""
    run = "\n".join([*_about(sides, repeats), *_table(results, sides)])
    path.write_text(f"{before}\n{run}\n")


def _about(sides: list[Side], repeats: int) -> list[str]:
    lines = [
        f"- date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- machine: {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {_processor()}, {platform.platform()}",
        f"- Python {platform.python_version()}; samples per figure: {max(5, repeats)} or more",
    ]
    for side in sides:
        settings = ", ".join(f"`{k}={v}`" for k, v in side.settings.items()) or "as installed"
        lines.append(f"- {side.name}: {_version(side)}; settings: {settings}")
    return [*lines, ""]


def _table(results: Results, sides: list[Side]) -> list[str]:
    base = {f.row: f.median for f in results.get("prefect", []) if f.samples}
    names = [s.name for s in sides]
    by_side = {name: {f.row: f for f in results.get(name, [])} for name in names}
    rows = list(dict.fromkeys(f.row for name in names for f in results.get(name, [])))
    lines = [
        "| row | unit | " + " | ".join(names) + " | headrace to prefect | budget | verdict |",
        "| --- | --- |" + " ---: |" * (len(names) + 1) + " --- | --- |",
    ]
    for row in rows:
        figures = [by_side[name].get(row) for name in names]
        own = by_side.get("headrace", {}).get(row)
        any_figure = next(f for f in figures if f)
        peer = base.get(row)
        cells = [_cell(f) for f in figures]
        factor = f"{own.median / peer:.2f}x" if own and own.samples and peer else ""
        verdict = own.budget.verdict(own.median, peer) if own and own.samples else ""
        lines.append(
            f"| {row} | {any_figure.unit} | "
            + " | ".join(cells)
            + f" | {factor} | {_budget(any_figure, peer)} | {verdict} |"
        )
    return lines


def _cell(figure: Figure | None) -> str:
    if figure is None or not figure.samples:
        return "n/a"
    errors = f" ({figure.errors} errors)" if figure.errors else ""
    return (
        f"{figure.median:.3g}{errors}" if figure.median < 1000 else f"{figure.median:,.0f}{errors}"
    )


def _budget(figure: Figure, peer: float | None) -> str:
    budget = figure.budget
    if budget.times_peer is not None:
        target = budget.target(peer)
        return f"≥ {budget.times_peer:g}x" + (f" = {target:,.0f}" if target else "")
    return f"≤ {budget.at_most:.3g}" if budget.at_most is not None else f"≥ {budget.at_least:g}"


def _version(side: Side) -> str:
    code = f"import importlib.metadata as m; print(m.version('{side.package}'))"
    return (
        f"{side.package} "
        + subprocess.run(
            [str(side.python), "-c", code], capture_output=True, text=True, timeout=60, check=True
        ).stdout.strip()
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
