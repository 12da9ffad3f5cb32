"""Runs a page's blocks as a reader would: in order, in one directory, with one shell's environment."""

import contextlib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import SystemRandom

import pexpect

from tests.docs.blocks import Block, Command, commands_of, pattern

SECONDS = 90
"""A command's bound; on a busy machine the slowest takes a tenth of it."""

SHOWN_SERVER = "127.0.0.1:4200"
"""The address that pages show; the test's server is at another port."""

SPACE = r"(?:\s|\x1b\[[0-9;]*m)+"
"""Between words at a terminal: colours too."""

TYPED = "⏎"
"""At the end of a shown line: what follows its last `: ` is typed by the reader."""


class Session:
    """A reader at work.

    Args:
        place: The directory that the page's files are in.
        home: Headrace's home directory of this reader.
        server: `host:port` of the server that commands find; None where the page starts its own.
        **more: Further variables of the environment.
    """

    def __init__(self, place: Path, home: Path, server: str | None, **more: str) -> None:
        self._place = place
        self._server = server or f"127.0.0.1:{_free_port()}"
        self._state = home / "shell-state"
        self._running: list[tuple[subprocess.Popen[bytes], Path]] = []
        self._last_output = ""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADRACE_", "PREFECT_"))}
        self._environment = kept | {
            "HEADRACE_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "COLUMNS": "80",
            "PYTHONPATH": "",
        }
        self._environment |= more
        if server is None:
            self._environment["HEADRACE_SERVER_API_PORT"] = self._server.rpartition(":")[2]
        else:
            self._environment["HEADRACE_API_URL"] = f"http://{server}/api"
        self._state.write_text(f"cd {shlex.quote(str(place))}\n")

    def run(self, block: Block) -> None:
        """Do what the block's language says."""
        {
            "python": self._python,
            "console": self._console,
            "text": self._text,
            "yaml": self._file,
            "toml": self._file,
            "json": self._file,
            "ini": self._file,
            "dockerfile": self._file,
        }[block.language](block)

    def close(self) -> None:
        """End what was left running, the last one first, and a server that a failure left behind."""
        for folder in (self._state.parent, self._place):
            for left in folder.rglob("server.json"):
                os.kill(json.loads(left.read_text())["pid"], signal.SIGTERM)
        for process, log in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            assert code in {0, 130, -signal.SIGTERM, 128 + signal.SIGTERM}, log.read_text()

    def _file(self, block: Block) -> None:
        if block.title:
            path = self._place / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self._here(block.text))

    def _python(self, block: Block) -> None:
        if block.title:
            self._file(block)
            return
        path = self._place / f"block_{block.line}.py"
        path.write_text(self._here(block.text))
        self._last_output = self._shell(f"python {path.name}", block)

    def _text(self, block: Block) -> None:
        """What the program above it prints."""
        self._compare(block, tuple(block.text.splitlines()), self._last_output)

    def _console(self, block: Block) -> None:
        commands = list(commands_of(block))
        if "terminal" in block.title.lower():
            for command in commands[:-1]:
                self._command(block, command)
            self._leave_running(block, commands[-1])
            return
        for command in commands:
            self._command(block, command)

    def _command(self, block: Block, command: Command) -> None:
        if any(line.endswith(TYPED) for line in command.shown):
            self._converse(block, command)
            return
        fails = any(line.startswith("Error: ") for line in command.shown)
        output = self._shell(command.text, block, fails=fails)
        self._last_output = output
        if command.shown:
            self._compare(block, command.shown, output)

    def _shell(self, command: str, block: Block, *, fails: bool = False) -> str:
        done = subprocess.run(
            ["bash", "-c", self._script(command)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
            text=True,
            check=False,
        )
        said = f"{block}: {command}\nended with {done.returncode}:\n{done.stdout}"
        assert (done.returncode != 0) == fails, said
        return done.stdout

    def _script(self, command: str) -> str:
        """The command, between what the commands before it left and what it leaves."""
        state = shlex.quote(str(self._state))
        keep = f'{{ export -p; echo cd "$(printf %q "$PWD")"; }} > {state}'
        return f"set -a\n. {state}\n{self._here(command)}\ncode=$?\n{keep}\nexit $code"

    def _leave_running(self, block: Block, command: Command) -> None:
        """Start it, and wait until it has said what is shown."""
        log = self._state.with_name(f"running-{block.line}")
        script = f". {shlex.quote(str(self._state))}\nexec {self._here(command.text)}"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["bash", "-c", script],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append((process, log))
        wanted, deadline = (
            pattern(tuple(map(self._here, command.shown))),
            time.monotonic() + SECONDS,
        )
        while not wanted.match(log.read_text()):
            said = f"{block}: {command.text} said, in place of what is shown:\n{log.read_text()}"
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def _converse(self, block: Block, command: Command) -> None:
        """Answer at a terminal as the page shows it."""
        program = pexpect.spawn(
            "bash",
            ["-c", self._script(command.text)],
            env=self._environment | {"COLUMNS": "200"},
            timeout=SECONDS,
            encoding="utf-8",
            dimensions=(60, 200),
        )
        try:
            for line in command.shown:
                if line.endswith(TYPED):
                    asked, _, typed = line.removesuffix(TYPED).rpartition(": ")
                    program.expect(words(self._here(asked)))
                    program.expect(": ")
                    program.sendline(typed.strip())
                elif line.strip("… "):
                    program.expect(words(self._here(line)))
            program.expect(pexpect.EOF)
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            message = f"{block}: {command.text}\nnot as shown:\n{error}"
            raise AssertionError(message) from None
        finally:
            program.close()
        assert program.exitstatus == 0, f"{block}: {command.text}\n{program.before}"

    def _compare(self, block: Block, shown: tuple[str, ...], output: str) -> None:
        wanted = tuple(map(self._here, shown))
        assert pattern(wanted).fullmatch(output + ("" if output.endswith("\n") else "\n")), (
            f"{block} shows\n" + "\n".join(wanted) + f"\n\nand what came is\n{output}"
        )

    def _here(self, text: str) -> str:
        return text.replace(SHOWN_SERVER, self._server)


def words(line: str) -> str:
    """A shown line as what a terminal may show: any space between words, `…` for any text."""
    parts = [SPACE.join(map(re.escape, part.split())) for part in line.split("…")]
    return "[^\n]*?".join(parts)


def _free_port() -> int:
    """A port for the server that a page starts. None of those that the system gives to whoever asks
    for any: such a one could be another's when the server comes to it."""
    for port in SystemRandom().sample(range(20_000, 32_000), 50):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("of fifty ports none is free")
