"""The docs' page of states is the table that the rules are chosen by."""

from pathlib import Path

import pytest

from headrace.core.ids import new_id
from headrace.core.orchestration import diagram
from headrace.core.orchestration.facts import Policy, RunFacts, RunKind
from headrace.core.orchestration.rules import RULES_BY_NAME, decide
from headrace.core.orchestration.table import RULES
from headrace.core.orchestration.verdicts import Accept
from headrace.core.states import State, StateType, default_name

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "states.md"
NOW = "2026-11-21T00:00:00.000000Z"


def test_the_page_is_made_from_the_table() -> None:
    """Whoever changes the table makes the page anew: python -m headrace.core.orchestration.diagram."""
    assert PAGE.read_text(encoding="utf-8") == diagram.page()


def test_every_rule_is_described() -> None:
    """No rule is without a sentence, and no sentence without its rule."""
    assert set(diagram.WORDS) == set(RULES_BY_NAME)


def _state(kind: StateType) -> State:
    return State(
        type=kind, name=default_name(kind), id=new_id(), timestamp=NOW, message=None, details={}
    )


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        (kind, before, after)
        for kind, rules in RULES.items()
        for (before, after), rule in rules.items()
        if rule in diagram.REFUSALS and before is not None
    ],
)
def test_what_the_diagram_leaves_out_is_refused(
    kind: RunKind, before: StateType, after: StateType
) -> None:
    """A pair without an arrow is never entered."""
    run = RunFacts(
        kind=kind,
        state=_state(before),
        policy=Policy(),
        run_count=0,
        has_deployment=True,
        start_time=None,
        end_time=None,
        total_run_time=0.0,
        expected_start_time=NOW,
    )
    assert not isinstance(decide(run, _state(after), NOW), Accept)
