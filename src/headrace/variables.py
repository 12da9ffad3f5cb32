"""Variables: named values kept on the server, for flows to read."""

from collections.abc import Sequence
from typing import Any

from headrace.client import variables as requests
from headrace.engine.api import api
from headrace.errors import ObjectAlreadyExists, ObjectNotFound
from headrace.wire.variables import VariableCreate, VariableUpdate

Value = str | int | bool | float | dict[str, Any] | list[Any] | None


class Variable:
    """A variable, as it was when it was written.

    Args:
        name: Its name.
        value: What JSON can hold.
        tags: To find it by.
    """

    __slots__ = ("name", "tags", "value")

    def __init__(self, name: str, value: Value, tags: Sequence[str] = ()) -> None:
        self.name = name
        self.value = value
        self.tags = list(tags)

    @classmethod
    def get(cls, name: str, default: Value = None) -> Value:
        """The value of a variable, or `default` where there is none of this name."""
        try:
            return requests.read_variable_by_name(api(), name).value
        except ObjectNotFound:
            return default

    @classmethod
    def set(
        cls, name: str, value: Value, tags: Sequence[str] | None = None, overwrite: bool = False
    ) -> "Variable":
        """Write a variable.

        Args:
            name: Its name.
            value: What JSON can hold.
            tags: To find it by.
            overwrite: Replace the value if there is one.

        Raises:
            ObjectAlreadyExists: There is one, and `overwrite` is false.
            ValidationFailed: The name or the value is not allowed.
        """
        body = VariableCreate(name=name, value=value, tags=list(tags or ()))
        try:
            requests.create_variable(api(), body)
        except ObjectAlreadyExists:
            if not overwrite:
                raise
            update = VariableUpdate(value=value)
            if tags is not None:
                update.tags = list(tags)
            requests.update_variable(api(), name, update)
        return cls(name, value, tags or ())

    @classmethod
    def unset(cls, name: str) -> bool:
        """Remove a variable; false when there was none of this name."""
        try:
            requests.delete_variable(api(), name)
        except ObjectNotFound:
            return False
        return True

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, {self.value!r})"
