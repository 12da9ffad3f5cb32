"""Wire objects of history."""

from datetime import datetime

from headrace.wire.objects import Wire
from headrace.wire.states import StateType


class HistoryResponseState(Wire, kw_only=True):
    count_runs: int
    state_name: str
    state_type: StateType
    sum_estimated_lateness: float
    sum_estimated_run_time: float


class HistoryResponse(Wire, kw_only=True):
    interval_end: datetime
    interval_start: datetime
    states: list[HistoryResponseState]
