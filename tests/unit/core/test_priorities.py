"""Priorities of a pool's queues."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.priorities import last_priority, make_room


def test_a_queue_without_a_priority_comes_last():
    assert last_priority({}) == 1
    assert last_priority({"a": 1, "b": 7}) == 8


@pytest.mark.parametrize(
    ("others", "priority", "moved"),
    [
        ({"default": 1}, 1, {"default": 2}),
        ({"a": 1, "b": 2, "c": 4}, 1, {"a": 2, "b": 3}),
        ({"a": 1, "b": 2}, 10, {}),
    ],
)
def test_only_the_unbroken_run_of_queues_moves(others, priority, moved):
    assert make_room(others, priority) == moved


@given(st.sets(st.integers(1, 30)), st.integers(1, 31))
def test_priorities_stay_unique_and_the_others_keep_their_order(taken, priority):
    others = {f"q{p}": p for p in taken}
    after = others | make_room(others, priority)
    assert len({*after.values(), priority}) == len(after) + 1
    assert sorted(others, key=others.__getitem__) == sorted(after, key=after.__getitem__)
