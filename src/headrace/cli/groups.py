"""What every command and group has in common.

A group loads a command's module only when that command is run. A command takes, besides what its help
lists, the longer forms of the contract's command line: `--no-x` for a switch `--x`, `--empty-x` for an
option that may be given several times, and `--name VALUE` for an argument NAME.
"""

import os
from collections.abc import Sequence
from typing import Any

import click

from headrace._bindings import load


def set_prompt(ctx: click.Context, param: click.Parameter, value: bool | None) -> None:
    """Note whether prompts may be shown, for this command and what it starts."""
    del ctx, param
    if value is not None:
        os.environ["HEADRACE_CLI_PROMPT"] = str(value).lower()


_PROMPT = click.Option(
    ["--prompt/--no-prompt"], default=None, expose_value=False, hidden=True, callback=set_prompt
)
"""The root's option, taken after a command's name as well."""


class Command(click.Command):
    """A command that takes the contract's longer forms too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own, and whether prompts may be shown."""
        own = super().get_params(ctx)
        return own if any("--prompt" in one.opts for one in own) else [*own, _PROMPT]

    def make_parser(self, ctx: click.Context) -> Any:
        """As click does, with the longer forms of options added; help does not list them."""
        parser = super().make_parser(ctx)
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        taken = {name for each in options for name in (*each.opts, *each.secondary_opts)}
        for option in options:
            names = [name.removeprefix("--") for name in option.opts if name.startswith("--")]
            if option.multiple:
                _add(parser, option, [f"--empty-{name}" for name in names], ())
            elif option.is_flag and not option.is_eager:
                longer = [f"--no-{name}" for name in names]
                _add(parser, option, [name for name in longer if name not in taken], False)  # noqa: FBT003  # the value
        return parser

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after arguments given by name have been put in their places."""
        return super().parse_args(ctx, self._placed(ctx, list(args)))

    def _placed(self, ctx: click.Context, args: list[str]) -> list[str]:
        arguments = [p for p in self.get_params(ctx) if isinstance(p, click.Argument)]
        options = {name for p in self.get_params(ctx) for name in (*p.opts, *p.secondary_opts)}
        first: list[str] = []  # of arguments that stand before any that was given without a name
        last: list[str] = []
        is_leading = True
        for argument in arguments:
            flag = f"--{(argument.metavar or argument.name or '').lower()}"
            named, args = ([], args) if flag in options else _taken_out(args, flag)
            if named:
                (first if is_leading else last).extend(named)
            else:
                is_leading = False
        return [*first, *args, *(["--", *last] if last else [])]


def _add(parser: Any, option: click.Option, names: list[str], value: object) -> None:
    if names:
        parser.add_option(option, names, dest=option.name, action="store_const", const=value)


def _taken_out(args: Sequence[str], flag: str) -> tuple[list[str], list[str]]:
    """The values of a flag, and the arguments without it and them."""
    values: list[str] = []
    rest: list[str] = []
    words = iter(args)
    for word in words:
        if word == flag:
            values += [value for value in [next(words, None)] if value is not None]
        elif word.startswith(f"{flag}="):
            values.append(word.partition("=")[2])
        else:
            rest.append(word)
    return values, rest


class Group(click.Group):
    """A group of such commands."""

    command_class = Command


class LazyGroup(Group):
    """A group whose commands are named in a table: name → (`module:attribute`, one line of help).

    The line stands here so that `--help` of the group imports none of its commands.
    """

    def __init__(
        self, *args: Any, commands_table: dict[str, tuple[str, str]] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._table = commands_table or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        return sorted({*self._table, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, its module imported now."""
        if cmd_name in self._table:
            return load(self._table[cmd_name][0])
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name in the message when there is no such command."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            wrong = args[0]
            raise click.UsageError(self._unknown(ctx, wrong), ctx) from None

    def _unknown(self, ctx: click.Context, wrong: str) -> str:
        near = sorted(self.list_commands(ctx), key=lambda name: _distance(name, wrong))[:1]
        hint = f" Did you mean '{near[0]}'?" if near and _distance(near[0], wrong) <= 3 else ""
        return f"there is no command '{wrong}' in '{ctx.command_path}'.{hint}"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table where it has them."""
        rows = [(name, self._short_help(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _short_help(self, ctx: click.Context, name: str) -> str:
        if name in self._table:
            return self._table[name][1]
        command = super().get_command(ctx, name)
        return command.get_short_help_str(limit=200) if command else ""


def _distance(one: str, other: str) -> int:
    """How many letters are to be inserted, removed or changed to make one of the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        previous, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (a != b))
    return row[-1]
