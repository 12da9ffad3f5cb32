"""Every command and option of the contract's command line is there, or stands here with its reason."""

import json
from pathlib import Path

import click

from headrace.cli.groups import Command
from headrace.cli.root import root

CONTRACT: dict[str, list[str]] = json.loads(
    (Path(__file__).parent / "contract_commands.json").read_text()
)
DEVELOPERS = "makes or marks revisions of the tables: for who writes Headrace, not for who runs it"
NOT_YET = "not there yet"
MISSING = {
    "sdk": NOT_YET,
    "sdk generate": NOT_YET,
    "server database revision": DEVELOPERS,
    "server database stamp": DEVELOPERS,
    "work-pool provision-infra": NOT_YET,
    "work-pool provision-infrastructure": NOT_YET,
    "work-pool storage": NOT_YET,
    "work-pool storage configure": NOT_YET,
    "work-pool storage inspect": NOT_YET,
}
MISSING_OPTIONS = {
    "deployment ls": {"--empty-flow_name"},  # it is an argument here
    "task serve": {"--empty-entrypoints"},  # it is an argument here
    "work-pool create": {
        "--provision-infra", "--provision-infrastructure",
        "--no-provision-infra", "--no-provision-infrastructure",
    },
}  # fmt: skip


def command_at(path: str) -> click.Command | None:
    found: click.Command | None = root
    for word in path.split():
        if not isinstance(found, click.Group):
            return None
        found = found.get_command(click.Context(found), word)
    return found


def accepted(command: click.Command) -> set[str]:
    """Every option that the command's parser takes."""
    ctx = click.Context(command)
    parser = command.make_parser(ctx)
    names = {*parser._long_opt, *parser._short_opt}
    if isinstance(command, Command):
        names |= {f"--{p.name}" for p in command.params if isinstance(p, click.Argument)}
        names |= {
            f"--{(p.metavar or '').lower()}"
            for p in command.params
            if isinstance(p, click.Argument)
        }
    return names


def test_every_command_is_there() -> None:
    """What is missing is exactly what is listed."""
    missing = {path for path in CONTRACT if command_at(path) is None}
    assert missing == set(MISSING)


def test_every_option_is_there() -> None:
    """What a command does not take of the contract's options is exactly what is listed."""
    lacking: dict[str, set[str]] = {}
    for path, options in CONTRACT.items():
        command = command_at(path)
        if command is None or not path:
            continue
        if set(options) - accepted(command):
            lacking[path] = set(options) - accepted(command)
    assert lacking == MISSING_OPTIONS
