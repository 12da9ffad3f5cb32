"""Options that `@flow` and `@task` share, checked where they are given."""

from collections.abc import Callable, Sequence
from typing import Any

from headrace.errors import ConfigurationError, NotImplementedYet

Hook = Callable[..., Any]
"""Called with the flow or task, its run and the state. May be a coroutine function in async runs."""


def checked_hooks(hooks: Sequence[Hook] | None, option: str) -> list[Hook]:
    """A list of hooks from an option of `@flow` or `@task`.

    Raises:
        ConfigurationError: It is not a list of functions.
    """
    if hooks is None:
        return []
    if isinstance(hooks, str) or callable(hooks):
        message = f"{option} takes a list of functions, not {hooks!r}. Write {option}=[…]."
        raise ConfigurationError(message)
    for hook in hooks:
        if not callable(hook):
            message = f"{option} holds {hook!r}, which cannot be called."
            raise ConfigurationError(message)
    return list(hooks)


def first_given(*wishes: bool | None) -> bool:
    """The first of some wishes that is not None; False when all are."""
    return next((wish for wish in wishes if wish is not None), False)


def refuse_not_yet(result_storage: Any, result_serializer: Any) -> None:
    """Say what of results is not there yet, instead of ignoring it.

    Raises:
        NotImplementedYet: A storage block or a serializer other than pickle was asked for.
    """
    if result_storage is not None:
        message = f"result_storage={result_storage!r} is not supported yet; results lie in files."
        raise NotImplementedYet(message)
    if result_serializer not in (None, "pickle"):
        message = f"result_serializer={result_serializer!r} is not supported yet; pickle is."
        raise NotImplementedYet(message)
