"""Programs at a terminal of their own: Ctrl-C, and how they end."""

from typing import Any

import pexpect

PATIENCE_SECONDS = 5
"""After which Ctrl-C is pressed again."""

PRESSES = 12


def interrupt(program: Any) -> int:
    """Press Ctrl-C; the exit code. Pressed again where nothing comes of it for a while: the
    interpreter sees one that comes between the prompt and its read of the terminal only then."""
    for _ in range(PRESSES):
        program.sendintr()
        if program.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=PATIENCE_SECONDS) == 0:
            break
    return ended(program)


def ended(program: Any) -> int:
    """The exit code, once the program has ended."""
    program.expect(pexpect.EOF)
    program.close()
    return program.exitstatus
