"""Deployments: flows with a place, a schedule and parameters, served here or run by a pool."""

from typing import Any

from headrace._bindings import PACKAGES, lazy_name

__all__ = list(PACKAGES[__name__])  # pyright: ignore[reportUnsupportedDunderAll]  # lazy names


def __getattr__(name: str) -> Any:
    return lazy_name(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)
