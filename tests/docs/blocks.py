"""The fenced blocks of a page."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
OPTION = re.compile(r'([\w-]+)="([^"]*)"')


@dataclass(frozen=True)
class Block:
    """One fenced block: its language, what else its first line says, and its text."""

    page: Path
    line: int
    language: str
    text: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.options.get("title", "")

    @property
    def not_run(self) -> str:
        """Why it cannot be run, or nothing."""
        return self.options.get("data-not-run", "")

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the lines that are shown below it."""

    text: str
    shown: tuple[str, ...]


def blocks_of(page: Path) -> list[Block]:
    """All blocks, in order."""
    text = page.read_text()
    return [_block(page, text, match) for match in FENCE.finditer(text)]


def _block(page: Path, text: str, match: re.Match[str]) -> Block:
    info, width = match["info"].strip(), len(match["indent"])
    options = dict(OPTION.findall(info))
    bare = OPTION.sub("", info).strip("{} .")
    lines = [line[width:] for line in match["text"].splitlines()]
    line = text.count("\n", 0, match.start()) + 1
    return Block(page, line, bare, "\n".join(lines) + "\n", options)


def commands_of(block: Block) -> Iterator[Command]:
    """The commands: lines that begin with `$ `, gone on with in lines that begin with `> `."""
    command: list[str] = []
    shown: list[str] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            if command:
                yield Command("\n".join(command), tuple(shown))
            command, shown = [line[2:]], []
        elif line.startswith("> ") and not shown:
            command.append(line[2:])
        else:
            assert command, f"{block}: output without a command: {line!r}"
            shown.append(line)
    assert command, f"{block}: no command; one begins with '$ '"
    yield Command("\n".join(command), tuple(shown))


def pattern(shown: tuple[str, ...]) -> re.Pattern[str]:
    """What an output must match: `…` is any text of a line; alone on one, any lines."""
    parts: list[str] = []
    for line in shown:
        text = line.rstrip()
        if text == "…":
            parts.append(r"(?:[^\n]*\n)*?")
        else:
            parts.append("[^\n]*?".join(re.escape(part) for part in text.split("…")) + r" *\n")
    return re.compile("".join(parts))
