"""Blocks that every server knows."""

from typing import Any, ClassVar, Final, cast

import pydantic

from headrace import __version__
from headrace.blocks.core import Block
from headrace.core.system_blocks import SYSTEM_BLOCKS

_BY_SLUG: Final = {block.slug: block for block in SYSTEM_BLOCKS}


class Secret(Block):
    """One value that is stored encrypted and hidden wherever it is shown.

    Args:
        value: Text, or anything that JSON can hold.
    """

    _block_type_name: ClassVar[str | None] = "Secret"
    _block_type_slug: ClassVar[str | None] = "secret"
    _block_schema_version: ClassVar[str] = __version__

    value: pydantic.Secret[Any]

    @pydantic.field_validator("value", mode="before")
    @classmethod
    def _unpack(cls, value: Any) -> Any:
        if not isinstance(value, pydantic.SecretStr | pydantic.Secret):
            return value
        return cast("pydantic.Secret[Any]", value).get_secret_value()

    def get(self) -> Any:
        """The secret value."""
        return self.value.get_secret_value()

    @classmethod
    def schema_fields(cls) -> dict[str, Any]:
        """The schema that servers have of it from the start."""
        return dict(_BY_SLUG["secret"].fields)
