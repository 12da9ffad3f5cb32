"""Futures and states among a run's arguments: who they wait for, and what they become."""

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.annotations import Annotation, allow_failure, opaque, quote
from headrace.containers import ATOMS, elements, is_container, leaves, rebuilt
from headrace.context import FlowRunContext
from headrace.errors import UpstreamTaskError
from headrace.futures import Future
from headrace.states import State, StateType

_UNRESOLVED = (Future, State, Annotation)


def upstreams(
    parameters: Mapping[str, Any], wait_for: Any, context: FlowRunContext | None
) -> dict[str, list[str]]:
    """The task runs that each argument comes from, by the argument's name."""
    inputs: dict[str, list[str]] = {}
    for name, value in parameters.items():
        inputs[name] = [] if value.__class__ in ATOMS else _makers(value, context)
    if wait_for is not None:
        inputs["wait_for"] = _makers(_as_list(wait_for), context)
    return inputs


def _makers(value: Any, context: FlowRunContext | None) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for leaf in _leaves(value):
        maker = _maker(leaf, context)
        if maker is not None and maker not in seen:
            seen.add(maker)
            found.append(maker)
    return found


def _maker(leaf: Any, context: FlowRunContext | None) -> str | None:
    if isinstance(leaf, Future):
        return leaf.id_text
    if isinstance(leaf, State):
        run_id = (leaf.details or {}).get("task_run_id")
        return str(run_id) if run_id else None
    return context.produced.maker(leaf) if context is not None else None


def _leaves(value: Any) -> Iterable[Any]:
    """What may be a future, a state or a known result, in any depth of plain containers."""
    if isinstance(value, quote | opaque):
        return
    if isinstance(value, Annotation):
        yield from _leaves(value.value)
        return
    yield value
    for element in elements(value):
        if element.__class__ not in ATOMS:
            yield from _leaves(element)


def pending_futures(parameters: Mapping[str, Any], wait_for: Any) -> list[Future]:
    """The futures that must be over before the run may start, in order."""
    found: list[Future] = []
    for value in parameters.values():
        if value.__class__ not in ATOMS:
            found += [leaf for leaf in _leaves(value) if isinstance(leaf, Future)]
    if wait_for is not None:
        found += [leaf for leaf in _leaves(_as_list(wait_for)) if isinstance(leaf, Future)]
    return found


def wait_all(futures: Iterable[Future]) -> None:
    """Block until every future is over."""
    for future in futures:
        future.wait()


def resolved(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with results in place of futures and states.

    Raises:
        UpstreamTaskError: One of them did not complete, and is not marked `allow_failure`.
    """
    return {
        name: value if value.__class__ in ATOMS else _resolve(value, may_fail=False)
        for name, value in parameters.items()
    }


def check_upstreams(wait_for: Any) -> None:
    """Make sure that everything in `wait_for` completed.

    Raises:
        UpstreamTaskError: Something did not, and is not marked `allow_failure`.
    """
    if wait_for is not None:
        for item in _as_list(wait_for):
            _resolve(item, may_fail=False)


def _resolve(value: Any, *, may_fail: bool) -> Any:
    if isinstance(value, quote | opaque):
        return value.value
    if isinstance(value, Annotation):
        return _resolve(value.value, may_fail=may_fail or isinstance(value, allow_failure))
    if isinstance(value, Future):
        return _result(value.state, value.id_text, may_fail=may_fail)
    if isinstance(value, State):
        run_id = (value.details or {}).get("task_run_id")
        return _result(value, str(run_id or value.id), may_fail=may_fail)
    if is_container(value) and any(isinstance(leaf, _UNRESOLVED) for leaf in leaves(value)):
        return rebuilt(value, lambda element: _resolve(element, may_fail=may_fail))
    return value


def _result(state: State, run_id: str, *, may_fail: bool) -> Any:
    if state.type is StateType.COMPLETED:
        return state.result()
    if may_fail and state.is_final():
        return state.result(raise_on_failure=False)
    message = f"Upstream task run {run_id} did not complete; it is {state.name}."
    raise UpstreamTaskError(message)


def _as_list(wait_for: Any) -> list[Any]:
    return list(elements(wait_for)) if is_container(wait_for) else [wait_for]
