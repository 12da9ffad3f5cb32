"""What a run's row tells about times that are still going on."""

from collections.abc import Mapping
from time import time
from typing import Final

import msgspec

from headrace.core.states import TERMINAL, StateType
from headrace.core.times import seconds_between, to_datetime
from headrace.server.store.database import Row

_OVER: Final = frozenset(state.value for state in TERMINAL)


class _Began(msgspec.Struct):
    timestamp: str


_began = msgspec.json.Decoder(_Began)


def run_time(at: Mapping[str, int], row: Row) -> float:
    """Seconds the run has spent in RUNNING, up to this moment.

    Args:
        at: Where in the row each column stands.
        row: Of a flow run or a task run.
    """
    total: float = row[at["total_run_time"]]
    if row[at["state_type"]] != StateType.RUNNING:
        return total
    began = _began.decode(row[at["state"]]).timestamp
    return total + _seconds_since(began)


def lateness(at: Mapping[str, int], row: Row) -> float:
    """Seconds between when the run was to start and when it did, or has not yet; as `run_time`."""
    expected: str | None = row[at["expected_start_time"]]
    started: str | None = row[at["start_time"]]
    if expected is None:
        return 0.0
    if started is not None:
        return max(0.0, seconds_between(expected, started)) if started > expected else 0.0
    if row[at["state_type"]] in _OVER:
        return 0.0
    return _seconds_since(expected)


def _seconds_since(text: str) -> float:
    """As a number, without making a text of the present first: a list asks this for each of its rows."""
    return max(0.0, time() - to_datetime(text).timestamp())
