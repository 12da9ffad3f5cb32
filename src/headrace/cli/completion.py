"""`headrace completion SHELL`: what makes a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

from headrace.cli.groups import Command

SHELLS = ("bash", "zsh", "fish")
FILES = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/completions/headrace.fish",
}


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    For example, in bash: eval "$(headrace completion bash)"
    """
    kind = get_completion_class(shell)
    if kind is None:
        message = f"there is no completion for {shell}"
        raise click.ClickException(message)
    click.echo(kind(ctx.find_root().command, {}, "headrace", "_HEADRACE_COMPLETE").source())
    click.echo(f"# add it to {FILES[shell]} to have it always", err=True)
