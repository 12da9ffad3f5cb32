"""What placeholders name outside of a deployment file: variables, blocks and the environment."""

import os
from collections.abc import Callable, Mapping

from headrace.client.blocks import read_block_document_by_name
from headrace.client.http import Client
from headrace.client.variables import read_variable_by_name
from headrace.core.placeholders import MISSING, Reference, look_into_block
from headrace.errors import ConfigurationError, ObjectNotFound


class References:
    """Looks references up, each one once.

    Args:
        connect: Gives a client of the API that has the variables and blocks; called when one is named.
        environment: The process's own where none is given.
    """

    def __init__(
        self, connect: Callable[[], Client], environment: Mapping[str, str] | None = None
    ) -> None:
        self._connect = connect
        self._environment = os.environ if environment is None else environment
        self._known: dict[Reference, object] = {}

    def look_up(self, reference: Reference) -> object:
        """The value; `MISSING` for a variable or an environment variable that does not exist.

        Raises:
            ConfigurationError: There is no such block, or it has no such field.
            HeadraceError: The API refuses, or does not answer.
        """
        if reference not in self._known:
            self._known[reference] = self._read(reference)
        return self._known[reference]

    def _read(self, reference: Reference) -> object:
        if reference.kind == "environment":
            return self._environment.get(reference.name, MISSING)
        if reference.kind == "variable":
            try:
                return read_variable_by_name(self._connect(), reference.name).value
            except ObjectNotFound:
                return MISSING
        return self._read_block(reference.name)

    def _read_block(self, name: str) -> object:
        address, *path = name.split(".")
        slug, _, document = address.partition("/")
        try:
            values = read_block_document_by_name(self._connect(), slug, document).data
            return look_into_block(values, path)
        except ObjectNotFound:
            message = f"there is no block {document!r} of the type {slug!r}; save it first"
        except KeyError as error:
            message = f"the block {slug}/{document} has no field {error.args[0]!r}"
        raise ConfigurationError(message) from None
