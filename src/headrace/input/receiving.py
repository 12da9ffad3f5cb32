"""Sending inputs to running flow runs, and receiving them there."""

import time
from collections.abc import Iterator, Set
from typing import Any, Self
from uuid import UUID

from headrace.context import FlowRunContext
from headrace.input.models import RunInput, new_input_key, run_input_from_type
from headrace.input.stored import (
    create_flow_run_input,
    ensure_flow_run_id,
    filter_flow_run_input,
)

FIRST_POLL = 0.1  # seconds between the first looks for an input
POLL_SHARE = 0.1  # a look every tenth of the time waited so far, up to the poll interval


class GetInputHandler(Iterator[Any]):
    """Gives the inputs that are sent to a run, one after the other, waiting for the next.

    Args:
        run_input_cls: Their type.
        key_prefix: What their keys begin with.
        timeout: Seconds to wait for the next one; then the iteration ends.
        poll_interval: Seconds between two looks at the server, at most.
        raise_timeout_error: Raise `TimeoutError` instead of ending.
        exclude_keys: Inputs that were seen already.
        flow_run_id: By default the run that runs here.
        with_metadata: Give plain values in their `RunInput`, with where they came from.
    """

    def __init__(  # noqa: PLR0917  # the contract's signature
        self,
        run_input_cls: type[RunInput],
        key_prefix: str,
        timeout: float | None = 3600,
        poll_interval: float = 10,
        raise_timeout_error: bool = False,
        exclude_keys: Set[str] | None = None,
        flow_run_id: UUID | None = None,
        with_metadata: bool = True,
    ) -> None:
        self.run_input_cls = run_input_cls
        self.key_prefix = key_prefix
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.raise_timeout_error = raise_timeout_error
        self.exclude_keys = set(exclude_keys or ())
        self.flow_run_id = ensure_flow_run_id(flow_run_id)
        self.with_metadata = with_metadata

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            return self.next()
        except TimeoutError:
            if self.raise_timeout_error:
                raise
            raise StopIteration from None

    def next(self) -> Any:
        """The next input.

        Raises:
            TimeoutError: None came in time.
        """
        started = time.monotonic()
        while True:
            found = filter_flow_run_input(self.key_prefix, 1, self.exclude_keys, self.flow_run_id)
            if found:
                self.exclude_keys.add(found[0].key)
                instance: Any = self.run_input_cls.load_from_flow_run_input(found[0])
                return instance if self.with_metadata else instance.value
            waited = time.monotonic() - started
            if self.timeout is not None and waited >= self.timeout:
                message = f"No input came within {self.timeout} seconds."
                raise TimeoutError(message)
            time.sleep(min(max(FIRST_POLL, waited * POLL_SHARE), self.poll_interval))


def receive_input(  # noqa: PLR0917  # the contract's signature
    input_type: Any,
    timeout: float | None = 3600,
    poll_interval: float = 10,
    raise_timeout_error: bool = False,
    exclude_keys: Set[str] | None = None,
    key_prefix: str | None = None,
    flow_run_id: UUID | None = None,
    with_metadata: bool = False,
) -> GetInputHandler:
    """Wait for inputs of a type: iterate over what this returns, or call its `next`.

    Args: as for `GetInputHandler`; plain types are wrapped, and given bare unless `with_metadata`.
    """
    wanted = run_input_from_type(input_type)
    is_plain = not (isinstance(input_type, type) and issubclass(input_type, RunInput))
    return GetInputHandler(
        run_input_cls=wanted,
        key_prefix=key_prefix or f"{wanted.__name__.lower()}-auto",
        timeout=timeout,
        poll_interval=poll_interval,
        raise_timeout_error=raise_timeout_error,
        exclude_keys=exclude_keys,
        flow_run_id=flow_run_id,
        with_metadata=with_metadata or not is_plain or "value" not in wanted.model_fields,
    )


def send_input(
    run_input: Any, flow_run_id: UUID, sender: str | None = None, key_prefix: str | None = None
) -> None:
    """Send a value to a flow run, where `receive_input` of its type waits for it.

    Args:
        run_input: A `RunInput`, a pydantic model, or a plain value.
        flow_run_id: The run.
        sender: Who sends it; by default the run that runs here.
        key_prefix: What the receiver listens for; by default the type's name.
    """
    context = FlowRunContext.get()
    if sender is None and context is not None:
        sender = f"prefect.flow-run.{context.flow_run_id}"
    if isinstance(run_input, RunInput):
        run_input.send_to(flow_run_id, sender, key_prefix)
        return
    wanted = run_input_from_type(type(run_input))
    key = new_input_key(key_prefix or f"{wanted.__name__.lower()}-auto")
    is_model = hasattr(run_input, "model_dump")
    value = run_input.model_dump(mode="json") if is_model else {"value": run_input}
    create_flow_run_input(key, value, flow_run_id, sender)
