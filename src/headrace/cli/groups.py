"""Command groups that load a command's module only when that command is run."""

from typing import Any

import click

from headrace._bindings import load


class LazyGroup(click.Group):
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
