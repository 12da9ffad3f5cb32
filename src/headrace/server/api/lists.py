"""The bounds of lists: how many rows a caller gets and may ask for."""

from msgspec import UNSET, UnsetType

from headrace.errors import Unprocessable
from headrace.server.config import ServerConfig


def choose_limit(config: ServerConfig, limit: int | UnsetType | None) -> int:
    """The number of rows to answer with. Raises `Unprocessable` where too many are asked for."""
    if limit is UNSET or limit is None:
        return config.default_limit
    if limit < 0:
        raise Unprocessable("Invalid limit: must be greater than or equal to 0.")
    if limit > config.default_limit:
        bound = config.default_limit
        raise Unprocessable(f"Invalid limit: must be less than or equal to {bound}.")
    return limit
