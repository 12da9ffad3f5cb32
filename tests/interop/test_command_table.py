"""Commands of the contract's command line print with us what they print with its own server."""

import json

import pytest

from tests.interop import command_table
from tests.interop.contract_client import CommandLine
from tests.interop.served import Served

pytestmark = pytest.mark.timeout(240)


def test_commands_print_the_same(prefect: CommandLine, served: Served) -> None:
    """The same exit codes and, but for ids, times and words of the server's own, the same text."""
    expected = json.loads(command_table.RECORDED.read_text())
    found: list[str] = []
    for at, (line, code, text) in enumerate(command_table.run_all(prefect, served)):
        if [code, command_table.digest(text)] != expected[f"{at} {line}"]:
            found.append(f"{line}: {code}, expected {expected[f'{at} {line}'][0]}\n{text[-800:]}")
    assert not found, "\n\n".join(found)
