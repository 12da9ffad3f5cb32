"""Steps: what is done before a deployment is made (build, push) and before its runs start (pull)."""

from typing import Any

from headrace._bindings import PACKAGES, lazy_name

__all__ = list(PACKAGES[__name__])  # pyright: ignore[reportUnsupportedDunderAll]  # lazy names


def __getattr__(name: str) -> Any:
    return lazy_name(__name__, name)


def __dir__() -> list[str]:
    return sorted(__all__)
