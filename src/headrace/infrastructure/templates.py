"""The kinds of pools that the contract knows: what they are called, and their base job templates."""

from importlib.resources import files
from typing import Any, Final

import msgspec

from headrace.infrastructure.process.template import TEMPLATE as PROCESS


class PoolType(msgspec.Struct, frozen=True):
    """One kind of pools.

    Args:
        package: The distribution in which the contract's clients look for the kind.
        display_name: For people.
        description: What becomes of a flow run there.
        template: `job_configuration` and `variables` that a new pool starts with.
    """

    package: str
    display_name: str
    description: str
    template: dict[str, Any] = {}


def _read() -> dict[str, PoolType]:
    raw = files("headrace.infrastructure").joinpath("pool_types.json").read_bytes()
    found = msgspec.json.decode(raw, type=dict[str, PoolType])
    found["process"] = msgspec.structs.replace(found["process"], template=dict(PROCESS))
    return found


POOL_TYPES: Final = _read()

DEFAULT_TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    kind: pool_type.template for kind, pool_type in POOL_TYPES.items()
}
"""The base job template that a new pool of each kind starts with."""
