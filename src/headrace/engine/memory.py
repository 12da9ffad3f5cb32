"""What becomes of a run whose memory ran out: it is told apart from an error of its code."""

import os
from traceback import clear_frames

from headrace.infrastructure.process.limits import MEMORY_VARIABLE, use_reserve
from headrace.states import State, StateType, exception_to_failed_state


def state_of_memory_error(error: MemoryError) -> State:
    """The final state of a run that was refused memory.

    Where its job has a limit, Crashed, as when the system ends such a process; else an error like others.
    """
    limit = os.environ.get(MEMORY_VARIABLE)
    if limit is None:
        return exception_to_failed_state(error, "Flow run raised ")
    use_reserve()
    clear_frames(error.__traceback__)  # what the flow had put together is of no use any more
    return State(StateType.CRASHED, message=f"The run ran out of memory: limit {limit} MiB.")
