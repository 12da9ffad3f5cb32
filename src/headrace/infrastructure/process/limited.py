"""A program that keeps itself within limits and then becomes a job's command.

For starters that must not run code of ours between the fork and the command.
"""

import os
import sys

import msgspec

from headrace.infrastructure.process.limits import Limits, limit_this_process


def limited_command(
    limits: Limits, group: str, place: int, command: tuple[str, ...]
) -> tuple[str, ...]:
    """What to execute instead of a command that has limits."""
    told = msgspec.json.encode((limits, group, place)).decode()
    return (sys.executable, "-I", "-m", __name__, told, *command)


def main(told: str, command: list[str]) -> None:
    """Be the command, within limits."""
    limits, group, place = msgspec.json.decode(told, type=tuple[Limits, str, int])
    limit_this_process(limits, group, place)
    try:
        os.execvp(command[0], command)  # noqa: S606  # the deployment's own command
    except OSError as error:
        sys.exit(f"the command {' '.join(command)!r} cannot be started: {error}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
