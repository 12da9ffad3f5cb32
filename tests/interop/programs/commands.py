"""Runs commands of the contract's command line, each in a child of a process that imported it once.

A line on standard input is a command's arguments, JSON, or an object of its `arguments`, `cwd` and
`environment`; a line on standard output is how it ended and what it printed. To start the real program
for each of a hundred commands takes minutes. With the argument `headrace` our own command is run, beside
the contract's SDK, which projects import.
"""

import importlib
import importlib.metadata
import json
import os
import pkgutil
import sys
import tempfile
import traceback
from typing import IO, Any, NoReturn

import prefect.cli


def main() -> None:
    program = sys.argv[1] if len(sys.argv) > 1 else "prefect"
    for module in pkgutil.iter_modules(prefect.cli.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"prefect.cli.{module.name}")
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name=program)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                run(entry, json.loads(line), out, err)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            texts = [text_of(out), text_of(err)]
        answers.write(json.dumps([code, *texts]) + "\n")
        answers.flush()


def run(
    entry: importlib.metadata.EntryPoint,
    asked: list[str] | dict[str, Any],
    out: IO[bytes],
    err: IO[bytes],
) -> NoReturn:
    """Be the command."""
    arguments = asked
    if isinstance(asked, dict):
        arguments = asked["arguments"]
        os.environ.update(asked["environment"])
        os.chdir(asked["cwd"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out.fileno(), 1)
    os.dup2(err.fileno(), 2)
    sys.argv = [entry.name, *arguments]
    code: object = 1
    try:
        code = entry.load()()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - the edge of the process: it is printed
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def text_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    main()
