"""Which rule decides each pair of states: the state machine, as the table that drives it.

A row is the state a run is in, a column the state that is proposed; the word is a rule of
`rules.py`. The diagram in the docs is made from the same tables. The pairs are those of the contract,
but for one: a cancelled run stays cancelled (`over`) and a completed one does not become failed or
cancelled, unless the proposal is forced.
"""

from collections.abc import Mapping
from typing import Final

from headrace.core.orchestration.facts import RunKind
from headrace.core.states import StateType

_FLOW_RUN: Final = """
from        SCHEDULED  PENDING  RUNNING   PAUSED     CANCELLING COMPLETED FAILED  CRASHED CANCELLED
none        accept     admit    accept    accept     accept     accept    accept  accept  accept
SCHEDULED   lateness   admit    start     not_active drop       accept    accept  accept  accept
PENDING     accept     rename   start     not_active accept     accept    accept  accept  accept
RUNNING     accept     no_way   accept    pause      accept     accept    retry   accept  accept
PAUSED      resume     still    resume    not_active stop       leave     leave   leave   leave
CANCELLING  stopping   stopping stopping  stopping   stopping   stopping  stopping stopping accept
COMPLETED   reschedule rerun    rerun     over       over       rerun     over    over    over
FAILED      reschedule rerun    rerun     over       over       accept    accept  over    accept
CRASHED     reschedule rerun    rerun     over       over       accept    accept  over    accept
CANCELLED   reschedule over     over      over       over       over      over    over    accept
"""

_TASK_RUN: Final = """
from        SCHEDULED  PENDING  RUNNING   PAUSED     CANCELLING COMPLETED FAILED  CRASHED CANCELLED
none        accept     accept   begin     accept     accept     accept    accept  accept  accept
SCHEDULED   accept     carry    begin     accept     accept     accept    accept  accept  accept
PENDING     accept     accept   begin     accept     accept     accept    accept  accept  accept
RUNNING     accept     accept   begin     accept     accept     accept    retry   accept  accept
PAUSED      accept     accept   begin     accept     accept     accept    accept  accept  accept
CANCELLING  accept     accept   begin     accept     accept     accept    accept  accept  accept
COMPLETED   rerun      rerun    again     over       over       rerun     kept    over    kept
FAILED      accept     accept   again     over       over       accept    accept  over    accept
CRASHED     accept     accept   again     over       over       accept    accept  over    accept
CANCELLED   accept     accept   again     over       over       over      over    over    accept
"""

Pair = tuple[StateType | None, StateType]


def _read(grid: str) -> Mapping[Pair, str]:
    header, *rows = [line.split() for line in grid.strip().splitlines()]
    return {
        (None if row[0] == "none" else StateType(row[0]), StateType(column)): rule
        for row in rows
        for column, rule in zip(header[1:], row[1:], strict=True)
    }


RULES: Final[Mapping[RunKind, Mapping[Pair, str]]] = {
    "flow-run": _read(_FLOW_RUN),
    "task-run": _read(_TASK_RUN),
}
"""For each kind of run, the rule's name for each pair of states."""
