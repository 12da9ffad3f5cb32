"""Headrace: write Python functions, mark them, and have them run where they should."""

from typing import Any

from headrace._bindings import PUBLIC, load

__version__ = "0.1.0"
__all__ = ["__version__", *PUBLIC]  # pyright: ignore[reportUnsupportedDunderAll]  # lazy names


def __getattr__(name: str) -> Any:
    if name not in PUBLIC:
        message = f"module 'headrace' has no attribute {name!r}"
        raise AttributeError(message)
    value = load(PUBLIC[name])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
