"""The findings of a comparison as a page."""

from headrace.testing.differential.comparison import SHOWN, Findings


def write_report(findings: Findings, database: str) -> str:
    """Markdown: what was loaded and asked, and every operation that differs.

    Args:
        findings: Of one comparison.
        database: What our server kept its rows in.
    """
    asked, answered = findings.asked.total(), findings.answered.total()
    loaded = ", ".join(f"{count} {noun}" for noun, count in sorted(findings.loaded.items()))
    number = sum(map(len, findings.differences.values()))
    lines = [
        f"## Seed {findings.seed}, ours on {database}",
        "",
        f"Loaded on both sides: {loaded} ({findings.seconds['load']:.0f} s).",
        f"Asked: {asked} questions, {answered} answered with success by both "
        f"({findings.seconds['reads']:.0f} s).",
        f"Differences: {number}; meant: {findings.deliberate.total()}.",
        "",
        "| operation | asked | answered | different |",
        "| --- | --- | --- | --- |",
    ]
    for operation in sorted({*findings.asked, *findings.differences}):
        different = len(findings.differences.get(operation, []))
        lines.append(
            f"| `{operation}` | {findings.asked[operation]} | {findings.answered[operation]} "
            f"| {different} |"
        )
    lines += [""]
    lines += [f"- {count} times: {reason}" for reason, count in findings.deliberate.items()]
    for operation, several in sorted(findings.differences.items()):
        lines += ["", f"### {operation}", ""]
        lines += [f"    {what}" for what in several[:SHOWN]]
    return "\n".join(lines) + "\n"
