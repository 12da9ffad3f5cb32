"""The findings of a comparison as a page."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from headrace.testing.differential.findings import Findings

SHOWN = 8  # of the differences of one operation


@dataclass(frozen=True, slots=True)
class Versions:
    """What was compared.

    Args:
        ours: Version of Headrace.
        peer: Version of the peer.
        databases: What our servers kept their rows in.
    """

    ours: str
    peer: str
    databases: tuple[str, ...]


def write_report(
    day: date, versions: Versions, command: str, of_part: Mapping[str, Findings]
) -> str:
    """Markdown: what was compared, how much of it, what is different on purpose, and what else.

    Args:
        day: When.
        versions: Of what.
        command: That wrote it.
        of_part: The findings by what was compared.
    """
    total = sum(findings.unexplained for findings in of_part.values())
    meant: Counter[str] = Counter()
    for findings in of_part.values():
        meant.update(findings.deliberate)
    lines = [
        "# Answers beside those of the contract's server",
        "",
        f"Headrace {versions.ours} on {' and '.join(versions.databases)} beside Prefect {versions.peer}, "
        f"{day.isoformat()}. This page is written by",
        "",
        f"    {command}",
        "",
        f"Unexplained differences: **{total}**.",
        "",
    ]
    lines += _counts(of_part)
    lines += ["", "## Different on purpose", ""]
    lines += [f"- {reason} ({count} times)" for reason, count in sorted(meant.items())]
    lines += ["", "## By operation", "", *_operations(of_part)]
    for part, findings in of_part.items():
        lines += _differences(part, findings)
    return "\n".join(lines) + "\n"


def _counts(of_part: Mapping[str, Findings]) -> list[str]:
    lines = [
        "| part | loaded | questions | answered by all | the peer failed | unexplained |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for part, found in of_part.items():
        loaded = ", ".join(f"{count:,} {_plural(noun)}" for noun, count in found.loaded.items())
        lines.append(
            f"| {part} | {loaded} | {found.asked.total():,} | {found.answered.total():,} "
            f"| {found.failed.total():,} | {found.unexplained:,} |"
        )
    return lines


def _plural(noun: str) -> str:
    return noun.replace("_", " ") + "s"


def _operations(of_part: Mapping[str, Findings]) -> list[str]:
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    different: Counter[str] = Counter()
    for found in of_part.values():
        asked.update(found.asked)
        answered.update(found.answered)
        failed.update(found.failed)
        different.update({one: len(several) for one, several in found.differences.items()})
    lines = [
        "| operation | asked | answered by all | the peer failed | unexplained |",
        "| --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| `{one}` | {asked[one]:,} | {answered[one]:,} | {failed[one]:,} | {different[one]:,} |"
        for one in sorted({*asked, *different})
    ]


def _differences(part: str, findings: Findings) -> list[str]:
    lines: list[str] = []
    for operation, several in sorted(findings.differences.items()):
        lines += ["", f"### {part}: {operation}", ""]
        lines += [f"    {what}" for what in several[:SHOWN]]
    return lines
